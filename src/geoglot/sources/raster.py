"""One raster as a model sees it: RGB, brightness 0..1, north up, square pixels of metres on the ground.

How a raster is opened, unless the caller says otherwise, and the file that does each step:
- truncated.py, raster_guard.py, gdal.py: the file is complete, and of a format and size that are read;
- georeferencing.py: its place on Earth. Without a CRS it is read in its own pixels, with a warning;
- bands/: the bands that are red, green and blue: by name, by colour, or the first three;
- pixels/: what the numbers mean, which pixels are valid, and which brightness they have, once per scene;
- resample.py: pixels pass unchanged where the raster's own grid is north-up, square and true to scale in metres;
  otherwise they are averaged and interpolated on a metric grid that covers it (`Grid.metric`).
"""

from __future__ import annotations

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

from geoglot.aliases import BandLike, NoData, PathLike, Sensor
from geoglot.errors import InputError, SourceError
from geoglot.figures import format_number
from geoglot.footprint import Footprint
from geoglot.geo import Grid, Window
from geoglot.sources.analysis_grid import ResolutionLike, analysis_grid, shrink
from geoglot.sources.bands.band_choice import Bands, Choice
from geoglot.sources.gdal import Handles, gdal_options, open_dataset, open_handle
from geoglot.sources.georeferencing import locate
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.pixels.overviews import overviews_match
from geoglot.sources.pixels.radiometry import FULL_RANGE, Radiometry, find_radiometry
from geoglot.sources.pixels.undeclared_nodata import find_undeclared_nodata
from geoglot.sources.raster_guard import is_local
from geoglot.sources.resample import Resampler
from geoglot.sources.source_state import source_state
from geoglot.sources.tile import Tile
from geoglot.sources.truncated import check_not_truncated


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
    _state: dict[str, Any] = field(repr=False)
    _reader: BandReader
    _handles: Handles = field(repr=False)

    def __repr__(self) -> str:
        crs = self.grid.crs.name if self.grid.crs else "no CRS"
        return f"Raster({self.uri}, {self.bands}, {self.grid.shape} px, {crs})"

    def read(self, window: Window) -> Tile:
        """A window of `grid`; ReadError if the file is damaged.

        Pixels beyond the grid are not valid. They mirror the scene, since models take a black rim for a thing.
        """
        pixels = np.zeros((len(self.indexes), window.height, window.width), np.float32)
        valid = np.zeros((window.height, window.width), np.bool_)
        inside = window.intersection(self.grid.whole)
        if inside is not None:
            if self.grid is self.native:
                values, known = self.read_stored(inside)
            else:
                values, known = Resampler(self.native, self.grid, len(self.indexes)).read(self.read_stored, inside)
            valid[inside.within(window).slices] = known
            rims = [(0, 0), *window.rims(inside)]
            pixels = np.pad(self.radiometry.apply(values, known), rims, mode="symmetric")
        return Tile(pixels, valid, self.grid.window(window), self.bands, self.time, self.uri)

    def read_onto(self, grid: Grid) -> Tile:
        """The pixels on a grid of the caller's choice; not valid where the scene does not reach."""
        values, valid = Resampler(self.native, grid, len(self.indexes)).read(self.read_stored, grid.whole)
        return Tile(self.radiometry.apply(values, valid), valid, grid, self.bands, self.time, self.uri)

    def thumbnail(self, side: int) -> Tile:
        """The whole scene, its longer side at most this many pixels; from overviews if there are any."""
        target = small = shrink(self.native, side)
        values, valid = self.read_stored(self.native.whole, small.shape)
        if self.grid is not self.native:
            target, stored = shrink(self.grid, side), (values, valid)
            values, valid = Resampler(small, target, len(self.indexes)).read(
                lambda part: (stored[0][:, *part.slices], stored[1][part.slices]), target.whole
            )
        return Tile(self.radiometry.apply(values, valid), valid, target, self.bands, self.time, self.uri)

    def read_stored(
        self, window: Window, shape: tuple[int, int] | None = None
    ) -> tuple[Num[np.ndarray, "band rows cols"], Bool[np.ndarray, "rows cols"]]:
        """Numbers of the file on its own grid, averaged to a shape if one is given, and their valid mask."""
        with self._handles.borrow() as dataset, gdal_options(self.uri):
            return self._reader.read_valid(dataset, self.uri, window, shape)

    @cached_property
    def footprint(self) -> Footprint:
        """The part of `grid` that the scene fills."""
        return Footprint.of(self.native, self.grid)

    def fingerprint(self) -> dict[str, Any]:
        """JSON that changes with the file, with a file that GDAL reads beside it, and with the bands that are read."""
        uri = str(Path(self.uri).resolve()) if is_local(self.uri) else self.uri  # however the caller spells it
        return {"uri": uri, "indexes": self.indexes, "nodata": self._reader.nodata, **self._state}

    def check_unchanged(self) -> None:
        """SourceError if the file has changed since it was opened."""
        with open_dataset(self.uri) as dataset:
            if source_state(dataset, self.uri) != self._state:
                raise SourceError(f"{self.uri} was changed while it was read; run the same command again")

    def close(self) -> None:
        """Give back all file handles."""
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

    resolution, in metres a pixel on the ground: a number is exactly that; a pair (finest, coarsest) leaves a raster
    that lies between as it is and brings others to the nearer end; None leaves it as it is.
    nodata: the stored number that is no data, or "none": every finite number is data, whatever the file or its pixels
    say; None goes by the file, and by what its pixels show if it says nothing.
    """
    uri = str(path)
    check_not_truncated(uri)
    with open_dataset(uri) as dataset:
        place = locate(dataset, uri)
        described = Bands.of(dataset)
        choice = described.choose(bands, sensor)
        state = source_state(dataset, uri)
        reader = BandReader.of(dataset, choice.indexes, nodata)
        time = _time(dataset.tags())
        notes = _file_notes(dataset, uri)
        level = None
        if not overviews_match(dataset, uri, reader):
            level = "NONE"
            notes.append(f"the overviews of {uri} do not show its pixels and are not used; build them with gdaladdo")
        # Last: GDAL keeps the error of a block that cannot be read, and rasterio raises it at the next question.
        with nullcontext(dataset) if level is None else open_dataset(uri, level=level) as pixels:
            reader, nodata_notes = find_undeclared_nodata(pixels, reader)
            radiometry = find_radiometry(pixels, reader, sensor)
    notes += [f"{uri}: {note}" for note in nodata_notes]
    return Raster(
        uri=uri,
        native=place.grid,
        grid=analysis_grid(place.grid, resolution, uri),
        indexes=choice.indexes,
        bands=tuple(map(described.name, choice.indexes)),
        radiometry=radiometry,
        time=time,
        warnings=(*place.notes, *_reading_notes(radiometry, choice, uri), *notes),
        _state=state,
        _reader=reader,
        _handles=Handles(lambda: open_handle(uri, level=level)),
    )


def check_bands(raster: Raster, bands: int, model: str) -> None:
    """Refuse a raster that is read with another number of bands than a model sees."""
    if len(raster.indexes) != bands:
        raise InputError(
            f"{model} sees {bands} bands, {raster.uri} is read with {len(raster.indexes)}; name {bands} of the file's, "
            "red, green and blue first: --bands"
        )


def _time(tags: dict[str, str]) -> datetime | None:
    try:
        return datetime.strptime(tags.get("TIFFTAG_DATETIME", ""), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def _file_notes(dataset: Any, uri: str) -> list[str]:
    if (pages := len(dataset.subdatasets)) < 2:
        return []
    return [f"{uri} holds {pages:,} images, of which the first is read; save each other one as a file of its own"]


def _reading_notes(radiometry: Radiometry, choice: Choice, uri: str) -> list[str]:
    notes = [f"{uri} {note}" for note in (*choice.notes, *radiometry.notes)]
    if radiometry.how != FULL_RANGE:
        ends = zip(radiometry.low, radiometry.high, strict=True)
        ranges = ", ".join(f"{format_number(low)}..{format_number(high)}" for low, high in ends)
        notes.append(f"{uri} is not 8 bit: stretched by {radiometry.how} ({ranges} become 0..1)")
    return notes
