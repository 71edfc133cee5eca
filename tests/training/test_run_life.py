"""A run that goes on, is changed, fills the disk or goes astray: what is kept stays good, and the sentence helps."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from geoglot.errors import InputError, ModelError, OutputError
from geoglot.models.segclip.segclip import Prediction
from geoglot.models.segclip.targets import make_targets
from geoglot.recipe import recipe_facts
from geoglot.training import checkpoint
from geoglot.training.checkpoint import NAME, TrainState
from geoglot.training.identity import differences, identity
from geoglot.training.loop import Fit, Fitted, fit, quiet
from geoglot.training.matching import MaskLoss, match
from geoglot.training.objective import decay_groups
from geoglot.training.processes import SINGLE, Process
from geoglot.training.train_segment import train_segment
from tinyrecipe import recipe
from tinysegclip import blocks, tiny_segclip


class Line:
    """y = w x, with losses of one's own."""

    batch, best = (1, "points"), ""

    def __init__(self, *losses: float) -> None:
        self.model = torch.nn.Linear(1, 1, bias=False)
        self.losses = losses

    def groups(self, weight_decay: float) -> Any:
        return decay_groups(self.model.parameters(), weight_decay)

    def batches(self, first_step: int, stop: int) -> Any:
        return iter(range(first_step, stop))

    def backward(self, batch: int) -> dict[str, float]:
        loss = self.model.weight.sum() * (self.losses[batch] if self.losses else 1.0)
        loss.backward()
        return {"loss": float(loss.detach())}

    def evaluate(self, model: torch.nn.Module) -> dict[str, float]:
        return {}


def run(folder: Path, line: Line, process: Process = SINGLE, steps: int = 4, **settings: Any) -> Fitted:
    how = Fit(steps=steps, checkpoint_every=1, evaluate_every=10, **settings)
    return fit(line, how, folder, identity(recipe_facts(how, folder)), process, quiet)  # type: ignore[arg-type]


def stopped(folder: Path, after: int) -> Line:
    """A run that was killed after so many steps."""
    line = Line()

    def killed(step: int, steps: int, figures: object) -> None:
        if step == after + 1:
            raise KeyboardInterrupt

    how = Fit(steps=4, checkpoint_every=1, evaluate_every=10)
    with pytest.raises(KeyboardInterrupt):
        fit(line, how, folder, identity(recipe_facts(how, folder)), SINGLE, killed)  # type: ignore[arg-type]
    return line


def test_an_identity_tells_what_differs_field_by_field(tmp_path: Path) -> None:
    before, now = Fit(), Fit(steps=8, rate=2e-5)
    old, new = identity(recipe_facts(before, tmp_path), photos="1a"), identity(recipe_facts(now, tmp_path), photos="2b")
    assert differences(old, new) == {
        "photos": "changed",
        "rate": "was 1e-05 and is 2e-05",
        "steps": "was 1000 and is 8",
    }
    assert differences(old, old) == {} and differences("a hash of before", "a hash") == {}


def test_a_run_says_that_it_went_on_and_with_whom(tmp_path: Path) -> None:
    stopped(tmp_path, 2)
    assert run(tmp_path, Line()).notes == ("the run was resumed after 2 of 4 steps",)
    assert run(tmp_path, Line()).notes == ()  # nothing was left to do
    other = tmp_path / "other"
    other.mkdir()
    stopped(other, 2)
    notes = run(other, Line(), Process(0, 3)).notes
    assert len(notes) == 2 and "started with 1 processes and resumed with 3" in notes[1]


@pytest.mark.parametrize("losses", [(1.0, float("nan")), (1.0, float("inf"))])
def test_a_loss_that_is_no_number_stops_the_run_before_its_step(tmp_path: Path, losses: tuple[float, ...]) -> None:
    line = Line(*losses)
    with pytest.raises(ModelError, match=r"after 1 step the loss is .*; lower fit\.rate"):
        run(tmp_path, line)
    assert line.model.weight.isfinite().all()
    assert checkpoint.load(
        TrainState(line.model, torch.optim.AdamW(line.groups(0.0)), None), _recipe(tmp_path), tmp_path
    )


