"""Opens a raster as a model sees it: RGB, brightness 0..1, north up, with square pixels in ground metres.

The steps, and the file that does each:
- truncated.py, raster_guard.py, gdal.py: check that the file is complete, and of a format and size that are read;
- georeferencing.py: find its place on Earth. Without a CRS it is read in its own pixels, with a warning;
- bands/: choose the bands that are red, green and blue: by name, by colour, or the first three;
- pixels/: decide once per scene which numbers are valid, and which are black and white;
- resample.py: pixels pass unchanged where the raster's own grid is north-up, square and true to scale in metres;
  otherwise they are averaged and interpolated on a metric grid that covers it (`Grid.metric`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Bool, Num

from geoglot.aliases import BandLike, NoData, PathLike, Sensor
from geoglot.errors import SourceError
from geoglot.figures import format_number
from geoglot.footprint import Footprint
from geoglot.geo import Grid, Window
from geoglot.sources.analysis_grid import ResolutionLike, analysis_grid, oblong_notes, shrink
from geoglot.sources.bands.band_choice import Bands, Choice
from geoglot.sources.gdal import gdal_options, open_dataset, open_handle, source_errors
from geoglot.sources.georeferencing import locate
from geoglot.sources.handles import Handles
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.pixels.overviews import overviews_match
from geoglot.sources.pixels.radiometry import FULL_RANGE, Radiometry, find_radiometry
from geoglot.sources.pixels.undeclared_nodata import Sample, find_undeclared_nodata
from geoglot.sources.raster_guard import is_local
from geoglot.sources.resample import Resampler
from geoglot.sources.source_state import source_state
from geoglot.sources.spectrum import BandValues, NamedBands, Spectrum, find_spectrum
from geoglot.sources.tile import Tile
from geoglot.sources.truncated import check_not_truncated
from geoglot.times import parse_tiff_time

_BLOCK = 64  # pixels a side of a block where the file's own blocks lie on another grid


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
    named: NamedBands
    """All bands of the file whose place in the spectrum is known."""
    time: datetime | None
    warnings: tuple[str, ...]
    """Sentences for the user on how this raster is read."""
    _state: dict[str, Any]
    _reader: BandReader
    _whole: Sample | None
    """All pixels of a small scene, as they were read when it was opened."""
    _handles: Handles

    def __repr__(self) -> str:
        crs = self.grid.crs.name if self.grid.crs else "no CRS"
        return f"Raster({self.uri}, {self.bands}, {self.grid.shape} px, {crs})"

    def read(self, window: Window) -> Tile:
        """Read a window of `grid`; ReadError if the file is damaged.

        Pixels beyond the grid are not valid. They mirror the scene, since models would see an object in a black rim.
        """
        pixels = np.zeros((len(self.indexes), window.height, window.width), np.float32)
        valid = np.zeros((window.height, window.width), np.bool_)
        inside = window.intersection(self.grid.whole)
        if inside is not None:
            values, known = self._read_inside(inside, self._reader)
            valid[inside.within(window).slices] = known
            pixels = self.radiometry.apply(values, known)
            if inside != window:
                pixels = np.pad(pixels, [(0, 0), *window.rims(inside)], mode="symmetric")
        return Tile(pixels, valid, self.grid.window(window), self.bands, self.time, self.uri)

    def read_onto(self, grid: Grid) -> Tile:
        """Read all of another grid; pixels outside the scene are not valid."""
        values, valid = Resampler(self.native, grid, len(self.indexes)).read(self.read_stored, grid.whole)
        return Tile(self.radiometry.apply(values, valid), valid, grid, self.bands, self.time, self.uri)

    def thumbnail(self, side: int) -> Tile:
        """Read the whole scene with at most `side` pixels on its longer side, from overviews if there are any."""
        target = small = shrink(self.native, side)
        values, valid = self.read_stored(self.native.whole, small.shape)
        if self.grid is not self.native:
            target, stored = shrink(self.grid, side), (values, valid)
            values, valid = Resampler(small, target, len(self.indexes)).read(
                lambda part: (stored[0][:, *part.slices], stored[1][part.slices]), target.whole
            )
        return Tile(self.radiometry.apply(values, valid), valid, target, self.bands, self.time, self.uri)

    def read_stored(
        self, window: Window, shape: tuple[int, int] | None = None, reader: BandReader | None = None
    ) -> tuple[Num[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
        """Read stored numbers on the `native` grid, averaged to a shape if one is given, and their valid mask.

        The bands are those of `reader`, else red, green and blue.
        """
        reader = reader or self._reader
        self._handles.check_open()
        if self._whole is not None and reader is self._reader and shape in (None, (window.height, window.width)):
            values, has_data = (pixels[:, *window.slices] for pixels in self._whole)
            return values, reader.valid(has_data)
        with self._handles.borrow() as dataset, gdal_options(self.uri):
            return reader.read_valid(dataset, self.uri, window, shape)

    @property
    def is_blank(self) -> bool:
        """Whether all pixels are known to have one colour; of a large scene it is not known."""
        if self._whole is None:
            return False
        bands = (values[known] for values, known in zip(*self._whole, strict=True))  # the first that varies is enough
        return all(len(band) > 1 and band.min() == band.max() for band in bands)

    @cached_property
    def spectrum(self) -> Spectrum | None:
        """The bands that spectral indices compare; None if near infrared and beyond are not there or not named."""
        if not self.named.infrared:
            return None
        with self._handles.borrow() as dataset, gdal_options(self.uri):
            return find_spectrum(dataset, self.named, self._reader.nodata)

    def read_spectrum(self, window: Window) -> tuple[BandValues, Bool[np.ndarray, "rows cols"]]:
        """Read the bands of `spectrum`, which must be there, and their valid mask in a window inside `grid`."""
        assert self.spectrum is not None
        numbers, valid = self._read_inside(window, self.spectrum.reader)
        return self.spectrum.named(numbers), valid

    def spectral_blocks(self, window: Window) -> Iterator[Window]:
        """Split a window along the file's blocks, so that a damaged block costs no more than its own pixels."""
        assert self.spectrum is not None
        if self.grid is not self.native:
            return window.cut(_BLOCK, _BLOCK)
        with self._handles.borrow() as dataset, gdal_options(self.uri):
            return window.cut(*dataset.block_shapes[self.spectrum.reader.indexes[0] - 1])

    def _read_inside(
        self, window: Window, reader: BandReader
    ) -> tuple[Num[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
        """Stored numbers of a window inside `grid`, and their valid mask."""
        read = partial(self.read_stored, reader=reader)
        if self.grid is self.native:
            return read(window)
        return Resampler(self.native, self.grid, len(reader.indexes)).read(read, window)

    @cached_property
    def footprint(self) -> Footprint:
        """The part of `grid` that the scene fills."""
        return Footprint.of(self.native, self.grid)

    def fingerprint(self) -> dict[str, Any]:
        """JSON that changes with the file, its sidecars, the bands that are read and the no data number."""
        uri = str(Path(self.uri).resolve()) if is_local(self.uri) else self.uri  # however the caller spells it
        return {"uri": uri, "indexes": self.indexes, "nodata": self._reader.nodata, **self._state}

    def check_unchanged(self) -> None:
        """SourceError if the file was changed since it was opened."""
        with open_dataset(self.uri) as dataset:
            if source_state(dataset, self.uri) != self._state:
                raise SourceError(f"{self.uri} was changed since it was opened; run the same command again")

    def reopened(self) -> Raster:
        """The same raster, read in the same way and not closed; its file is opened when it is first read."""
        return replace(self, _whole=None, _handles=copy(self._handles))

    def look_again(self, side: int) -> Tile:
        """`thumbnail`, of a raster that may be closed; SourceError if its file was changed since it was opened."""
        with self.reopened() as raster:
            raster.check_unchanged()
            return raster.thumbnail(side)

    def close(self) -> None:
        """Close all file handles."""
        self._handles.close()

    def __enter__(self) -> Raster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_raster(
    path: PathLike,
    *,
    bands: Sequence[BandLike] | None = None,
    sensor: Sensor | None = None,
    resolution: ResolutionLike = None,
    nodata: NoData = None,
) -> Raster:
    """Open a raster for a model: a local path, or a URL or /vsi path that is opened because the caller named it.

    resolution: ground metres per pixel. A pair (finest, coarsest) changes only a raster that is finer or coarser, to
    the nearer of the two; None keeps the raster's own.
    nodata: the stored number that is no data. With "none" every finite number is data, whatever the file declares; with
    None the file decides, or its pixels if it declares nothing.
    """
    uri = str(path)
    check_not_truncated(uri)
    handles = Handles(partial(open_handle, uri))
    with source_errors(uri):
        with handles.borrow() as dataset:
            place = locate(dataset, uri)
            described = Bands.of(dataset)
            choice = described.choose(bands, sensor)
            state = source_state(dataset, uri)
            reader = BandReader.of(dataset, choice.indexes, nodata)
            time = parse_tiff_time(dataset.tags().get("TIFFTAG_DATETIME", ""))
            notes = list[str]()
            if (pages := len(dataset.subdatasets)) > 1:
                notes.append(
                    f"{uri} holds {pages:,} images, and the first is read; save each other as a file of its own"
                )
            uses_overviews = overviews_match(dataset, uri, reader, state)
        if not uses_overviews:
            handles.open_otherwise(partial(open_handle, uri, level="NONE"))
            notes.append(f"the overviews of {uri} do not show its pixels and are not used; build them with gdaladdo")
        with handles.borrow() as dataset:
            found = find_undeclared_nodata(dataset, reader)
            radiometry = find_radiometry(dataset, found.reader, sensor)
    notes += [*(f"{uri}: {note}" for note in found.notes), *oblong_notes(place.grid, uri)]
    return Raster(
        uri=uri,
        native=place.grid,
        grid=analysis_grid(place.grid, resolution, uri),
        indexes=choice.indexes,
        bands=tuple(map(described.name, choice.indexes)),
        radiometry=radiometry,
        named=NamedBands.of(described, sensor, found.reader.alpha),
        time=time,
        warnings=(*place.notes, *_reading_notes(radiometry, choice, uri), *notes),
        _state=state,
        _reader=found.reader,
        _whole=found.whole,
        _handles=handles,
    )


def read_grid(path: PathLike) -> Grid:
    """The grid of a file, without a look at its pixels; errors as those of `open_raster`."""
    uri = str(path)
    check_not_truncated(uri)
    with open_dataset(uri) as dataset:
        return locate(dataset, uri).grid


def _reading_notes(radiometry: Radiometry, choice: Choice, uri: str) -> list[str]:
    notes = [f"{uri} {note}" for note in (*choice.notes, *radiometry.notes)]
    if radiometry.how != FULL_RANGE:
        ends = zip(radiometry.low, radiometry.high, strict=True)
        ranges = ", ".join(f"{format_number(low)}..{format_number(high)}" for low, high in ends)
        notes.append(f"{uri} is not 8 bit: stretched by {radiometry.how} ({ranges} become 0..1)")
    return notes
