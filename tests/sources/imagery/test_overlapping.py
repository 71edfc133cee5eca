"""Rasters of two UTM zones over one place, and of four bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
from affine import Affine

from conftest import MakeGeotiff
from geoglot.geo import Grid
from geoglot.pairs.collect.imagery import to_uint8
from geoglot.sources.areas import Box
from geoglot.sources.imagery.scene_folder import LocalImagery, LocalImageryRecipe

LON, LAT = 6.0, 51.0  # where zones 31 and 32 meet
COLOURS = np.array([180, 90, 40, 220], np.uint8)  # the last is infrared


def corner(epsg: int, half: float) -> Affine:
    x, y = pyproj.Transformer.from_crs("OGC:CRS84", epsg, always_xy=True).transform(LON, LAT)
    return Affine(1, 0, round(x) - half, 0, -1, round(y) + half)


@pytest.mark.parametrize("zone", [32631, 32632])
def test_a_tile_comes_from_one_raster_whatever_its_zone(tmp_path: Path, make_geotiff: MakeGeotiff, zone: int) -> None:
    (tmp_path / "rasters").mkdir()
    noise = np.random.default_rng(0).integers(-9, 9, (4, 300, 300))
    pixels = (COLOURS[:, None, None] + noise).clip(1, 255).astype(np.uint8)
    for name, epsg in (("west", 32631), ("east", 32632)):
        make_geotiff(pixels[:3], f"EPSG:{epsg}", corner(epsg, 150), path=tmp_path / f"rasters/{name}.tif")
    make_geotiff(pixels, "EPSG:32631", corner(32631, 150), path=tmp_path / "rasters/naip.tif")
    imagery = LocalImagery(LocalImageryRecipe(tmp_path / "rasters"))
    grid = Grid(pyproj.CRS(zone), corner(zone, 32), (64, 64))
    scenes = imagery.scenes(Box(LON - 1e-4, LAT - 1e-4, LON + 1e-4, LAT + 1e-4), None, None)
    assert {scene.id for scene in scenes} == {"west.tif", "east.tif", "naip.tif"}
    for scene in scenes:
        tile = imagery.read(scene, grid)
        assert tile.valid.all() and tile.pixels.shape == (3, 64, 64)
        assert np.abs(to_uint8(tile).reshape(3, -1).mean(1) - COLOURS[:3]).max() < 3
    imagery.close()
