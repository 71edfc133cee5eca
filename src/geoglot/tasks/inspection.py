"""Describe a raster: its bands, how it would be read, whether a model fits it, and a picture of all bands."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from geoglot.aliases import PathLike
from geoglot.errors import NO_PIXEL
from geoglot.figures import format_number
from geoglot.geo import Grid
from geoglot.lonlat import lonlat_bounds
from geoglot.models.card import Card
from geoglot.models.stored import BUNDLED, card_of, find_model
from geoglot.options import ReadOptions
from geoglot.outputs.panels import Panel, check_picture, write_panels
from geoglot.scene.read import blank_notes, open_to_look, out_of_reach, pixel_size, too_small_to_map, understands
from geoglot.scene.visible import shown_by
from geoglot.sources.bands.band_choice import Bands
from geoglot.sources.gdal import open_dataset
from geoglot.sources.pixels.radiometry import PERCENTILE, PERCENTILES
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.tile import Tile
from geoglot.tasks.inspected_area import InspectedArea, look_within
from geoglot.tasks.raster_info import SAME_RESOLUTION, BandInfo, Fit, RasterInfo

_LARGE, _SMALL, _ACROSS = 560, 180, 6  # side of a colour picture and of a single band in pixels; bands in a row
_MOST = 48  # bands that a picture shows
_MOST_MEASURED = 512  # bands of which each is opened; of a file with more, the first _MOST
_Look = Callable[..., Raster]  # opens the raster with a choice of bands, in its own pixels


def inspect_raster(
    source: PathLike,
    *,
    read: ReadOptions = ReadOptions(),
    model: PathLike = BUNDLED,
    picture: PathLike | None = None,
    area: PathLike | None = None,
) -> RasterInfo:
    """Describe a raster, how it would be read, and whether a model (a name or a folder) understands it.

    `picture` is a PNG to write: the scene in colours, in colour-infrared if a band is infrared, and each band alone.
    Of the model only the card is read. With `area`, a file of polygons, numbers and picture are those of its ground.
    """
    uri, card = str(source), card_of(find_model(model))
    if picture:
        check_picture(Path(picture))
    with open_dataset(uri) as dataset:
        described = Bands.of(dataset)
        facts = {"driver": dataset.driver, "shape": dataset.shape, "overviews": tuple(dataset.overviews(1))}
        choice, colours = described.choose(read.bands, read.sensor), described.spectrum(read.sensor)
        columns = (described.descriptions, colours, described.wavelengths, dataset.dtypes)
        stored = list(zip(*columns, map(_nodata, dataset.nodatavals), strict=True))
    look = partial(open_raster, uri, nodata=read.nodata)
    opened, refused = open_to_look(uri, read, card.resolution)
    with opened as raster:
        measured = len(stored) if len(stored) <= _MOST_MEASURED else _MOST
        alone = [_read_alone(look, index, area) for index in range(1, measured + 1)]
        mission = described.numbering(read.sensor).mission
        unusable = too_small_to_map(raster, card) if any(tile.valid.any() for tile, _ in alone) else NO_PIXEL
        info = RasterInfo(
            source=uri,
            bands=tuple(
                BandInfo(index, *band, *(ends or (None, None)))
                for index, (band, ends) in enumerate(zip_longest(stored, [ends for _, ends in alone]), 1)
            ),
            sensor=mission.title if mission else None,
            shown=choice.indexes,
            why=choice.why,
            guessed=choice.guessed,
            radiometry=raster.radiometry.to_json(),
            fit=_fit(raster, card, read),
            shows=shown_by(pixel_size(raster, read)),
            time=raster.time.isoformat() if raster.time else None,
            notes=(
                *refused,
                *raster.warnings,
                *filter(None, [unusable]),
                *blank_notes(raster, card),
                *_notes_left_out(len(stored), picture),
            ),
            area=InspectedArea.of(area, raster) if area else None,
            picture=Path(picture) if picture else None,
            scene=raster.reopened(),
            **facts,
            **_place(raster.native),
        )
    if picture:
        title = f"red, green, blue: {_list(choice.indexes)}, {choice.why}"
        large = [_colour_panel(look, area, title, bands=read.bands, sensor=read.sensor)]
        if {"nir", "red", "green"} <= set(colours):
            infrared = [colours.index(colour) + 1 for colour in ("nir", "red", "green")]
            large.append(_colour_panel(look, area, f"colour-infrared: {_list(infrared)}", bands=infrared))
        small = [_band_panel(band, tile) for band, (tile, _) in zip(info.bands, alone, strict=False)][:_MOST]
        rows = [small[start : start + _ACROSS] for start in range(0, len(small), _ACROSS)]
        write_panels([large, *rows], Path(picture))
    return info


def _read_alone(look: _Look, index: int, area: PathLike | None) -> tuple[Tile, tuple[float | None, float | None]]:
    """One band as a small picture, and the 2nd and 98th percentile of its stored numbers."""
    with look(bands=[index]) as raster:
        if area:
            tile, stored = look_within(raster, area, _SMALL)
            known = stored[0][tile.valid]
            low, high = np.percentile(known, PERCENTILES) if known.size else (None, None)
            return tile, (low if low is None else float(low), high if high is None else float(high))
        tile = raster.thumbnail(_SMALL)
        how, low, high = raster.radiometry.how, raster.radiometry.low[0], raster.radiometry.high[0]
    if not tile.valid.any():
        return tile, (None, None)
    if how != PERCENTILE:  # 8 bit: low and high are the range of the type
        low, high = np.percentile(tile.pixels[0][tile.valid], PERCENTILES) * (high - low) + low
    return tile, (float(low), float(high))


def _band_panel(band: BandInfo, tile: Tile) -> Panel:
    ends = "no valid pixel"
    if band.low is not None and band.high is not None:
        ends = f"{format_number(band.low)}..{format_number(band.high)}"
    return Panel(tile.pixels, tile.valid, (f"{band.index} {band.name or band.colour or ''}", ends))


def _colour_panel(look: _Look, area: PathLike | None, title: str, **choice: Any) -> Panel:
    with look(**choice) as raster:
        tile = look_within(raster, area, _LARGE)[0] if area else raster.thumbnail(_LARGE)
    return Panel(tile.pixels[:3], tile.valid, (title,))


def _notes_left_out(bands: int, picture: PathLike | None) -> list[str]:
    notes = [f"{picture} shows the first {_MOST} of {bands} bands"] if picture and bands > _MOST else []
    return [*notes, f"only the first {_MOST} of {bands:,} bands are measured"] if bands > _MOST_MEASURED else notes


def _place(grid: Grid) -> dict[str, Any]:
    """Its place on the ground; None without a CRS."""
    pixel = grid.pixel_area_m2()
    return {
        "crs": grid.crs.name if grid.crs else None,
        "resolution_m": grid.resolution_m,
        "bounds": lonlat_bounds(grid) if grid.crs else None,
        "area_m2": pixel * math.prod(grid.shape) if pixel else None,
    }


def _fit(raster: Raster, card: Card, read: ReadOptions) -> Fit:
    finest, coarsest = card.resolution
    own, read_at, shape = raster.native.resolution_m, raster.grid.resolution_m, raster.grid.shape
    knows = understands(card.name, card.resolution)
    if own is None or read_at is None:
        return Fit(card.name, card.resolution, None, shape, None, f"{knows}; how large these pixels are is unknown")
    says = f"{knows}; the raster is at {format_number(own)} m and would be read at {format_number(read_at)} m"
    fits = finest / SAME_RESOLUTION <= own <= coarsest * SAME_RESOLUTION
    if own > coarsest * SAME_RESOLUTION:
        too_coarse = "the model looks for what these pixels are too coarse to show"
        far = out_of_reach(raster, card, read) and "what it says of the scene is not to be used"
        says += f", which adds no detail: {far or too_coarse}"
    return Fit(card.name, card.resolution, read_at, shape, fits, says)


def _nodata(number: float | None) -> float | str | None:
    return number if number is None or math.isfinite(number) else str(number)


def _list(indexes: Sequence[int]) -> str:
    return ", ".join(map(str, indexes))
