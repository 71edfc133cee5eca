"""Local scenes: a folder of georeferenced rasters."""

from __future__ import annotations

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
from geoglot.sources.areas import Box, is_between
from geoglot.sources.imagery.scene import Imagery, Scene
from geoglot.sources.listing import file_state, find_images, split_utf8_names
from geoglot.sources.pixels.validity import parse_nodata
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.scene_day import find_day, moment_of
from geoglot.sources.tile import Tile


@dataclass(frozen=True)
class LocalImageryRecipe:
    """A folder of rasters, whose red, green and blue bands are found by the sensor's preset."""

    folder: Path
    sensor: Sensor | None = None
    nodata: str | None = None
    """The stored number that means no data, or "none"; left out, the file and its pixels decide."""
    newest: bool = True
    """Prefer the newest raster to the nearest in time to the photos. The time of a raster is in the file's
    name (2021-06-30, 20210630), or in its tag TIFFTAG_DATETIME, which may be that of a copy."""


class LocalImagery(Imagery):
    """A folder of rasters, without cloud masks."""

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
        """Scenes that touch a box, from the first to the last day or of unknown time."""
        turns = [shapely.box(box.west + turn, box.south, box.east + turn, box.north) for turn in (0, 360)]
        wanted = shapely.union_all(turns)  # outlines across the antimeridian go on beyond 180
        return [
            scene
            for scene, _ in self._opened.scenes.values()
            if shapely.geometry.shape(scene.outline).intersects(wanted)
            and (not scene.time or is_between(scene.time, first, last))
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
        """Open every raster once, so that all its tiles get one radiometry; InputError if no raster is usable."""
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
            why = "".join(f" ({line})" for line in [*opened.failed, *opened.unused][:1])
            where = self._recipe.folder
            raise InputError(f"no raster in {where} can be read and has a CRS; give georeferenced ones{why}")
        return opened


@dataclass(frozen=True)
class _Opened:
    scenes: dict[str, tuple[Scene, Raster]]
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
    if moment := moment_of(name, raster.time):
        return moment.isoformat()
    day = find_day(name)  # of a folder
    return f"{day}T12:00:00" if day else ""
