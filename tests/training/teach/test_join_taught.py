"""Several taught models as one, for a map of all that they were taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from drawn import FIELD, TAUGHT, points, save
from geoglot.errors import InputError
from geoglot.models.taught import Taught, join_taught
from geoglot.models.zoo import load_word_model
from geoglot.options import SegmentOptions
from geoglot.tasks.segment.segment import segment
from geoglot.training.teach.teach import teach


def one_against_the_rest(scene: Path, base: Path, folder: Path, kind: int) -> Taught:
    """A model that was taught one class of the field, by places of it and places of all others."""
    frame = points(FIELD, 8)
    frame["Class"] = ["other" if name != TAUGHT[kind] else name for name in frame["Class"]]
    teach(scene, save(frame, folder / f"{kind}.gpkg"), folder / f"model-{kind}", model=base)
    model = load_word_model(folder / f"model-{kind}", device="cpu")
    assert isinstance(model, Taught)
    return model


def test_the_teaching_of_every_model_counts(scene: Path, base: Path, tmp_path: Path) -> None:
    """Each model calls the class of the other one "other"; only what both call so is."""
    models = [one_against_the_rest(scene, base, tmp_path, kind) for kind in (0, 2)]
    options = SegmentOptions(overlay=False)
    segment(scene, "lagoon, shed", tmp_path / "map.tif", model=join_taught(models), options=options)
    with rasterio.open(tmp_path / "map.tif") as file:
        found = file.read(1)
    for kind, id_ in ((0, 1), (1, 0), (2, 2)):  # thicket is neither
        assert (found[kind == FIELD] == id_).mean() > 0.8, TAUGHT[kind]


def test_a_class_that_two_models_teach_is_refused(scene: Path, base: Path, tmp_path: Path) -> None:
    model = one_against_the_rest(scene, base, tmp_path, 0)
    with pytest.raises(InputError, match=r"lagoon.* is taught by two models"):
        join_taught([model, model])


def test_joined_models_are_told_apart_from_each(scene: Path, base: Path, tmp_path: Path) -> None:
    models = [one_against_the_rest(scene, base, tmp_path, kind) for kind in (0, 2)]
    joined = join_taught(models)
    assert joined.classes == ("lagoon", "shed") and len({joined.card.sha256, *(m.card.sha256 for m in models)}) == 3
    assert np.shape(joined.words) == (2, joined.card.dim)
