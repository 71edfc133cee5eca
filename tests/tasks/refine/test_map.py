from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio

from geoglot.errors import InputError
from geoglot.geo import Window
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.sources.raster import open_raster
from geoglot.tasks.refine.edges import Edges
from geoglot.tasks.refine.load import choose_refiner
from geoglot.tasks.refine.map_refiner import MapRefiner
from geoglot.tasks.refine.refiner import CoarseMask, Masks, Refiner, View
from geoglot.tasks.segment.map_files import Outputs
from geoglot.tasks.segment.map_run import segment_with
from scenes import Planted, Thing, plant
from stubs import ColourScorer
from worlds import write_scene

NAMES = ("roof", "sand")
READ = ReadOptions(tile=64, overlap=16)
PLAIN = SegmentOptions(overlay=False)


def mapped(source: Path, output: Path, refiner: Refiner | str | None = None, read: ReadOptions = READ) -> np.ndarray:
    segment_with(
        ColourScorer(NAMES),
        Legend(NAMES),
        source,
        Outputs.of(output, output.with_suffix(".gpkg"), PLAIN),
        read=read,
        options=PLAIN,
        refiner=choose_refiner(refiner),
    )
    with rasterio.open(output) as dataset:
        classes: np.ndarray = dataset.read(1)
    return classes


def scene(tmp_path: Path) -> tuple[Path, Planted]:
    planted = plant((200, 230), [("roof", 60, 60, 25), ("roof", 140, 150, -20)])
    planted.pixels[:, :, 220:] = 0
    return write_scene(tmp_path / "scene.tif", planted.pixels, nodata=0), planted


def test_borders_go_to_the_edges_of_the_picture(tmp_path: Path) -> None:
    source, planted = scene(tmp_path)
    truth = np.logical_or.reduce(planted.masks)
    plain = mapped(source, tmp_path / "plain.tif")
    refined = mapped(source, tmp_path / "edges.tif", "edges")
    wrong = [int(((classes == 1) != truth)[:, :220].sum()) for classes in (plain, refined)]
    assert wrong[1] < 0.7 * wrong[0] and wrong[0] < 500  # of 44,000 pixels
    assert (refined[:, 220:] == 255).all() and (refined[:, :220] != 255).all()


def test_many_regions_of_a_block_are_held_some_at_a_time(tmp_path: Path) -> None:
    things: list[Thing] = [("roof", row, col, 4) for row in range(8, 128, 16) for col in range(8, 128, 16)]
    source = write_scene(tmp_path / "scene.tif", plant((128, 128), things).pixels)
    held: list[int] = []

    class Counting(Edges):
        def __call__(self, view: View, proposals: Sequence[CoarseMask]) -> list[Masks]:
            held.append(len(proposals))
            return super().__call__(view, proposals)

    classes = np.where(np.logical_or.reduce(plant((128, 128), things).masks), 1, 2).astype(np.uint8)

    def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
        place = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
        return classes[place].copy(), np.full(classes[place].shape, 150, np.uint8)

    with open_raster(source) as raster:
        refiner = MapRefiner(raster, Counting(), 4, frozenset({0, 255}), 200)
        rows = list(refiner.rows(read))
    assert sum(held) == len(things) + 1 and max(held) <= 16
    assert ((rows[0][1] == 1) == (classes == 1)).mean() > 0.97


def test_windows_do_not_change_a_refined_map(tmp_path: Path) -> None:
    source, _ = scene(tmp_path)
    one = mapped(source, tmp_path / "one.tif", "edges")
    other = mapped(source, tmp_path / "other.tif", "edges", ReadOptions(tile=104, overlap=24, batch=1))
    np.testing.assert_array_equal(one, other)


class Small(Edges):
    """In blocks of 32 rows; stops the run at a block if asked to."""

    side = 96

    def __init__(self, most: int = 1000) -> None:
        self.calls, self._most = 0, most

    def __call__(self, view: View, proposals: Sequence[CoarseMask]) -> list[Masks]:
        self.calls += 1
        if self.calls > self._most:
            raise KeyboardInterrupt
        return super().__call__(view, proposals)


def test_interrupted_among_the_outlines_it_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    source, _ = scene(tmp_path)
    straight, stopped, rest = Small(), Small(30), Small()
    mapped(source, tmp_path / "straight.tif", straight)
    with pytest.raises(KeyboardInterrupt):
        mapped(source, tmp_path / "again.tif", stopped)
    mapped(source, tmp_path / "again.tif", rest)
    assert 0 < straight.calls - rest.calls <= 30
    for kind in ("tif", "gpkg"):
        assert (tmp_path / f"again.{kind}").read_bytes() == (tmp_path / f"straight.{kind}").read_bytes()


def test_a_refiner_that_is_not_there_costs_no_mapping(tmp_path: Path) -> None:
    source, _ = scene(tmp_path)
    with pytest.raises(InputError, match="none, edges, sam"):
        mapped(source, tmp_path / "map.tif", "magic")
    assert not list(tmp_path.glob(".*"))
