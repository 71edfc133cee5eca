"""A raster of classes, from geoglot or any other program: ids, their names and their ground, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from affine import Affine
from jaxtyping import Bool, Float, Int
from rasterio.windows import Window as RasterioWindow
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.figures import format_some
from geoglot.footprint import Footprint
from geoglot.geo import Grid, Window
from geoglot.outputs.cog import tagged_names
from geoglot.outputs.legend import check_names
from geoglot.scene.area import covered, read_area
from geoglot.sources.analysis_grid import shrink
from geoglot.sources.gdal import open_dataset
from geoglot.sources.georeferencing import locate
from geoglot.sources.truncated import check_not_truncated
from geoglot.tables import read_table

_SIDE = 1024  # pixels of a block
_MOST = 65_536  # ids that lie apart; a raster with more is no map of classes


@dataclass(frozen=True)
class ClassRaster:
    """An open raster of classes."""

    uri: str
    grid: Grid
    names: Mapping[int, str]
    """By id; empty if neither the file nor a table gives names, and then a class is called by its id."""
    notes: tuple[str, ...]
    _dataset: Any = field(repr=False, compare=False)
    _area: BaseGeometry | None = field(default=None, repr=False, compare=False)
    """In pixels: what lies outside has no data; None is the whole raster."""

    def name(self, id_: int) -> str | None:
        """The name of an id; None for one that is left out, since the names do not name it."""
        return self.names.get(id_) if self.names else str(id_)

    def read(self, window: Window) -> tuple[Int[np.ndarray, "rows cols"], Bool[np.ndarray, "rows cols"]]:
        """Ids and the valid mask of a window inside the grid."""
        part = RasterioWindow(window.col, window.row, window.width, window.height)
        pixels = self._dataset.read(1, window=part, masked=True)
        valid = ~np.ma.getmaskarray(pixels)
        if self._area is not None:
            shape = (window.height, window.width)
            valid &= covered(self._area, shape, Affine.translation(window.col, window.row))
        return pixels.data.astype(np.int64), valid

    def within(self, ground: Grid, area: Path | None) -> ClassRaster:
        """The same with data only where another grid lies, and in the polygons of the file `area`, if it is given."""
        outlines = [self._area, Footprint.of(ground, self.grid).outline, area and read_area(area, self.grid)]
        if not (known := [outline for outline in outlines if outline is not None]):
            return self
        return replace(self, _area=shapely.intersection_all(known))

    def thumbnail(self, side: int) -> tuple[Int[np.ndarray, "rows cols"], Bool[np.ndarray, "rows cols"], Grid]:
        """Ids and the valid mask of the whole raster, reduced to `side` pixels a side, and their grid."""
        small = shrink(self.grid, side)
        pixels = self._dataset.read(1, out_shape=small.shape, masked=True)
        return pixels.data.astype(np.int64), ~np.ma.getmaskarray(pixels), small

    def palette(self) -> dict[int, tuple[int, int, int]]:
        """Red, green and blue by id, if the file has colours of its own."""
        try:
            return {number: tuple(colour[:3]) for number, colour in self._dataset.colormap(1).items()}
        except ValueError:  # it has none
            return {}

    def blocks(self) -> Iterator[Window]:
        """The blocks of the raster, in order."""
        return self.grid.whole.cut(_SIDE, _SIDE)

    def at(self, rows: Float[np.ndarray, " place"], cols: Float[np.ndarray, " place"]) -> list[str | None]:
        """The names at pixel coordinates; None outside, where there is no data and for an id without a name."""
        return [self._at(row, col) for row, col in zip(np.floor(rows), np.floor(cols), strict=True)]

    def _at(self, row: float, col: float) -> str | None:
        if not (0 <= row < self.grid.shape[0] and 0 <= col < self.grid.shape[1]):  # infinite beyond a projection
            return None
        ids, valid = self.read(Window(int(row), int(col), 1, 1))
        return self.name(int(ids[0, 0])) if valid[0, 0] else None


def count_ids(ids: Int[np.ndarray, " pixel"], uri: str) -> dict[int, int]:
    """The number of pixels of each id; InputError for a raster whose ids are too many to be classes."""
    if not len(ids):
        return {}
    low = int(ids.min())
    if int(ids.max()) - low >= _MOST:
        raise InputError(
            f"{uri} holds numbers from {low:,} to {int(ids.max()):,}, so it is no map of classes; give a map of ids"
        )
    counts = np.bincount(ids - low)
    return {low + int(index): int(counts[index]) for index in np.flatnonzero(counts)}


def check_same_frame(uri: str, grid: Grid, sampled: Grid) -> None:
    """InputError unless a raster and the map of a sample both lie on Earth, or neither does."""
    if (grid.crs is None) != (sampled.crs is None):
        raise InputError(
            f"{uri} and the map of the sample must both have a CRS, or neither; assign one: rio edit-info --crs"
        )


@contextmanager
def open_classes(path: PathLike, table: PathLike | None = None, area: PathLike | None = None) -> Iterator[ClassRaster]:
    """Open a raster of classes. Names come from a table with the columns id and name, else from the file's own tags.

    Outside the polygons of the file `area` nothing has data, if it is given.
    SourceError for a file that is no raster, InputError for one that is no map of classes.
    """
    uri = str(path)
    check_not_truncated(uri)
    with open_dataset(uri) as dataset:
        if dataset.count != 1 or np.dtype(dataset.dtypes[0]).kind not in "ui":
            raise InputError(
                f"{uri} must have one band of whole numbers, the ids of its classes, got {dataset.count} of "
                f"{dataset.dtypes[0]}; give the map that `geoglot segment` or `geoglot change` wrote, or save ids"
            )
        place = locate(dataset, uri)
        names = read_class_table(Path(table)) if table else _tagged_names(dataset.tags())
        notes = place.notes
        if not names:
            notes += (f"{uri} names no classes, so they are called by their ids; give a table of id and name: --names",)
        inside = read_area(Path(area), place.grid) if area else None
        yield ClassRaster(uri, place.grid, names, notes, dataset, inside)


def read_class_table(path: Path) -> dict[int, str]:
    """Names by id, from a table with the columns id and name; InputError for ids that are no whole numbers."""
    table, names = read_table(path, ("id", "name")), dict[int, str]()
    for index, row in enumerate(table.rows):
        try:
            number = int(row["id"])
        except ValueError:
            raise InputError(f"{table.where(index)}: the id must be a whole number, got {row['id']!r}") from None
        if number in names or row["name"] in names.values() or not row["name"]:
            raise InputError(f"{table.where(index)}: each id must have one name of its own, got {row['name']!r}")
        names[number] = row["name"]
    check_names(names.values())
    return names


def _tagged_names(tags: Mapping[str, str]) -> dict[int, str]:
    """The names that geoglot writes into a map."""
    names = tagged_names(tags)
    if len(set(names.values())) < len(names):
        raise InputError(f"two classes of the map have one name ({format_some(sorted(names.values()))}); give --names")
    check_names(names.values())
    return names
