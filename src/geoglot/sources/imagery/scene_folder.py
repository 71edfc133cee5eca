"""Local scenes: a folder of georeferenced rasters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import shapely

from geoglot.aliases import Sensor
from geoglot.errors import GridError, InputError, ReadError, SourceError
from geoglot.geo import Grid
from geoglot.lonlat import lonlat_bounds
from geoglot.sources.areas import Box
from geoglot.sources.imagery.scene import Imagery, Scene
from geoglot.sources.listing import file_state, find_images, split_utf8_names
from geoglot.sources.pixels.validity import parse_nodata
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.tile import Tile

_DAY = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True)
class LocalImageryRecipe:
    """A folder of rasters, of which red, green and blue are read as the sensor's preset says."""

    folder: Path
    sensor: Sensor | None = None
    nodata: str | None = None
    """The stored number that is no data, or "none" if no number is; left out, the file and its pixels decide."""
    newest: bool = True
    """Prefer the newest raster, not the nearest in time to the photos, which needs a tag TIFFTAG_DATETIME or a date in
    the file's name (2021-06-30, 20210630)."""


class LocalImagery(Imagery):
    """A folder of rasters; it has no cloud masks."""

    bands: tuple[str, ...] = ("red", "green", "blue")

    def __init__(self, recipe: LocalImageryRecipe) -> None:
        self._recipe, self.newest = recipe, recipe.newest
        self._nodata = parse_nodata(recipe.nodata)
        if not recipe.folder.is_dir():
            raise InputError(f"there is no folder {recipe.folder}; give one of rasters: imagery.local.folder")

    def identity(self) -> str:
        files = [Path(name) for name in find_images([self._recipe.folder])]
        states = [f"{file.relative_to(self._recipe.folder)} {file_state(file)}" for file in files]
        return f"local {self._recipe.sensor} {self._nodata} {self._recipe.newest} {states}"

    def failed(self) -> Sequence[str]:
        return self._opened.failed

    def unused(self) -> Sequence[str]:
        """Rasters without a CRS, of another satellite than the preset, or with names that are not UTF-8."""
        return self._opened.unused

    def scenes(self, box: Box, first: date | None, last: date | None) -> Sequence[Scene]:
        """Scenes that touch a box, between two days; those of unknown time always."""
        turns = [shapely.box(box.west + turn, box.south, box.east + turn, box.north) for turn in (0, 360)]
        wanted = shapely.union_all(turns)  # outlines across the antimeridian go on beyond 180
        return [
            scene
            for scene, _ in self._opened.scenes.values()
            if shapely.geometry.shape(scene.outline).intersects(wanted) and _is_on_days(scene.time, first, last)
        ]

    def read(self, scene: Scene, grid: Grid) -> Tile:
        raster = self._opened.scenes[scene.id][1]
        try:
            return raster.read_onto(grid)
        except SourceError as error:
            raise ReadError(f"{raster.uri} is damaged inside; mend it, or take it out of the folder") from error

    def close(self) -> None:
        if "_opened" in self.__dict__:
            for _, raster in self._opened.scenes.values():
                raster.close()

    @cached_property
    def _opened(self) -> _Opened:
        """All rasters, opened once, so that each has one radiometry for all its tiles; InputError if none is of use."""
        paths, unused = split_utf8_names(map(Path, find_images([self._recipe.folder])))
        opened = _Opened({}, [], unused)
        for path in paths:
            name = path.relative_to(self._recipe.folder).as_posix()
            try:
                raster = open_raster(path, sensor=self._recipe.sensor, nodata=self._nodata)
                if raster.native.crs is None:
                    opened.unused.append(f"{path} has no CRS and is not used")
                    continue
                scene = Scene(name, _find_time(raster, name), None, _outline(raster.native), {"image": name})
            except (SourceError, GridError) as error:
                opened.failed.append(str(error))
                continue
            except InputError as error:  # of another satellite than the preset, or with unknown bands
                opened.unused.append(f"{path}: {error}")
                continue
            opened.scenes[name] = scene, raster
        if not opened.scenes:
            why = f" ({[*opened.failed, *opened.unused][0]})" if opened.failed or opened.unused else ""
            raise InputError(
                f"no raster in {self._recipe.folder} can be read and has a CRS; give georeferenced ones{why}"
            )
        return opened


@dataclass(frozen=True)
class _Opened:
    scenes: dict[str, tuple[Scene, Raster]]
    """By path below the folder."""
    failed: list[str]
    unused: list[str]


def _outline(grid: Grid) -> dict[str, object]:
    rows, cols = grid.shape
    lon, lat = grid.to_lonlat([0, 0, rows, rows], [0, cols, cols, 0])
    west, _, east, _ = lonlat_bounds(grid)
    if west > east:
        lon = np.where(lon < 0, lon + 360, lon)
    shape: dict[str, object] = shapely.geometry.mapping(shapely.Polygon(np.column_stack([lon, lat])))
    return shape


def _find_time(raster: Raster, name: str) -> str:
    if raster.time is not None:
        return raster.time.isoformat()
    found = _DAY.search(name)
    return f"{found[1]}-{found[2]}-{found[3]}T12:00:00" if found else ""


def _is_on_days(time: str, first: date | None, last: date | None) -> bool:
    day = time[:10]
    return not day or not ((first and day < first.isoformat()) or (last and day > last.isoformat()))
