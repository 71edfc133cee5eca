"""Training of segmenters from a recipe: what comes out, going on after a kill, and what is refused before it begins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Mapped
from geoglot.errors import GeoglotError, InputError, OutputError
from geoglot.models.preprocess import CLIP_MEAN
from geoglot.models.segclip.targets import IGNORE
from geoglot.models.segmenter import load_segmenter
from geoglot.training import segment as module
from geoglot.training.matching import MaskLoss
from geoglot.training.recipe import read_recipe
from geoglot.training.segment import SegmentRecipe, Trained, build, train_segment
from geoglot.training.segmentation import losses_of, pixel_loss, set_figures
from labelled import NAMES, write_folder
from tinyclip import store_clip
from tinysegclip import blocks, tiny_segclip

RECIPE = """
name = "tiny"
output = "{output}"
texts = "mini"
architecture = "{architecture}"
[data]
set = "folder"
folder = "set"
[model]
backbone = {{ embedding_size = 8, hidden_sizes = [8, 16, 24, 32], depths = [1, 1, 1, 1], layer_type = "basic" }}
queries = 12
width = 32
heads = 4
feed_forward = 64
layers = 3
encoder_layers = 1
encoder_feed_forward = 64
[upernet]
backbone = {{ embedding_size = 8, hidden_sizes = [8, 16, 24, 32], depths = [1, 1, 1, 1], layer_type = "basic" }}
width = 32
[crops]
batch = 2
side = 64
workers = 0
{crops}
[loss]
sampling = {{ points = 128 }}
[fit]
steps = 4
rate = 1e-3
schedule = "poly"
evaluate_every = 2
checkpoint_every = {every}
"""


def recipe(root: Path, output: str = "run", architecture: str = "segclip", crops: str = "", every: int = 2) -> Path:
    if not (root / "set").exists():
        write_folder(root / "set")
    path = root / f"{output}.toml"
    path.write_text(RECIPE.format(output=output, architecture=architecture, crops=crops, every=every))
    return path


@pytest.mark.parametrize("architecture", ["segclip", "upernet"])
def test_a_recipe_becomes_a_model(tmp_path: Path, architecture: str) -> None:
    made = train_segment(recipe(tmp_path, architecture=architecture), "cpu")
    model = load_segmenter(made.model, device="cpu")
    assert model.classes == NAMES
    assert model.card.tile_size == 64
    scores = model(torch.rand(1, 3, 64, 96))
    assert scores.shape == (1, 7, 16, 24)
    lines = [json.loads(line) for line in made.metrics.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert [("miou" in line, "iou/water" in line) for line in lines] == [(False, False), (True, True)] * 2
    with pytest.raises(OutputError, match="complete"):
        train_segment(recipe(tmp_path, architecture=architecture), "cpu")


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train_segment(recipe(tmp_path, "whole"), "cpu")

    def die(step: int, steps: int, figures: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_segment(recipe(tmp_path, "killed"), "cpu", die)
    again = train_segment(recipe(tmp_path, "killed"), "cpu")
    assert _weights(again).keys() == _weights(whole).keys()
    for name, tensor in _weights(whole).items():
        assert torch.equal(tensor, _weights(again)[name]), name


def _weights(made: Trained) -> dict[str, torch.Tensor]:
    return load_file(made.model / "weights.safetensors")


def test_the_best_weights_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first evaluation is made the better one, so its weights come out and not the last."""
    seen: list[torch.Tensor] = []

    def judge(self: object, model: torch.nn.Module) -> dict[str, float]:
        seen.append(model.state_dict()["network.places.weight"].clone())
        return {"miou": 1.0 - len(seen) / 10}

    monkeypatch.setattr("geoglot.training.segmentation.Segmenting.evaluate", judge)
    stored = _weights(train_segment(recipe(tmp_path), "cpu"))["places.weight"]
    assert torch.equal(stored, seen[0]) and not torch.equal(stored, seen[1])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("side = 64", "side = 60", "multiple of 32"),
        ('set = "folder"', 'set = "mars"', "no data set is called"),
        ('folder = "set"', 'folder = "set"\ntrain = "autumn"', "no images in"),
        ('texts = "mini"', 'texts = "nobody"', "no model is called"),
        ("queries = 12", "queries = 5", "raise queries"),
        ("width = 32\nheads", 'classes = ["a"]\nwidth = 32\nheads', "come from the data set"),
        ("layers = 3", "layer = 3", "no key 'layer'"),
        ("[data]", 'backbone = "nowhere"\n[data]', "no model is called"),
        ("[data]", 'whole = "set"\n[data]', "is missing"),
        ("batch = 2", "batch = 0", "crops.batch is at least 1"),
    ],
)
def test_what_cannot_be_meant_is_told_before_training(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = recipe(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(GeoglotError, match=said) as told:
        train_segment(path, "cpu")
    assert "\n" not in str(told.value)


def test_a_run_of_another_recipe_is_not_gone_on_with(tmp_path: Path) -> None:
    def die(step: int, steps: int, figures: object) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_segment(recipe(tmp_path, every=1), "cpu", die)
    with pytest.raises(InputError, match="another recipe"):
        train_segment(recipe(tmp_path, crops="seed = 5", every=1), "cpu")


def test_a_satellite_tower_can_be_the_backbone(tmp_path: Path) -> None:
    """The last map of a CLIP of patches of 16 px through a pyramid; it begins with the tower's weights."""
    store_clip(tmp_path / "tower")
    path = recipe(tmp_path)
    tower = (
        '{ kind = "vit", hidden_size = 64, intermediate_size = 128, num_hidden_layers = 2, num_attention_heads = 1, '
        "image_size = 64, patch_size = 16 }"
    )
    lines = [
        f"backbone = {tower}" if line.startswith("backbone = {") else line for line in path.read_text().split("\n")
    ]
    path.write_text("\n".join(lines).replace("[data]", 'backbone = "tower"\n[data]').replace("steps = 4", "steps = 1"))
    asked = read_recipe(path, SegmentRecipe)
    samples = dataset_of("folder").read(tmp_path / "set", "train")
    assert isinstance(samples, Mapped)
    built = build(asked, tmp_path, samples)
    stored = load_file(tmp_path / "tower" / "weights.safetensors")
    name = "vision_model.encoder.layers.0.mlp.fc1.weight"
    begun = built.network.get_parameter(name.replace("vision_model", "backbone.body"))
    assert torch.equal(begun, stored[name])
    assert built.card.mean == CLIP_MEAN
    model = load_segmenter(train_segment(path, "cpu").model, device="cpu")
    assert model(torch.rand(1, 3, 96, 64)).shape == (1, 7, 24, 16)


def test_pixel_loss_leaves_ignored_pixels_out() -> None:
    labels = blocks(2)
    scores = torch.randn(2, 7, 24, 24)
    labels[:, 48:] = IGNORE
    other = scores.clone()
    other[:, :, 13:] = 9
    torch.testing.assert_close(pixel_loss(scores, labels), pixel_loss(other, labels))
    assert pixel_loss(scores, torch.full_like(labels, IGNORE)) == 0


def test_crops_where_nothing_counts_are_finite_with_all_parts_on() -> None:
    network = tiny_segclip(layers=3).train()
    losses = losses_of(network, torch.rand(2, 3, 64, 64), torch.full((2, 64, 64), IGNORE), MaskLoss())
    total = torch.stack(list(losses.values())).sum()
    total.backward()
    assert total == 0
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_a_class_that_is_nowhere_has_no_figure() -> None:
    figures = set_figures(np.array([[4, 0, 0, 1], [1, 2, 0, 0], [0, 0, 0, 0]]), ["a", "b", "c"])
    assert set(figures) == {"miou", "mean_f1", "overall_accuracy", "iou/a", "iou/b"}
    assert figures["iou/a"] == pytest.approx(4 / 6)
    assert figures["overall_accuracy"] == pytest.approx(6 / 8)


def test_scipy_is_asked_for_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(GeoglotError, match=r"geoglot\[train\]"):
        train_segment(recipe(tmp_path), "cpu")
