"""Reads the chips of units of work, in order, with their rows of the tables of an archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float

from geoglot.errors import GridError, InputError, ReadError, SourceError
from geoglot.geo import Grid
from geoglot.index.build.chip_rows import Found, Shares, chip_rows, source_row
from geoglot.index.build.chips import ChipPlace, at_scale, find_places, shows_enough
from geoglot.index.build.open_source import open_source
from geoglot.index.build.scales import scale_of, why_too_coarse
from geoglot.index.build.stac_scenes import StacScene
from geoglot.index.build.units import CHIPS_A_PART, Part, Rules, Unit
from geoglot.models.card import Card
from geoglot.scene.embed import pad
from geoglot.scene.read import check_bands
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow, read_patiently
from geoglot.sources.scene_day import moment_of
from geoglot.times import to_utc

_EMPTY = "too little of them has data"


@dataclass(frozen=True)
class ReadChip:
    """The pixels of a chip."""

    pixels: Float[np.ndarray, "band side side"]
    done: float
    """Bytes of its part that are read, about."""
    area_m2: float = 0.0
    """0 for a picture without coordinates."""


@dataclass(frozen=True)
class PartRead:
    """The end of a part, after its chips."""

    part: Part
    chips: list[dict[str, Any]]
    """A row of the table of chips for each chip that was read, without its part."""
    source: dict[str, Any]
    """Its row of the table of sources; chips that the model fails on are counted later."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PartFailed:
    """The end of a part that cannot be read; chips that came before it count no more."""

    part: Part
    reason: str


@dataclass(frozen=True)
class UnitRead:
    """The end of a unit."""

    unit: Unit


Event = ReadChip | PartRead | PartFailed | UnitRead


def read_units(units: Iterable[Unit], rules: Rules, card: Card) -> Iterator[Event]:
    """Read units, part by part. A source that cannot be read ends its part and not the others."""
    for unit in units:
        # The parts of a source follow each other, so one open raster serves them.
        for source, parts in groupby(unit.parts, lambda part: part.source):
            left = list(parts)
            try:
                with open_source(source, rules) as raster:
                    if isinstance(raster, Raster):
                        check_bands(raster, card.bands, card.name)
                    while left:
                        yield from _try_part(left.pop(0), raster, rules, card)
            except (SourceError, GridError, InputError) as error:
                yield from (PartFailed(part, str(error)) for part in left)
        yield UnitRead(unit)


def _try_part(part: Part, raster: Raster | StacScene, rules: Rules, card: Card) -> Iterator[Event]:
    try:
        yield from _read_part(part, raster, rules, card)
    except (SourceError, GridError, InputError) as error:
        yield PartFailed(part, str(error))


def _read_part(part: Part, raster: Raster | StacScene, rules: Rules, card: Card) -> Iterator[Event]:
    if isinstance(raster, Raster) and raster.native.crs is None:
        if rules.area:
            yield PartFailed(part, f"{raster.uri} has no place on Earth, so it is not known whether it is in the area")
        elif part.asked == rules.scales[0]:  # the whole picture is of no scale, and one chip
            yield from _read_picture(part, raster, rules, card)
        return
    scale, side = scale_of(part.asked, raster.native, card), card.tile_size
    scene = at_scale(raster, scale, side)
    found = Found(scene, part, scale, _moment(part, raster))
    if why := why_too_coarse(raster.native, scale, card):
        yield _end(found, [], [], (0, 0, why), (f"{raster.uri} is not seen: {why}",))
        return
    first = part.number * CHIPS_A_PART
    some = slice(first, first + CHIPS_A_PART) if part.parts > 1 else slice(None)
    places = _within(rules.area, find_places(scene.grid, scale, side, some), scene.grid)
    seen, shares, unseen, failed, why = list[ChipPlace](), list[Shares](), 0, 0, ""
    for done, place in enumerate(places, 1):
        tile = read_patiently(scene, place.window)
        if isinstance(tile, FailedWindow):
            failed, why = failed + 1, tile.reason
        elif not shows_enough(tile.valid, place.window, scene.grid, rules.least):
            unseen, why = unseen + 1, why or _EMPTY
        else:
            seen.append(place)
            cloud = scene.cloud(place.window) if isinstance(scene, StacScene) else part.source.cloud
            shares.append(Shares(float(1 - tile.valid.mean()), cloud))
            yield ReadChip(tile.pixels, part.size * done / len(places), scale**2)
    raster.check_unchanged()
    yield _end(found, seen, shares, (unseen, failed, why), raster.warnings)


def _within(area: str, places: list[ChipPlace], grid: Grid) -> list[ChipPlace]:
    """The chips that touch an area of interest."""
    if not area or not places:
        return places
    import geopandas as gpd  # most runs have no area, and do without the second that it takes to import

    from geoglot.scene.vector_features import on_grid

    lonlat = gpd.GeoDataFrame(geometry=[shapely.from_wkt(area)], crs=4326)
    inside = on_grid(lonlat, grid).geometry.iloc[0]
    windows = np.array([place.window for place in places])
    boxes = shapely.box(windows[:, 1], windows[:, 0], windows[:, 1] + windows[:, 3], windows[:, 0] + windows[:, 2])
    return [place for place, touches in zip(places, shapely.intersects(boxes, inside), strict=True) if touches]


def _read_picture(part: Part, raster: Raster, rules: Rules, card: Card) -> Iterator[Event]:
    """A picture without coordinates is one chip: reduced to the model's size if it is large, mirrored if small."""
    found = Found(raster, part, None, _moment(part, raster))
    notes = raster.warnings[1:]  # the first says that it has no place on Earth
    try:
        tile = raster.thumbnail(card.tile_size)
    except ReadError as error:
        yield _end(found, [], [], (0, 1, str(error)), notes)
        return
    if tile.valid.mean() < rules.least:
        yield _end(found, [], [], (1, 0, _EMPTY), notes)
        return
    yield ReadChip(pad(tile.pixels, card.patch_size, card.tile_size), float(part.size))
    shares = Shares(float(1 - tile.valid.mean()), part.source.cloud)
    yield _end(found, [ChipPlace(None, raster.grid.whole)], [shares], (0, 0, ""), notes)


def _end(
    found: Found,
    seen: list[ChipPlace],
    shares: list[Shares],
    missing: tuple[int, int, str],
    notes: tuple[str, ...],
) -> PartRead:
    chips = chip_rows(found, seen, shares)
    return PartRead(found.part, chips, source_row(found, chips, missing), notes)


def _moment(part: Part, raster: Raster | StacScene) -> datetime | None:
    """When the pixels were taken, in UTC: as a list says, else as `moment_of` knows it."""
    if part.source.time:
        return datetime.fromisoformat(part.source.time)
    moment = moment_of(raster.uri, raster.time)
    return to_utc(moment) if moment else None
