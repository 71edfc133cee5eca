from __future__ import annotations

import json
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine

from geoglot.geo import Grid
from geoglot.outputs.cog import Layer, write_cog
from geoglot.outputs.legend import Legend
from geoglot.outputs.strips import encode_strip, read_strip

CLASSES = np.random.default_rng(0).integers(0, 3, (700, 900)).astype(np.uint8)


def write_strips(folder: Path, pixels: np.ndarray, cuts: list[int]) -> list[Path]:
    edges, paths = [0, *cuts, pixels.shape[1]], []
    for top, end in pairwise(edges):
        path = folder / f"s{top:05d}.tif"
        path.write_bytes(encode_strip(np.ascontiguousarray(pixels[:, top:end])))
        paths.append(path)
    return paths


def layer(crs: pyproj.CRS | None, legend: Legend | None, **kwargs: object) -> Layer:
    grid = Grid(crs, Affine(0.5, 0, 500_000, 0, -0.5, 4_000_000), CLASSES.shape)
    tags = (("CLASS_1", "water & <ice>"),)
    return Layer(grid, "uint8", 255, ("class",), legend, tags) if legend else Layer(grid, **kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("cuts", [[], [100, 612]])
def test_strips_become_one_tiled_cog_with_names_and_colours(tmp_path: Path, cuts: list[int]) -> None:
    strips = write_strips(tmp_path, CLASSES[None], cuts)
    legend = Legend(("water & <ice>", "forest"))
    output = tmp_path / "map.tif"
    write_cog(strips, layer(pyproj.CRS(32616), legend), output)
    with rasterio.open(output) as dataset:
        assert dataset.crs.to_epsg() == 32616 and dataset.nodata == 255
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.tags()["CLASS_1"] == "water & <ice>"
        assert dataset.block_shapes == [(512, 512)] and dataset.overviews(1) == [2]
        assert dataset.colormap(1)[1] == (*legend.colours[0], 255)
        assert dataset.descriptions == ("class",)
        assert dataset.transform == Affine(0.5, 0, 500_000, 0, -0.5, 4_000_000)
        np.testing.assert_array_equal(dataset.read(1), CLASSES)
    assert "forest" in (tmp_path / "map.tif.aux.xml").read_text()


def test_without_a_crs_none_is_written(tmp_path: Path) -> None:
    write_cog(write_strips(tmp_path, CLASSES[None], []), layer(None, Legend(("a",))), tmp_path / "map.tif")
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.crs is None


def test_many_bands_have_small_blocks(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    path.write_bytes(encode_strip(np.ones((100, 200, 300), np.float32)))
    layer = Layer(Grid(None, Affine.identity(), (200, 300)), "float32", -1, tuple(map(str, range(100))))
    write_cog([path], layer, tmp_path / "scores.tif")
    with rasterio.open(tmp_path / "scores.tif") as dataset:
        assert dataset.block_shapes[0] == (128, 128)
        assert (dataset.read(100) == 1).all()


def test_scores_keep_their_bands(tmp_path: Path) -> None:
    scores = np.random.default_rng(1).random((2, *CLASSES.shape)).astype(np.float32)
    scores[:, 5, 5] = np.nan
    target = layer(pyproj.CRS(32616), None, dtype="float32", nodata=float("nan"), bands=("water", "forest"))
    write_cog(write_strips(tmp_path, scores, [300]), target, tmp_path / "scores.tif")
    with rasterio.open(tmp_path / "scores.tif") as dataset:
        assert dataset.descriptions == ("water", "forest")
        np.testing.assert_array_equal(dataset.read(), scores)


def test_equal_strips_give_equal_bytes(tmp_path: Path) -> None:
    for name, cuts in (("a.tif", []), ("b.tif", [333])):
        strips = write_strips(tmp_path, CLASSES[None], cuts)
        write_cog(strips, layer(pyproj.CRS(32616), Legend(("a", "b"))), tmp_path / name)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_a_strip_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    path.write_bytes(encode_strip(CLASSES[None]))
    np.testing.assert_array_equal(read_strip(path)[0], CLASSES)


_FULL = """
import resource, signal, sys, json
from itertools import pairwise
from pathlib import Path
import pyproj
from affine import Affine
from geoglot.geo import Grid
from geoglot.errors import OutputError
from geoglot.outputs.cog import Layer, write_cog
from geoglot.outputs.legend import Legend
folder = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
grid = Grid(pyproj.CRS(32616), Affine(1, 0, 0, 0, -1, 0), (700, 900))
try:
    layer = Layer(grid, "uint8", 255, ("class",), Legend(("a", "b")))
    write_cog(sorted(folder.glob("s*.tif")), layer, folder / "map.tif")
except OutputError as error:
    print(json.dumps(str(error)))
"""


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    if not hasattr(resource, "RLIMIT_FSIZE"):
        pytest.skip("file size limits are a thing of Unix")
    write_strips(tmp_path, CLASSES[None], [])
    command = [sys.executable, "-c", _FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "disk is full" in json.loads(done.stdout.splitlines()[-1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s00000.tif"]
