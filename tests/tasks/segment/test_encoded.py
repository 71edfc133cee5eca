"""An encoded scene is mapped, labelled and asked without its model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from torch import Tensor

from geoglot.errors import InputError
from geoglot.options import FindOptions, ReadOptions, SegmentOptions
from geoglot.scene.encoded_scene import encode_scene
from geoglot.tasks.ask.ask import ask
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.classify import classify
from geoglot.tasks.segment.segment import segment
from stubs import PooledColours
from tinysegclip import tiny_segmenter
from worlds import class_field, paint, write_scene

NAMES = ["water", "forest", "roof"]
READ = ReadOptions(tile=64, overlap=16)


class Counting(PooledColours):
    calls = 0

    def encode_patches(self, pixels: Tensor) -> Tensor:
        type(self).calls += 1
        return super().encode_patches(pixels)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Its windows end where it does: beyond its border pixels are filled otherwise for `find`."""
    return write_scene(tmp_path / "scene.tif", paint(class_field((208, 256), 3), tuple(NAMES)))


def pixels(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        layers: np.ndarray = dataset.read()
    return layers


def test_the_map_is_the_one_of_the_raster(scene: Path, tmp_path: Path) -> None:
    options = SegmentOptions(overlay=False, scores=True)
    straight = segment(scene, NAMES, tmp_path / "straight.tif", model=Counting(), read=READ, options=options)
    with encode_scene(scene, Counting(), read=READ) as encoded:
        before, looks = Counting.calls, AskOptions(FindOptions(background="sand, forest", overlay=False))
        made = segment(encoded, NAMES, tmp_path / "encoded.tif", options=options)
        assert classify(encoded, NAMES).results
        assert ask(encoded, "Is there a roof?", options=looks).value is True
        assert Counting.calls == before
        with pytest.raises(InputError, match="scales"):
            segment(encoded, NAMES, tmp_path / "x.tif", options=SegmentOptions(scales=(1.0, 2.0)))
        with pytest.raises(InputError, match="tile is decided"):
            segment(encoded, NAMES, tmp_path / "x.tif", read=ReadOptions(tile=32))
    assert (pixels(tmp_path / "encoded.tif") == pixels(tmp_path / "straight.tif")).mean() > 0.999
    np.testing.assert_allclose(
        pixels(tmp_path / "encoded.scores.tif"), pixels(tmp_path / "straight.scores.tif"), atol=5e-3
    )
    assert [share.name for share in made.classes] == [share.name for share in straight.classes]


def test_a_scene_of_a_segmenter_has_its_own_classes(scene: Path, tmp_path: Path) -> None:
    options, model = SegmentOptions(overlay=False), tiny_segmenter()
    segment(scene, "water, road", tmp_path / "straight.tif", model=model, options=options)
    with encode_scene(scene, model) as encoded:
        segment(encoded, "water, road", tmp_path / "encoded.tif", options=options)
        segment(encoded, None, tmp_path / "all.tif", options=options)
    assert np.array_equal(pixels(tmp_path / "encoded.tif"), pixels(tmp_path / "straight.tif"))
