"""Graphs with numbers of 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conftest import MakeGeotiff
from geoglot.errors import InputError, ModelError
from geoglot.models.base import Card
from geoglot.models.light.light import LightConfig
from geoglot.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, Segmenter, new_segmenter
from geoglot.tasks import quantise as quantising
from geoglot.tasks.export import export_model
from geoglot.tasks.quantise import Quantised, read_tiles

CARD = Card(
    name="light", family="light", dim=0, patch_size=4, tile_size=64, resolution=(0.5, 20.0), mean=IMAGENET_MEAN,
    std=IMAGENET_STD, logit_scale=1.0, licence="", source="", config={"classes": ("water", "grass"), "extra_bands": 1},
)  # fmt: skip


@pytest.fixture
def segmenter() -> Segmenter:
    return new_segmenter(CARD, LightConfig(width=16)).eval()


def test_a_light_model_of_four_bands_becomes_a_graph_of_8_bits(
    segmenter: Segmenter, tmp_path: Path, make_geotiff: MakeGeotiff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which graph is faster depends on the machine, so here the static one is made to be."""
    pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    scene = make_geotiff(rng.integers(0, 255, (4, 128, 192), dtype=np.uint8))
    run = quantising._run
    monkeypatch.setattr(quantising, "_run", lambda graph, tiles: (run(graph, tiles)[0], 1.0 / graph.stat().st_size))
    monkeypatch.setattr(quantising, "_LEAST_SAME", 0.5)
    monkeypatch.setattr(quantising, "_dynamic", quantising._static)
    with pytest.raises(ModelError, match="do not pay"):
        export_model(segmenter, tmp_path / "a.onnx", int8=[scene])
    assert not (tmp_path / "a.onnx").exists()
    monkeypatch.setattr(quantising, "_run", lambda graph, tiles: (run(graph, tiles)[0], graph.stat().st_size))
    plain = export_model(segmenter, tmp_path / "a.onnx")
    made = export_model(segmenter, tmp_path / "b.onnx", int8=[scene])
    assert plain.int8 is None and isinstance(made.int8, Quantised)
    assert made.int8.same >= 0.5 and made.to_json()["int8"]["method"] in ("static", "dynamic")
    assert made.path.stat().st_size < plain.path.stat().st_size / 2


def test_scenes_smaller_than_two_tiles_are_refused(make_geotiff: MakeGeotiff) -> None:
    with pytest.raises(InputError, match="larger scenes"):
        read_tiles([make_geotiff(np.zeros((4, 64, 64), np.uint8) + 9)], CARD, 64)
