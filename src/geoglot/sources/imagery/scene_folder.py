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

from geoglot.aliases import Sensor
from geoglot.errors import GridError, InputError, ReadError, SourceError
from geoglot.geo import Grid
from geoglot.lonlat import lonlat_bounds
from geoglot.sources.areas import Box
from geoglot.sources.imagery.scene import Scene
from geoglot.sources.listing import file_state, find_images, split_utf8_names
from geoglot.sources.pixels.validity import parse_nodata
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.tile import Tile

_DAY = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True)
class LocalImageryRecipe:
    """A folder of rasters: red, green and blue as the sensor's preset says."""

    folder: Path
    sensor: Sensor | None = None
    nodata: str | None = None
    """The stored number that is no data; none: all is data; left out: as the file says, and as is found in it."""
    newest: bool = True
    """Else the nearest in time, for rasters whose tag TIFFTAG_DATETIME or name (2021-06-30, 20210630) tells it."""


class LocalImagery:
    """A folder of rasters."""

    bands: tuple[str, ...] = ("red", "green", "blue")

    def __init__(self, recipe: LocalImageryRecipe) -> None:
        self._recipe, self.newest = recipe, recipe.newest
        self._nodata = parse_nodata(recipe.nodata)
        if not recipe.folder.is_dir():
            raise InputError(f"there is no folder {recipe.folder}; give one of rasters: imagery.local.folder")

    def identity(self) -> str:
        """Rules, and the state of the files."""
        files = [Path(name) for name in find_images([self._recipe.folder])]
        states = [f"{file.relative_to(self._recipe.folder)} {file_state(file)}" for file in files]
        return f"local {self._recipe.sensor} {self._nodata} {self._recipe.newest} {states}"

    def failed(self) -> Sequence[str]:
        """Rasters that cannot be opened, a sentence each."""
        return self._opened.failed

    def unused(self) -> Sequence[str]:
        """Rasters without a place, of another satellite than the preset, or with names that are no text; sentences."""
        return self._opened.unused

    def scenes(self, box: Box, first: date | None, last: date | None) -> Sequence[Scene]:
        """Those that touch a box, of some days; those of unknown time always."""
        turns = [shapely.box(box.west + turn, box.south, box.east + turn, box.north) for turn in (0, 360)]
        wanted = shapely.union_all(turns)  # an outline across the antimeridian goes on beyond 180
        return [
            placed.scene
            for placed in self._opened.scenes.values()
            if shapely.geometry.shape(placed.scene.outline).intersects(wanted)
            and _on_days(placed.scene.time, first, last)
        ]

    def read_cloud(self, scene: Scene, grid: Grid) -> float | None:
        """None: a folder has no cloud masks."""
        return None

    def read(self, scene: Scene, grid: Grid) -> Tile:
        """Read the scene on a grid."""
        raster = self._opened.scenes[scene.id].raster
        try:
            return raster.read_onto(grid)
        except SourceError as error:
            raise ReadError(f"{raster.uri} is damaged inside; mend it, or take it out of the folder") from error

    def close(self) -> None:
        """Give back all file handles."""
        if "_opened" in self.__dict__:
            for placed in self._opened.scenes.values():
                placed.raster.close()

    @cached_property
    def _opened(self) -> _Opened:
        """All rasters of the folder; InputError where none is of use. Radiometry is taken once per scene."""
        paths, unused = split_utf8_names(map(Path, find_images([self._recipe.folder])))
        opened = _Opened({}, [], unused)
        for path in paths:
            name = path.relative_to(self._recipe.folder).as_posix()
            try:
                raster = open_raster(path, sensor=self._recipe.sensor, nodata=self._nodata)
                if raster.native.crs is None:
                    opened.unused.append(f"{path} says nowhere where it lies (a CRS), and is not used")
                    continue
                scene = Scene(name, _time(raster, name), None, _outline(raster.native), {"image": name})
            except (SourceError, GridError) as error:
                opened.failed.append(str(error))
                continue
            except InputError as error:  # of another satellite than the preset, or with bands that nobody can tell
                opened.unused.append(f"{path}: {error}")
                continue
            opened.scenes[name] = _Placed(raster, scene)
        if not opened.scenes:
            told = [*opened.failed, *opened.unused]
            why = f" ({told[0]})" if told else ""
            raise InputError(
                f"no raster in {self._recipe.folder} can be read and says where it lies (a CRS); give georeferenced "
                f"ones{why}"
            )
        return opened


@dataclass(frozen=True)
class _Placed:
    raster: Raster
    scene: Scene


@dataclass(frozen=True)
class _Opened:
    scenes: dict[str, _Placed]
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


def _time(raster: Raster, name: str) -> str:
    if raster.time is not None:
        return raster.time.isoformat()
    found = _DAY.search(name)
    return f"{found[1]}-{found[2]}-{found[3]}T12:00:00" if found else ""


def _on_days(time: str, first: date | None, last: date | None) -> bool:
    day = time[:10]
    return not day or not ((first and day < first.isoformat()) or (last and day > last.isoformat()))
