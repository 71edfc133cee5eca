"""Scenes that are here already: a folder of georeferenced rasters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import shapely

from geoglot.errors import InputError
from geoglot.geo import Grid, lonlat_bounds
from geoglot.sources.areas import Box
from geoglot.sources.folder import find_images
from geoglot.sources.imagery.scene import Patch, Scene
from geoglot.sources.imagery.window import read_window
from geoglot.sources.raster import Raster, open_raster
from geoglot.types import Sensor

_DAY = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True)
class LocalImageryRecipe:
    """A folder of rasters: red, green and blue as the sensor's preset says."""

    folder: Path
    sensor: Sensor | None = None
    newest: bool = True
    """Else the nearest in time, for rasters whose tag TIFFTAG_DATETIME or name (2021-06-30, 20210630) tells it."""


class LocalImagery:
    """A folder of rasters."""

    bands: tuple[str, ...] = ("red", "green", "blue")

    def __init__(self, recipe: LocalImageryRecipe) -> None:
        self._recipe, self.newest = recipe, recipe.newest
        if not recipe.folder.is_dir():
            raise InputError(f"there is no folder {recipe.folder}; give one of rasters: imagery.local.folder")

    def identity(self) -> str:
        """Rules, and the state of the files."""
        files = [Path(name) for name in find_images([self._recipe.folder])]
        states = [f"{file.relative_to(self._recipe.folder)} {file.stat().st_size}" for file in files]
        return f"local {self._recipe.sensor} {self._recipe.newest} {states}"

    def scenes(self, box: Box, first: date | None, last: date | None) -> Sequence[Scene]:
        """Those that touch a box, of some days; those of unknown time always."""
        wanted = shapely.box(box.west, box.south, box.east, box.north)
        return [
            scene
            for scene in self._scenes
            if shapely.geometry.shape(scene.outline).intersects(wanted) and _on_days(scene.time, first, last)
        ]

    def read(self, scene: Scene, grid: Grid) -> Patch:
        """Its pixels on a grid. Which are cloud nobody says."""
        raster = self._rasters[scene.id]
        values, valid = read_window(raster.uri, raster.indexes, grid)
        bright = raster.radiometry.apply(np.where(valid, values, 0))
        return Patch(((bright * 255).round() * valid).astype(np.uint8), valid, None)

    def close(self) -> None:
        """Give back all file handles."""
        for raster in self.__dict__.get("_rasters", {}).values():
            raster.close()

    @cached_property
    def _rasters(self) -> dict[str, Raster]:
        """By path below the folder; radiometry is taken once per scene."""
        paths = [Path(name) for name in find_images([self._recipe.folder])]
        opened = {
            path.relative_to(self._recipe.folder).as_posix(): open_raster(path, sensor=self._recipe.sensor)
            for path in paths
        }
        placed = {name: raster for name, raster in opened.items() if raster.native.crs is not None}
        if not placed:
            raise InputError(f"no raster in {self._recipe.folder} says where it lies (a CRS); give georeferenced ones")
        return placed

    @cached_property
    def _scenes(self) -> list[Scene]:
        return [
            Scene(name, _time(raster, name), None, _outline(raster.native), {"image": name})
            for name, raster in self._rasters.items()
        ]


def _outline(grid: Grid) -> dict[str, object]:
    rows, cols = grid.shape
    lon, lat = grid.to_lonlat([0, 0, rows, rows], [0, cols, cols, 0])
    west, _, east, _ = lonlat_bounds(grid)
    if west > east:
        lon = np.where(lon < 0, lon + 360, lon)
    shape: dict[str, object] = shapely.geometry.mapping(shapely.Polygon(np.column_stack([lon, lat])))
    return shape


def _time(raster: Raster, name: str) -> str:
    if raster.time is not None:
        return raster.time.isoformat()
    found = _DAY.search(name)
    return f"{found[1]}-{found[2]}-{found[3]}T12:00:00" if found else ""


def _on_days(time: str, first: date | None, last: date | None) -> bool:
    day = time[:10]
    return not day or not ((first and day < first.isoformat()) or (last and day > last.isoformat()))
