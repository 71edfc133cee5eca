"""What a raster holds and what a model can see in it: the numbers, and one picture of the bands to choose from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from geoglot.aliases import BandLike, NoData, PathLike, Sensor
from geoglot.figures import format_number
from geoglot.geo import Grid
from geoglot.lonlat import lonlat_bounds
from geoglot.models.base import Card
from geoglot.models.zoo import BUNDLED, card_of, find_model
from geoglot.outputs.panels import Panel, check_picture, write_panels
from geoglot.scene.read import understands
from geoglot.sources.bands.band_choice import Bands
from geoglot.sources.gdal import open_dataset
from geoglot.sources.pixels.radiometry import PERCENTILE, PERCENTILES
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.tile import Tile

_LARGE, _SMALL, _ACROSS = 560, 180, 6  # pixels of a picture in colours, of a single band; bands in a row
_MOST = 48  # bands in a picture
_Look = Callable[..., Raster]
_SAME = 1.05  # as far as two resolutions are called the same


@dataclass(frozen=True)
class BandInfo:
    """One band of the file."""

    index: int
    """Counted from 1."""
    name: str
    """What the file calls it, lower case; empty where it says nothing."""
    colour: str | None
    """red, green, blue, nir, ..., as far as the file says it."""
    wavelength_um: float | None
    type: str
    nodata: float | str | None
    """A number, "nan", or None where the file says nothing."""
    low: float | None
    """2nd percentile of its numbers, of a picture of the whole scene; None where it has no valid pixel."""
    high: float | None
    """98th percentile."""


@dataclass(frozen=True)
class Fit:
    """How a model would see the raster."""

    model: str
    understands_m: tuple[float, float]
    """Metres a pixel, finest and coarsest."""
    read_at_m: float | None
    """Metres a pixel at which it would be read; None without a CRS, where it is read in its own pixels."""
    shape: tuple[int, int]
    """Rows and columns at which it would be read."""
    fits: bool | None
    """Whether the raster's own resolution is one that the model understands."""
    says: str
    """The same as a sentence."""


@dataclass(frozen=True)
class RasterInfo:
    """What `geoglot info` prints."""

    source: str
    driver: str
    shape: tuple[int, int]
    bands: tuple[BandInfo, ...]
    crs: str | None
    resolution_m: float | None
    bounds: tuple[float, float, float, float] | None
    """West, south, east, north in degrees; west > east across the antimeridian."""
    area_m2: float | None
    """Of the whole grid, with what is no data."""
    time: str | None
    sensor: str | None
    """What took it, as far as its name, its tags, the numbers of its bands or the preset tell."""
    shown: tuple[int, ...]
    """The bands that are red, green and blue, and any more that were asked for."""
    why: str
    """How they were chosen: ends the sentence "these are red, green, blue ..."."""
    guessed: bool
    """Whether they are the first three for want of anything better."""
    radiometry: dict[str, Any]
    overviews: tuple[int, ...]
    fit: Fit
    notes: tuple[str, ...]
    picture: Path | None = None
    """Where the bands were drawn."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot info --json` and `geoglot bands --json`."""
        return {**asdict(self), "picture": str(self.picture) if self.picture else None}


def inspect_raster(
    source: PathLike,
    *,
    bands: Sequence[BandLike] | None = None,
    sensor: Sensor | None = None,
    resolution: float | None = None,
    nodata: NoData = None,
    model: PathLike = BUNDLED,
    picture: PathLike | None = None,
) -> RasterInfo:
    """What a raster holds, how it would be read, and whether a model (by name or folder) understands it.

    bands, sensor, resolution and nodata are as in open_raster, and None lets the model's card decide the resolution.
    `picture` is a PNG to draw: the scene as it would be shown, in colour-infrared where a band is infrared, and each
    band alone. Only the model's card is read.
    """
    uri = str(source)
    card = card_of(find_model(model))
    if picture:
        check_picture(Path(picture))
    with open_dataset(uri) as dataset:
        described = Bands.of(dataset)
        facts = {"driver": dataset.driver, "shape": dataset.shape, "overviews": tuple(dataset.overviews(1))}
        choice, colours = described.choose(bands, sensor), described.spectrum(sensor)
        stored = list(zip(colours, dataset.dtypes, map(_nodata, dataset.nodatavals), strict=True))
    look = partial(open_raster, uri, nodata=nodata)
    with look(bands=bands, sensor=sensor, resolution=resolution or card.resolution) as raster:
        alone = [_alone(look, index) for index in range(1, len(stored) + 1)]
        mission = described.numbering(sensor).mission
        info = RasterInfo(
            source=uri,
            bands=tuple(one.info(described, *stored[one.index - 1]) for one in alone),
            sensor=mission.title if mission else None,
            shown=choice.indexes,
            why=choice.why,
            guessed=choice.guessed,
            radiometry=raster.radiometry.to_json(),
            fit=_fit(raster, card),
            time=raster.time.isoformat() if raster.time else None,
            notes=(*raster.warnings, *_left_out(len(alone), picture)),
            picture=Path(picture) if picture else None,
            **facts,
            **_place(raster.native),
        )
    if picture:
        natural = _large(look, f"red, green, blue: {_list(choice.indexes)}, {choice.why}", bands, sensor)
        names = [name or colour or "" for name, colour in zip(described.descriptions, colours, strict=True)]
        panels = [one.panel(name) for one, name in zip(alone, names, strict=True)]
        write_panels([[natural, *_infrared(look, colours)], *_rows(panels)], Path(picture))
    return info


