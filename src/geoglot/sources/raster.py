"""One raster as a model sees it: RGB, brightness 0..1, north up, square pixels of metres on the ground.

What happens unless the caller says otherwise (each in the file that is named):
- bands: by name, by colour, or the first three (bands.py); radiometry: once per scene (radiometry.py);
- grid: the raster's own where that is north-up, square and in metres true to scale, so that pixels pass unchanged;
  else a metric grid that covers it (geo.Grid.metric), on which pixels are averaged and interpolated (resample.py);
- without a CRS the raster is read in its own pixels, whatever ground resolution was asked for, with a warning;
- numbers that stand for colours are looked up, MINISWHITE is turned over (stored.py), a pixel is valid by one rule
  (validity.py), and no data that the file does not declare is looked for (unsaid.py);
- overviews are used where they show the pixels (overviews.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Bool, Num
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from geoglot.aliases import BandLike, NoData, PathLike, Sensor
from geoglot.errors import InputError, SourceError
from geoglot.figures import format_number
from geoglot.footprint import Footprint
from geoglot.geo import Grid, Window
from geoglot.sources.bands.band_choice import Bands, Choice
from geoglot.sources.gdal import Handles, gdal_options, open_dataset, open_handle
from geoglot.sources.georeferencing import find_sidecars, locate
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.pixels.overviews import overviews_match
from geoglot.sources.pixels.radiometry import FULL_RANGE, Radiometry, find_radiometry
from geoglot.sources.pixels.undeclared_nodata import find_undeclared_nodata
from geoglot.sources.raster_guard import is_local
from geoglot.sources.resample import Resampler
from geoglot.sources.tile import Tile
from geoglot.sources.truncated import check_not_truncated

ResolutionLike = float | tuple[float, float] | None
_FINEST = 100  # times finer than the scene: beyond that a slip of the pen


@dataclass(frozen=True, eq=False, repr=False)
class Raster:
    """An open raster. Any number of threads may read it; close it, or use it as a context manager."""

    uri: str
    native: Grid
    """The grid of the file."""
    grid: Grid
    """The grid that windows are read on: `native` itself where that fits."""
    indexes: tuple[int, ...]
    """1-based bands of the file that are red, green and blue, then any more that the caller asked for."""
    bands: tuple[str, ...]
    radiometry: Radiometry
    time: datetime | None
    warnings: tuple[str, ...]
    """What a person should know of how this raster is read, a sentence each."""
    _facts: dict[str, Any] = field(repr=False)
    _numbers: BandReader
    _handles: Handles = field(repr=False)

    def __repr__(self) -> str:
        crs = self.grid.crs.name if self.grid.crs else "no CRS"
        return f"Raster({self.uri}, {self.bands}, {self.grid.shape} px, {crs})"

    def read(self, window: Window) -> Tile:
        """A window of `grid`; ReadError where the file is damaged.

        What lies beyond the grid is not valid. Its pixels mirror the scene: models take a black rim for a thing.
        """
        pixels = np.zeros((len(self.indexes), window.height, window.width), np.float32)
        valid = np.zeros((window.height, window.width), np.bool_)
        inside = window.intersection(self.grid.whole)
        if inside is not None:
            block = inside.within(window).slices
            values, valid[block] = self._values(inside)
            known = self.radiometry.apply(values, valid[block])
            pixels = np.pad(known, [(0, 0), *window.rims(inside)], mode="symmetric")
        return Tile(pixels, valid, self.grid.window(window), self.bands, self.time, self.uri)

    def read_onto(self, grid: Grid) -> Tile:
        """The pixels on a grid of the caller's choice; not valid where the scene does not reach."""
        values, valid = Resampler(self.native, grid, len(self.indexes)).read(self.stored, grid.whole)
        pixels = self.radiometry.apply(values, valid)
        return Tile(pixels, valid, grid, self.bands, self.time, self.uri)

    def thumbnail(self, side: int) -> Tile:
        """All of it, its longer side at most this many pixels; from overviews where there are any."""
        small = _shrunk(self.native, side)
        values, mask = self.stored(self.native.whole, small.shape)
        target = small if self.grid is self.native else _shrunk(self.grid, side)
        if target is not small:
            values, mask = Resampler(small, target, len(self.indexes)).read(
                lambda part: _cut(values, mask, part), target.whole
            )
        pixels = self.radiometry.apply(values, mask)
        return Tile(pixels, mask, target, self.bands, self.time, self.uri)

    @cached_property
    def footprint(self) -> Footprint:
        """The part of `grid` that the scene fills."""
        return Footprint.of(self.native, self.grid)

    def fingerprint(self) -> dict[str, Any]:
        """JSON that changes when the file does, or one that GDAL reads beside it; and the bands that are read."""
        uri = str(Path(self.uri).resolve()) if is_local(self.uri) else self.uri  # however the caller spells it
        return {"uri": uri, "indexes": self.indexes, "nodata": self._numbers.nodata, **self._facts}

    def check_unchanged(self) -> None:
        """SourceError if the file is another than when it was opened."""
        with open_dataset(self.uri) as dataset:
            if _facts(dataset, self.uri) != self._facts:
                raise SourceError(f"{self.uri} was changed while it was read; run the same command again")

    def close(self) -> None:
        """Give back all file handles."""
        self._handles.close()

    def __enter__(self) -> Raster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _values(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Stored numbers on the analysis grid, and which are valid."""
        if self.grid is self.native:
            return self.stored(window)
        return Resampler(self.native, self.grid, len(self.indexes)).read(self.stored, window)

    def stored(
        self, window: Window, shape: tuple[int, int] | None = None
    ) -> tuple[Num[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
        """Numbers of the file on its own grid, averaged to a shape if one is given, and which pixels are valid."""
        with self._handles.borrow() as dataset, gdal_options(self.uri):
            return self._numbers.read_valid(dataset, self.uri, window, shape)


def open_raster(
    path: PathLike,
    *,
    bands: Sequence[BandLike] | None = None,
    sensor: Sensor | None = None,
    resolution: ResolutionLike = None,
    nodata: NoData = None,
) -> Raster:
    """Open a raster for a model: a local path, or a URL or /vsi path that is opened because the caller named it.

    resolution, in metres a pixel on the ground: a number is exactly that; a pair (finest, coarsest) leaves a raster
    that lies between as it is and brings others to the nearer end; None leaves it as it is.
    nodata: the stored number that is no data, or "none": every finite number is data, whatever the file or its pixels
    say; None goes by the file, and by what is found where it says nothing.
    """
    uri = str(path)
    check_not_truncated(uri)
    with open_dataset(uri) as dataset:
        place = locate(dataset, uri)
        native = place.grid
        described = Bands.of(dataset)
        choice = described.choose(bands, sensor)
        indexes = choice.indexes
        facts = _facts(dataset, uri)
        numbers = BandReader.of(dataset, indexes, nodata)
        time = _time(dataset.tags())
        told = _pages(dataset, uri)
        belong = overviews_match(dataset, uri, numbers)
        if not belong:
            told.append(
                f"the overviews of {uri} do not show its pixels and are not used; build them anew with gdaladdo"
            )
        # Last: GDAL keeps the error of a block that cannot be read, and rasterio raises it at the next question.
        level = None if belong else "NONE"
        with nullcontext(dataset) if belong else open_dataset(uri, level=level) as pixels:
            numbers, found = find_undeclared_nodata(pixels, numbers)
            radiometry = find_radiometry(pixels, numbers, sensor)
    return Raster(
        uri=uri,
        native=native,
        grid=_analysis_grid(native, resolution, uri),
        indexes=indexes,
        bands=tuple(map(described.name, indexes)),
        radiometry=radiometry,
        time=time,
        warnings=(*place.notes, *_warnings(radiometry, choice, uri), *told, *(f"{uri}: {text}" for text in found)),
        _facts=facts,
        _numbers=numbers,
        _handles=Handles(lambda: open_handle(uri, level=level)),
    )


def check_bands(raster: Raster, bands: int, model: str) -> None:
    """Refuse a raster that is read with another number of bands than a model sees."""
    if len(raster.indexes) != bands:
        raise InputError(
            f"{model} sees {bands} bands, {raster.uri} is read with {len(raster.indexes)}; name {bands} of the file's, "
            "red, green and blue first: --bands"
        )


def _analysis_grid(native: Grid, resolution: ResolutionLike, uri: str) -> Grid:
    own = native.resolution_m
    if own is None or resolution is None:
        return native if own is None else native.metric(own)
    if isinstance(resolution, tuple):
        finest, coarsest = resolution
        resolution = min(max(own, finest), coarsest)
    if resolution > own * min(native.shape):
        wide = format_number(own * min(native.shape))
        raise InputError(
            f"{uri} is only {wide} m wide: {format_number(resolution)} m is coarser than all of it; if it is really "
            "wider, its CRS is not that of its numbers"
        )
    if resolution * _FINEST < own:
        raise InputError(
            f"the pixels of {uri} are {format_number(own)} m, over {_FINEST} times as coarse as the "
            f"{format_number(resolution)} m at which it would be read; choose a resolution yourself: --gsd"
        )
    return native.metric(resolution)


def _facts(dataset: Any, uri: str) -> dict[str, Any]:
    paths = {Path(name).resolve() for name in (*dataset.files, *find_sidecars(dataset, uri))}  # GDAL lacks some
    files = sorted(path for path in paths if path.exists()) if is_local(uri) else []
    stats = {str(path): path.stat() for path in files}
    return {
        "files": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
        "blocks": None if files else _some_blocks(dataset),
        "driver": dataset.driver,
        "shape": [dataset.count, dataset.height, dataset.width],
        "dtype": dataset.dtypes[0],
    }


def _some_blocks(dataset: Any) -> str:
    """Hash of a few blocks, for sources that have no time of change: archives, other machines."""
    height, width = dataset.block_shapes[0]
    digest = hashlib.sha256()
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        row, col = (int(share * max(0, side - step)) for side, step in zip(dataset.shape, (height, width), strict=True))
        with contextlib.suppress(RasterioError):  # a damaged block is reported when it is read for its own sake
            digest.update(dataset.read(1, window=RasterioWindow(col, row, width, height)).tobytes())
    return digest.hexdigest()


def _time(tags: dict[str, str]) -> datetime | None:
    """When TIFFTAG_DATETIME says it was made."""
    try:
        return datetime.strptime(tags.get("TIFFTAG_DATETIME", ""), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def _warnings(radiometry: Radiometry, choice: Choice, uri: str) -> tuple[str, ...]:
    found = [f"{uri} {note}" for note in choice.notes]
    found += [f"{uri} {note}" for note in radiometry.notes]
    if radiometry.how != FULL_RANGE:
        ends = zip(radiometry.low, radiometry.high, strict=True)
        told = ", ".join(f"{format_number(low)}..{format_number(high)}" for low, high in ends)
        found.append(f"{uri} is not 8 bit: stretched by {radiometry.how} ({told} become 0..1)")
    return tuple(found)


def _pages(dataset: Any, uri: str) -> list[str]:
    """That a file holds more images than the one that is read."""
    if (pages := len(dataset.subdatasets)) < 2:
        return []
    return [f"{uri} holds {pages:,} images, of which the first is read; save each other one as a file of its own"]


def _shrunk(grid: Grid, side: int) -> Grid:
    """The same extent in at most side x side pixels."""
    rows, cols = grid.shape
    step = max(1.0, max(rows, cols) / side)
    shape = max(1, math.floor(rows / step)), max(1, math.floor(cols / step))
    return grid.resized(shape)


def _cut(values: np.ndarray, mask: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    return values[:, *window.slices], mask[window.slices]
