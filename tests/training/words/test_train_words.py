"""Words and unlabelled scenes become a segmenter: what comes out, and how a run goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import MakeGeotiff
from geoglot.errors import InputError, OutputError
from geoglot.models.zoo import load_segmenter
from geoglot.recipe import read_recipe
from geoglot.tasks.segment.segment import segment
from geoglot.training.loop import Fit
from geoglot.training.words.soft_crops import SoftSampling
from geoglot.training.words.train_words import train_words
from geoglot.training.words.words_recipe import Choices, Teaching, WordsRecipe, recipe_beside

FIT = Fit(steps=4, rate=1e-3, evaluate_every=1, checkpoint_every=1, average=0.5)


def colours(bands: int = 3, side: int = 192) -> np.ndarray:
    """Blue beside green, which any teacher tells apart."""
    image = np.zeros((bands, side, side), np.uint8)
    rng = np.random.default_rng(0)
    image[:3, :, : side // 2] = np.array([20, 60, 110])[:, None, None]
    image[:3, :, side // 2 :] = np.array([60, 130, 40])[:, None, None]
    image[3:, :, side // 2 :] = 200
    return np.clip(image + rng.integers(0, 20, image.shape), 0, 255).astype(np.uint8)


def tiny(tmp_path: Path, scene: Path, **changes: object) -> WordsRecipe:
    recipe = WordsRecipe(
        name="tiny", output=tmp_path / "run", scenes=(str(scene),),
        classes={"water": ("water",), "grass": ("grass", "meadow")}, voters=2,
        teacher=Teaching(flips="none", scales=(1.0,)), fit=FIT,
        crops=SoftSampling(batch=2, side=32, scales=(1.0, 1.0)),
    )  # fmt: skip
    return replace(recipe, **changes)  # type: ignore[arg-type]


@pytest.fixture
def scene(make_geotiff: MakeGeotiff) -> Path:
    from affine import Affine

    return make_geotiff(colours(), transform=Affine(0.5, 0, 500_000, 0, -0.5, 4_000_000))


def test_words_become_a_model_that_maps(tmp_path: Path, scene: Path) -> None:
    made = train_words(tiny(tmp_path, scene), "cpu")
    model = load_segmenter(made.model, device="cpu")
    assert model.classes == ("water", "grass")
    assert sum(parameter.numel() for parameter in model.parameters()) <= 12_000_000
    result = segment(scene, None, tmp_path / "map.tif", model=made.model)
    assert {share.name for share in result.classes} >= {"water", "grass"}
    facts = json.loads((tmp_path / "run/taught.json").read_text())
    assert [part["voters"] for part in facts["rounds"]] == [0, 2]
    text = (tmp_path / "run/taught.md").read_text()
    assert "| water |" in text and "That is no accuracy" in text
    with pytest.raises(OutputError, match="complete"):
        train_words(tiny(tmp_path, scene), "cpu")
