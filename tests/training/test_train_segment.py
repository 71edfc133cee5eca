"""Training of segmenters from a recipe: what comes out, going on after a kill, and what is refused before it begins."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Mapped
from geoglot.errors import GeoglotError, InputError, ModelError, OutputError, SourceError
from geoglot.models.base import CLIP_MEAN
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segclip.targets import IGNORE
from geoglot.models.upernet import pixel_loss
from geoglot.models.zoo import load_segmenter
from geoglot.recipe import read_recipe
from geoglot.training.crops import CropLoader, CropSampling
from geoglot.training.mask_objective import SegmentObjective, losses_of, segmentation_metrics
from geoglot.training.matching import MaskLoss
from geoglot.training.train_segment import SegmentRecipe, build, train_segment
from geoglot.training.trained import Trained
from labelled import NAMES
from published import save
from tinyclip import store_clip
from tinyrecipe import recipe
from tinysegclip import blocks, their_mask2former, tiny_segclip


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


def test_a_run_tells_what_is_amiss_with_its_images(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In its result, and before it begins."""
    path = recipe(tmp_path)
    for kind in ("images", "masks"):
        shutil.copy(tmp_path / f"set/train/{kind}/0.png", tmp_path / f"set/val/{kind}/9.png")
    save(tmp_path / "set/train/masks/alone.png", np.zeros((8, 8), np.uint8))
    made = train_segment(path, "cpu")
    assert any("left out because no image has such a name" in note for note in made.notes)
    assert any(note.startswith("1 of 3 images of val is also in train") for note in made.notes)
    assert set(made.notes) <= set(caplog.messages) and made.to_json()["notes"] == list(made.notes)


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


@pytest.mark.parametrize("changed", ["times", "masks", "images"])
def test_a_run_whose_data_changed_meanwhile_says_so_to_its_end(tmp_path: Path, changed: str) -> None:
    path = recipe(tmp_path, every=1)

    def train_until(last: int) -> None:
        def die(step: int, steps: int, figures: object) -> None:
            if step == last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train_segment(path, "cpu", die)

    train_until(2)
    for file in (tmp_path / "set/train" / ("images" if changed == "images" else "masks")).iterdir():
        content = np.array(Image.open(file))
        save(file, content if changed == "times" else content[::-1])
        os.utime(file, (1e9, 1e9))
    train_until(3)
    notes = [note for note in train_segment(path, "cpu").notes if "changed after the run began" in note]
    assert len(notes) == (changed != "times")
    assert all(note.startswith("images or labels of train") for note in notes)


def _weights(made: Trained) -> dict[str, torch.Tensor]:
    return load_file(made.model / "weights.safetensors")