@dataclass(frozen=True)
class _Alone:
    """One band as a small picture."""

    index: int
    tile: Tile
    ends: tuple[float, float] | None
    """2nd and 98th percentile of its stored numbers."""

    def info(self, described: Bands, colour: str | None, kind: str, nodata: float | str | None) -> BandInfo:
        """What the file says of it."""
        name, low_high = described.descriptions[self.index - 1], self.ends or (None, None)
        length = described.wavelengths[self.index - 1]
        return BandInfo(self.index, name, colour, length, kind, nodata, *low_high)

    def panel(self, called: str) -> Panel:
        """The picture with its number, its name and its range."""
        told = f"{format_number(self.ends[0])}..{format_number(self.ends[1])}" if self.ends else "no valid pixel"
        return Panel(self.tile.pixels, self.tile.valid, (f"{self.index} {called}", told))


def _alone(look: _Look, index: int) -> _Alone:
    with look(bands=[index]) as raster:
        tile = raster.thumbnail(_SMALL)
        how, low, high = raster.radiometry.how, raster.radiometry.low[0], raster.radiometry.high[0]
    if not tile.valid.any():
        return _Alone(index, tile, None)
    if how != PERCENTILE:  # 8 bit, whose ends are no percentiles
        low, high = np.percentile(tile.pixels[0][tile.valid], PERCENTILES) * (high - low) + low
    return _Alone(index, tile, (float(low), float(high)))


def _large(look: _Look, title: str, bands: Sequence[BandLike] | None, sensor: Sensor | None = None) -> Panel:
    with look(bands=bands, sensor=sensor) as raster:
        tile = raster.thumbnail(_LARGE)
    return Panel(tile.pixels[:3], tile.valid, (title,))


def _infrared(look: _Look, colours: Sequence[str | None]) -> list[Panel]:
    """In colour-infrared, if it is known which bands are infrared, red and green."""
    if not {"nir", "red", "green"} <= set(colours):
        return []
    indexes = [colours.index(colour) + 1 for colour in ("nir", "red", "green")]
    return [_large(look, f"colour-infrared: {_list(indexes)}", indexes)]


def _rows(panels: Sequence[Panel]) -> list[Sequence[Panel]]:
    shown = panels[:_MOST]
    return [shown[start : start + _ACROSS] for start in range(0, len(shown), _ACROSS)]


def _left_out(bands: int, picture: PathLike | None) -> list[str]:
    return [f"{picture} shows the first {_MOST} of {bands} bands"] if picture and bands > _MOST else []


def _place(grid: Grid) -> dict[str, Any]:
    """Where it lies; nothing without a CRS."""
    pixel = grid.pixel_area_m2()
    return {
        "crs": grid.crs.name if grid.crs else None,
        "resolution_m": grid.resolution_m,
        "bounds": lonlat_bounds(grid) if grid.crs else None,
        "area_m2": pixel * math.prod(grid.shape) if pixel else None,
    }


def _fit(raster: Raster, card: Card) -> Fit:
    finest, coarsest = card.resolution
    own, read, shape = raster.native.resolution_m, raster.grid.resolution_m, raster.grid.shape
    knows = understands(card.name, card.resolution)
    if own is None or read is None:
        return Fit(card.name, card.resolution, None, shape, None, f"{knows}; how large these pixels are is unknown")
    says = f"{knows}; the raster is at {format_number(own)} m and would be read at {format_number(read)} m"
    fits = finest / _SAME <= own <= coarsest * _SAME
    if own > coarsest * _SAME:
        says += ", which adds no detail: the model looks for what these pixels are too coarse to show"
    return Fit(card.name, card.resolution, read, shape, fits, says)


def _nodata(number: float | None) -> float | str | None:
    return number if number is None or math.isfinite(number) else str(number)


def _list(indexes: Sequence[int]) -> str:
    return ", ".join(map(str, indexes))
