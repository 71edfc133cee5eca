from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from geoglot.datasets.sets.bigearthnet import BIGEARTHNET
from geoglot.errors import SourceError
from worlds import write_scene

SEA, ROCK = "Sea and ocean", "Bare rock"


def patch(root: Path, name: str, labels: list[str], values: tuple[int, int, int] = (600, 1500, 6000)) -> None:
    folder = root / "BigEarthNet-v1.0" / name
    folder.mkdir(parents=True)
    for band, value in zip(("B04", "B03", "B02"), values, strict=True):
        write_scene(folder / f"{name}_{band}.tif", np.full((1, 120, 120), value, np.uint16))
    (folder / f"{name}_labels_metadata.json").write_text(json.dumps({"labels": labels, "acquisition_date": ""}))


def test_patches_of_the_list_with_43_labels_as_19(tmp_path: Path) -> None:
    patch(tmp_path, "S2A_1", ["Rice fields", "Vineyards", "Olive groves"])
    patch(tmp_path, "S2A_2", [ROCK])
    patch(tmp_path, "S2A_3", [SEA])
    (tmp_path / "test.csv").write_text("S2A_2,S1A_2\nS2A_1,S1A_1\n")
    scenes = BIGEARTHNET.read(tmp_path, "test")
    assert len(scenes.classes) == 19 and scenes.shows.shape == (2, 19)
    assert not scenes.shows[0].any()
    assert [scenes.classes[index].key for index in np.flatnonzero(scenes.shows[1])] == [
        "Arable land",
        "Permanent crops",
    ]
    pixels = scenes.pictures[1]()
    assert pixels.shape == (3, 120, 120) and pixels.dtype == np.float32
    assert pixels[:, 0, 0] == pytest.approx([0.2, 0.5, 1.0])


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"the list test.csv or bigearthnet-test.csv not found .* https://bigearth"):
        BIGEARTHNET.read(tmp_path, "test")
    patch(tmp_path, "S2A_1", [SEA])
    (tmp_path / "bigearthnet-test.csv").write_text("S2A_1,S1A_1\nS2A_9,S1A_9\n")
    with pytest.raises(
        SourceError, match=r"1 patches of bigearthnet-test.csv, the first BigEarthNet-v1.0/S2A_9, not found"
    ):
        BIGEARTHNET.read(tmp_path, "test")


def test_a_band_that_is_gone_is_told(tmp_path: Path) -> None:
    patch(tmp_path, "S2A_1", [SEA])
    (tmp_path / "test.csv").write_text("S2A_1,S1A_1\n")
    (tmp_path / "BigEarthNet-v1.0/S2A_1/S2A_1_B03.tif").unlink()
    with pytest.raises(SourceError, match="No such file"):
        BIGEARTHNET.read(tmp_path, "test").pictures[0]()


def test_a_band_of_another_size_is_told(tmp_path: Path) -> None:
    patch(tmp_path, "S2A_1", [SEA])
    (tmp_path / "test.csv").write_text("S2A_1,S1A_1\n")
    write_scene(tmp_path / "BigEarthNet-v1.0/S2A_1/S2A_1_B03.tif", np.ones((1, 60, 60), np.uint16))
    with pytest.raises(SourceError, match="must have 120 x 120 px, got 60 x 60"):
        BIGEARTHNET.read(tmp_path, "test").pictures[0]()
