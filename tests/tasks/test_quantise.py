"""Graphs with numbers of 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from conftest import UTM, MakeGeotiff
from geoglot.errors import InputError, ModelError
from geoglot.models.card import Card
from geoglot.models.light.light import LightConfig
from geoglot.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, new_segmenter
from geoglot.tasks import export as exporting
from geoglot.tasks import quantise as quantising
from geoglot.tasks.export import Exported, export_model
from geoglot.tasks.quantise import Quantised, Tiles, quantise, read_tiles

CARD = Card(
    name="light", family="light", dim=0, patch_size=4, tile_size=64, resolution=(0.5, 20.0), mean=IMAGENET_MEAN,
    std=IMAGENET_STD, logit_scale=1.0, licence="", source="", config={"classes": ("water", "grass"), "extra_bands": 1},
)  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Exported, Path, Tiles]:
    """What an export with 8 bits is given to quantise, since tracing takes seconds: its result, the graph, tiles."""
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("graph")
    scene = folder / "scene.tif"
    pixels = np.random.default_rng(0).integers(0, 255, (4, 128, 192), dtype=np.uint8)
    form = {"driver": "GTiff", "count": 4, "height": 128, "width": 192, "dtype": "uint8"}
    with rasterio.open(scene, "w", crs="EPSG:32617", transform=UTM, **form) as file:
        file.write(pixels)
    given = list[Tiles]()

    def keep(graph: Path, output: Path, tiles: Tiles) -> Quantised:
        (folder / "kept.onnx").write_bytes(graph.read_bytes())
        given.append(tiles)
        return Quantised("static", 1.0, 2.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "quantise", keep)
        made = export_model(new_segmenter(CARD, LightConfig(width=16)).eval(), folder / "a.onnx", int8=[scene])
    return made, folder / "kept.onnx", given[0]


def test_an_export_of_four_bands_tells_of_its_8_bits(exported: tuple[Exported, Path, Tiles]) -> None:
    made, _, tiles = exported
    assert made.to_json()["int8"] == {"method": "static", "same": 1.0, "speedup": 2.0}
    assert tiles.shape == (6, 4, 64, 64)


@pytest.mark.parametrize("faster", [True, False])
def test_the_faster_graph_is_kept_and_none_where_8_bits_do_not_pay(
    exported: tuple[Exported, Path, Tiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faster: bool
) -> None:
    """Which graph is faster depends on the machine, so here it is the smaller one, or the larger."""
    _, graph, tiles = exported
    run = quantising._run

    def timed(path: Path, tiles: Tiles) -> tuple[np.ndarray, float]:
        return run(path, tiles)[0], path.stat().st_size ** (1.0 if faster else -1.0)

    monkeypatch.setattr(quantising, "_run", timed)
    monkeypatch.setattr(quantising, "_LEAST_SAME", 0.5)
    output = tmp_path / "b.onnx"
    if not faster:
        with pytest.raises(ModelError, match=r"do not pay .*static: 0\.\d+ times as fast"):
            quantise(graph, output, tiles)
        assert not output.exists()
        return
    made = quantise(graph, output, tiles)
    assert made.same >= 0.5 and made.speedup > 1
    assert output.stat().st_size < graph.stat().st_size / 2


def test_scenes_smaller_than_two_tiles_are_refused(make_geotiff: MakeGeotiff) -> None:
    with pytest.raises(InputError, match="larger scenes"):
        read_tiles([make_geotiff(np.zeros((4, 64, 64), np.uint8) + 9)], CARD, 64)
