"""How a rate rises and falls, what decays, and that a step really takes both: on a line with one weight."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from geoglot.models.segmenter import Segmenter
from geoglot.training import loop
from geoglot.training.loop import Fit, fit, lr_factor
from geoglot.training.mask_objective import SegmentObjective
from geoglot.training.metrics_log import METRICS
from geoglot.training.objective import ParameterGroup, decay_groups
from geoglot.training.processes import SINGLE
from geoglot.training.train_segment import SegmentRecipe
from tinysegclip import tiny_segmenter


def rates(settings: Fit) -> list[float]:
    return [lr_factor(step, settings) for step in range(settings.steps)]


@pytest.mark.parametrize("schedule", ["cosine", "poly"])
def test_a_rate_rises_in_a_line_and_then_falls_to_nearly_nothing(schedule: Any) -> None:
    found = rates(Fit(steps=100, warmup=0.1, schedule=schedule))
    assert found[:10] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert found[10] == 1.0
    assert all(later < earlier for earlier, later in pairwise(found[10:]))
    assert 0 < found[-1] < 0.02
    assert rates(Fit(steps=100, warmup=0.0, schedule=schedule))[0] == 1.0


@pytest.mark.parametrize("fails", [False, True])
def test_trackers_are_closed_whether_or_not_the_run_ends_well(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[str]()
    tracker = SimpleNamespace(log=lambda *_: told.append("step"), close=lambda: told.append("closed"))
    monkeypatch.setattr(loop, "open_trackers", lambda *_: [tracker])

    def report(step: int, *_: object) -> None:
        if fails and step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if fails else nullcontext():
        fit(Line(), Fit(steps=3), tmp_path, "a recipe", SINGLE, report)
    assert told == ["step"] * (2 if fails else 3) + ["closed"]


@pytest.mark.parametrize("done", [0.0, 0.25, 0.5, 0.75])
def test_the_way_down_is_half_a_cosine_or_a_power(done: float) -> None:
    """SGDR (Loshchilov and Hutter, 2017) without restarts; DeepLab's (1 - t)^0.9."""
    settings = Fit(steps=480, warmup=1 / 6)
    step = round(80 + 400 * done)
    assert lr_factor(step, settings) == pytest.approx((1 + math.cos(math.pi * done)) / 2)
    assert lr_factor(step, replace(settings, schedule="poly")) == pytest.approx((1 - done) ** 0.9)


class Line:
    """Minimises |w x|; w is a matrix of one number, with a bias."""

    best, batch = "", (1, "points")

    def __init__(self) -> None:
        self.model = nn.Linear(1, 1)
        nn.init.ones_(self.model.weight)
        nn.init.ones_(self.model.bias)

    def groups(self, weight_decay: float) -> list[ParameterGroup]:
        weight, bias = self.model.weight, self.model.bias
        return [
            {"params": [weight], "weight_decay": weight_decay, "lr_scale": 0.1},
            {"params": [bias], "weight_decay": 0.0, "lr_scale": 1.0},
        ]

    def batches(self, first_step: int, stop: int) -> Iterator[Tensor]:
        yield from torch.ones(stop - first_step, 1, 1)

    def backward(self, batch: Tensor) -> Mapping[str, float]:
        loss = self.model(batch).abs().sum()
        loss.backward()
        return {"loss": float(loss.detach())}

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        return {}


def test_every_step_takes_the_rate_of_the_schedule_and_each_group_its_share(tmp_path: Path) -> None:
    settings = Fit(steps=20, rate=0.01, warmup=0.25, weight_decay=0.5)
    line, run = Line(), []
    fit(line, settings, tmp_path, "a recipe", SINGLE, lambda step, steps, figures: run.append(figures["rate"]))
    assert run == pytest.approx([0.1 * 0.01 * one for one in rates(settings)])  # of the first group
    logged = [json.loads(row)["rate"] for row in (tmp_path / METRICS).read_text().splitlines()]
    assert logged == run
    # Adam moves a parameter with a constant gradient by its rate; AdamW shrinks it by rate x decay besides.
    weight = bias = 1.0
    for one in rates(settings):
        weight = weight * (1 - 0.001 * one * 0.5) - 0.001 * one
        bias -= 0.01 * one
    assert line.model.weight.item() == pytest.approx(weight, rel=1e-4)
    assert line.model.bias.item() == pytest.approx(bias, rel=1e-4)