def test_the_best_weights_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first evaluation is made the better one, so its weights come out and not the last."""
    seen: list[torch.Tensor] = []

    def judge(self: object, model: torch.nn.Module) -> dict[str, float]:
        seen.append(model.state_dict()["network.places.weight"].clone())
        return {"miou": 1.0 - len(seen) / 10}

    monkeypatch.setattr("geoglot.training.mask_objective.SegmentObjective.evaluate", judge)
    made = train_segment(recipe(tmp_path), "cpu")
    assert (made.figures["step"], made.figures["miou"]) == (2, 0.9)
    stored = _weights(made)["places.weight"]
    assert torch.equal(stored, seen[0]) and not torch.equal(stored, seen[1])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("side = 64", "side = 60", "crops.side must be a multiple of 32, got 60"),
        ('set = "folder"', 'set = "mars"', "no data set is called"),
        ('folder = "set"', 'folder = "set"\ntrain = "autumn"', "no folder .*datasets tile"),
        ('texts = "mini"', 'texts = "nobody"', "no model is called"),
        ("queries = 12", "queries = 5", "raise queries"),
        ("width = 32\nheads", 'classes = ["a"]\nwidth = 32\nheads', "come from the data set"),
        ("layers = 3", "layer = 3", "no key 'layer'"),
        ("[data]", 'backbone = "nowhere"\n[data]', "no model is called"),
        ("[data]", 'whole = "set"\n[data]', "is missing"),
        ("batch = 2", "batch = 2\nscales = [2.0, 0.5]", "the smallest and the largest"),
        ('folder = "set"', 'folder = "set"\nresolution = [2, 1]', "the finest, then the coarsest"),
        ("batch = 2", "batch = 0", "crops.batch must be at least 1"),
        ("layer_type", "layer_typ", "no key 'layer_typ'"),
        ("depths = [1, 1, 1, 1]", "depths = [1, 1, 1]", "depths has 4 numbers"),
        ("heads = 4", "heads = 5", r"run\.toml: width must be a multiple of heads"),
        (
            "queries = 12",
            'queries = 12\nprompts = { template = "a photo" }',
            "in the place of the class, got 'a photo'",
        ),
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


@pytest.mark.parametrize(("mask", "said"), [("train/masks/2", "the id 9"), ("val/masks/1", "the id 9")])
def test_every_mask_is_looked_at_before_training(tmp_path: Path, mask: str, said: str) -> None:
    path = recipe(tmp_path)
    save(tmp_path / "set" / f"{mask}.png", np.full((64, 64), 9, np.uint8) * np.eye(64, dtype=np.uint8))
    with pytest.raises(SourceError, match=said):
        train_segment(path, "cpu")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_masks_are_looked_at_last_for_it_takes_longest(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace('texts = "mini"', 'texts = "nobody"'))
    save(tmp_path / "set/train/masks/2.png", np.full((64, 64), 9, np.uint8))
    with pytest.raises(ModelError, match="nobody"):
        train_segment(path, "cpu")


def test_best_weights_that_are_gone_are_told(tmp_path: Path) -> None:
    def die(step: int, steps: int, figures: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    path = recipe(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train_segment(path, "cpu", die)
    (tmp_path / "run" / "best.safetensors").unlink()
    with pytest.raises(SourceError, match=r"best\.safetensors is missing.*checkpoint\.safetensors too"):
        train_segment(path, "cpu")


def test_a_run_of_another_recipe_is_not_gone_on_with(tmp_path: Path) -> None:
    def die(step: int, steps: int, figures: object) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_segment(recipe(tmp_path, every=1), "cpu", die)
    with pytest.raises(InputError, match="another recipe"):
        train_segment(recipe(tmp_path, crops="seed = 5", every=1), "cpu")


@pytest.mark.parametrize("change", ["image", "class"])
def test_a_run_does_not_go_on_with_another_set(tmp_path: Path, change: str) -> None:
    def die(step: int, steps: int, figures: object) -> None:
        if step == 2:
            raise KeyboardInterrupt

    path = recipe(tmp_path, every=1)
    with pytest.raises(KeyboardInterrupt):
        train_segment(path, "cpu", die)
    train, table = tmp_path / "set" / "train", tmp_path / "set" / "classes.csv"
    if change == "image":
        for kind in ("images", "masks"):
            first = min((train / kind).iterdir())
            shutil.copy(first, first.with_stem("new"))
    else:
        table.write_text(table.read_text().replace(NAMES[-1], "heath"))
    with pytest.raises(InputError, match="of other data"):
        train_segment(path, "cpu")


def test_a_upernet_wants_two_crops(tmp_path: Path) -> None:
    path = recipe(tmp_path, architecture="upernet")
    path.write_text(path.read_text().replace("batch = 2", "batch = 1"))
    with pytest.raises(InputError, match="two or more"):
        train_segment(path, "cpu")


def test_a_whole_mask2former_is_a_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its backbone, its decoders and as many of its queries as there is room for; what it lacks is told."""
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace("[data]", 'whole = "theirs"\n[data]'))
    samples = dataset_of("folder").read(tmp_path / "set", "train")
    assert isinstance(samples, Mapped)
    plain = build(read_recipe(recipe(tmp_path, "plain"), SegmentRecipe), tmp_path, samples).network
    assert isinstance(plain, SegClip)
    theirs = their_mask2former(plain.config)
    theirs.save_pretrained(tmp_path / "theirs")
    made = build(read_recipe(path, SegmentRecipe), tmp_path, samples).network
    assert isinstance(made, SegClip)
    tensors = theirs.state_dict()
    queries = tensors["model.transformer_module.queries_features.weight"]
    learned = made.prompts.learned.weight
    assert len(learned) == len(queries) - len(NAMES) and torch.equal(learned, queries[-len(learned) :])
    assert torch.equal(made.places.weight, tensors["model.transformer_module.queries_embedder.weight"])
    assert "begin at random: fuse" in caplog.text
    store_clip(tmp_path / "theirs-not")
    path.write_text(path.read_text().replace('"theirs"', '"theirs-not"'))
    with pytest.raises(ModelError, match="no Mask2Former"):
        build(read_recipe(path, SegmentRecipe), tmp_path, samples)


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
    groups = SegmentObjective(built, CropLoader(samples, CropSampling()), None, MaskLoss(), pretrained=True).groups(0.1)
    shares = {id(one): group["lr_scale"] for group in groups for one in group["params"]}
    backbone = built.network.get_submodule("backbone")
    assert {shares[id(one)] for one in backbone.get_submodule("body").parameters()} == {0.1}
    assert {shares[id(one)] for one in backbone.get_submodule("fine").parameters()} == {1.0}
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
    figures = segmentation_metrics(np.array([[4, 0, 0, 1], [1, 2, 0, 0], [0, 0, 0, 0]]), ["a", "b", "c"])
    assert set(figures) == {"miou", "miou_of_chance", "mean_f1", "overall_accuracy", "iou/a", "iou/b"}
    for name in ("background", "Background"):
        assert segmentation_metrics(np.eye(2, 3, dtype=int), [name, "b"])["miou_without_background"] == 1
    assert figures["iou/a"] == pytest.approx(4 / 6)
    assert figures["overall_accuracy"] == pytest.approx(6 / 8)