def _recipe(folder: Path) -> str:
    return identity(recipe_facts(Fit(steps=4, checkpoint_every=1, evaluate_every=10), folder))


def test_weights_that_a_step_broke_do_not_replace_a_good_checkpoint(tmp_path: Path) -> None:
    stopped(tmp_path, 1)
    good = (tmp_path / NAME).read_bytes()
    line = Line()

    def breaks(*_: Any, **__: Any) -> None:
        line.model.weight.data.fill_(float("inf"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", breaks)
        with pytest.raises(ModelError, match=r"after 2 steps weight is no longer finite; lower fit\.rate"):
            run(tmp_path, line)
    assert (tmp_path / NAME).read_bytes() == good


def test_a_matching_of_numbers_that_are_none_is_told_as_such() -> None:
    model = tiny_segclip()
    targets = make_targets(blocks(1), 7)
    head = model(torch.rand(1, 3, 96, 96))
    with pytest.raises(FloatingPointError, match="matching"):
        match(Prediction(head.classes, head.masks * float("nan")), targets, MaskLoss())


def test_an_objective_without_a_gradient_is_a_run_gone_astray(tmp_path: Path) -> None:
    line = Line()
    line.backward = lambda batch: (_ for _ in ()).throw(FloatingPointError("the cost is no longer finite"))  # type: ignore
    with pytest.raises(ModelError, match=r"after 0 steps the cost is no longer finite; lower fit\.rate"):
        run(tmp_path, line)


@pytest.mark.parametrize("error", [SafetensorError("I/O error: No space left"), OSError(errno.EFBIG, "File too large")])
def test_a_full_disk_is_told_by_file_and_keeps_the_last_checkpoint(tmp_path: Path, error: Exception) -> None:
    stopped(tmp_path, 1)
    good = (tmp_path / NAME).read_bytes()

    def full(tensors: object, path: Path, header: object) -> None:
        path.write_bytes(b"half")
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save_file", full)
        with pytest.raises(OutputError, match=r"checkpoint\.safetensors.*run the same command again"):
            run(tmp_path, Line())
    assert (tmp_path / NAME).read_bytes() == good
    assert not list(tmp_path.glob(".*part*"))
    assert run(tmp_path, Line()).notes == ("the run was resumed after 1 of 4 steps",)


def test_more_steps_say_why_not_and_how_to_begin_from_the_weights(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    made = train_segment(path, "cpu")
    text = path.read_text()
    path.write_text(text.replace("steps = 4", "steps = 6"))
    with pytest.raises(
        InputError, match=r"fit\.steps was 4 and is 6; the steps decide .* whole = \".*model\""
    ) as error:
        train_segment(path, "cpu")
    assert "\n" not in str(error.value)
    path.write_text(text.replace("rate = 1e-3", "rate = 2e-3"))
    with pytest.raises(InputError, match=r"fit\.rate was 0\.001 and is 0\.002; change that back"):
        train_segment(path, "cpu")
    begun = text.replace('output = "run"', f'output = "more"\nwhole = "{made.model}"')
    path.write_text(begun.replace("steps = 4", "steps = 1").replace("rate = 1e-3", "rate = 1e-12"))
    more = train_segment(path, "cpu")
    assert _weight(more.model) == pytest.approx(_weight(made.model), abs=1e-6)


def _weight(folder: Path) -> list[float]:
    from safetensors.torch import load_file

    return load_file(folder / "weights.safetensors")["places.weight"].flatten()[:8].tolist()


def test_what_is_no_segmenter_is_not_begun_from(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace('texts = "mini"', 'texts = "mini"\nwhole = "mini"'))
    with pytest.raises(ModelError, match="no segmenter to start from"):
        train_segment(path, "cpu")