class Judged(Line):
    """A line whose evaluations have given scores, as a GPU may compute another one where it evaluates again."""

    best = "score"

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores, self.seen = scores, list[Tensor]()

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        self.seen.append(model.state_dict()["weight"].clone())
        return {"score": self.scores.pop(0)}


def test_figures_and_weights_of_a_resumed_run_are_of_one_step(tmp_path: Path) -> None:
    """Though it is killed after its best evaluation and before the next checkpoint."""
    settings, first = Fit(steps=6, rate=0.1, checkpoint_every=5, evaluate_every=2), Judged([0.5, 0.9])

    def die(step: int, *_: object) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(first, settings, tmp_path, "a recipe", SINGLE, die)
    fitted = fit(Judged([0.4, 0.4]), settings, tmp_path, "a recipe", SINGLE, lambda *_: None)
    assert (fitted.metrics["step"], fitted.metrics["score"]) == (4, 0.9)
    assert torch.equal(fitted.model.state_dict()["weight"], first.seen[1])


def test_gradients_are_clipped_to_the_norm_that_was_asked(tmp_path: Path) -> None:
    line, seen = Line(), []
    line.batches = lambda first, steps: iter([torch.full((1, 1), 1000.0)])  # type: ignore[method-assign]
    fit(line, Fit(steps=1, clip=0.5), tmp_path, "a recipe", SINGLE, lambda step, steps, f: seen.append(f["gradient"]))
    assert seen == pytest.approx([math.hypot(1000, 1)])  # what is logged is the norm before
    grads = [one.grad for one in line.model.parameters()]
    assert torch.stack([grad.flatten() for grad in grads if grad is not None]).norm().item() == pytest.approx(0.5)


def test_gains_and_biases_do_not_decay() -> None:
    """GRAFT's groups, as CLIP's: every parameter that learns is in one group."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LayerNorm(4), nn.Linear(4, 2))
    network[2].bias.requires_grad_(False)
    wide, bare = decay_groups(network.parameters(), 0.02)
    assert (wide["weight_decay"], bare["weight_decay"]) == (0.02, 0.0)
    assert [one.ndim for one in wide["params"]] == [4, 2]
    assert [one.ndim for one in bare["params"]] == [1, 1, 1]
    assert wide["lr_scale"] == bare["lr_scale"] == 1.0


@pytest.mark.parametrize("pretrained", [False, True])
def test_a_segmenter_s_groups_hold_every_parameter_once(pretrained: bool) -> None:
    """Norms, biases and embeddings do not decay; a backbone that was trained elsewhere has a tenth of the rate."""
    model = tiny_segmenter()
    groups = objective(model, pretrained).groups(0.05)
    where = {id(one): group for group in groups for one in group["params"]}
    assert len(where) == sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    names = {name: where[id(one)] for name, one in model.named_parameters()}
    assert names["network.backbone.body.encoder.stages.0.layers.0.layer.0.convolution.weight"]["weight_decay"] == 0.05
    assert names["network.decoder.layers.0.cross_attention.q_proj.weight"]["weight_decay"] == 0.05
    for bare in ("network.places.weight", "network.prompts.learned.weight", "network.decoder.level.weight"):
        assert names[bare]["weight_decay"] == 0.0, bare
    for name, parameter in model.named_parameters():
        assert parameter.ndim > 1 or names[name]["weight_decay"] == 0.0, name
        slow = pretrained and name.startswith("network.backbone.body.")
        assert names[name]["lr_scale"] == (0.1 if slow else 1.0), name


def objective(model: Segmenter, pretrained: bool) -> SegmentObjective:
    made = SegmentObjective.__new__(SegmentObjective)
    made.model, made.pretrained = model, pretrained
    return made


def test_the_published_schedules_are_the_defaults() -> None:
    """GRAFT: a cosine with a warm-up; SegCLIP: Mask2Former's polynomial without one."""
    assert (Fit().schedule, Fit().warmup) == ("cosine", 0.05)
    segment = SegmentRecipe.__dataclass_fields__["fit"].default_factory()  # type: ignore[misc]
    assert (segment.schedule, segment.warmup, segment.rate, segment.steps) == ("poly", 0.0, 1e-4, 80_000)
