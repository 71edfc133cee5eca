"""geoglot info: what a raster holds, and what a model can see in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.figures import format_area, format_count, format_list, format_number
from geoglot.nouns import plural
from geoglot.options import ReadOptions

if TYPE_CHECKING:
    from geoglot.scene.visible import Shown
    from geoglot.tasks.inspection import BandInfo, RasterInfo

_MOST_LINES = 512  # bands


@click.command()
@click.argument("source")
@flags(ReadOptions, "read", "tile", "overlap", "batch")
@shared.model
@shared.short
def command(source: str, model: str, as_json: bool, *, read: ReadOptions) -> None:
    """Describe SOURCE, a raster: bands, place, resolution, numbers, and whether a model understands it.

    Example: geoglot info scene.tif --model mini
    """
    from geoglot.tasks.inspection import inspect_raster

    info = inspect_raster(source, read=read, model=model)
    shared.emit(info.to_json(), as_json, describe(info))


def describe(info: RasterInfo) -> str:
    """The result for people."""
    rows, cols = info.shape
    facts = {
        "file": f"{info.source}, {info.driver}, {cols:,} x {rows:,} px, {format_count(len(info.bands), 'band')}",
        "place": _place(info),
        "time": info.time,
        "sensor": info.sensor,
        "overviews": ", ".join(f"1:{step}" for step in info.overviews),
        "shown": shown(info),
        "numbers": info.radiometry["how"],
        "model": info.fit.says,
        "shows": _shows(info.shows),
    }
    lines = [f"{what:<9} {said}" for what, said in facts.items() if said]
    return "\n".join([*lines, "", *band_table(info), *(f"note      {note}" for note in info.notes)])


def _shows(shows: Shown | None) -> str:
    """Which things its pixels can show, in a line."""
    if shows is None:
        return ""
    seen, unseen = (format_list(list(map(plural, names))) for names in (shows.seen, shows.unseen))
    return f"{seen or 'nothing smaller than a city'}{f'; too small one by one: {unseen}' if unseen else ''}"


def shown(info: RasterInfo) -> str:
    """Which bands are shown as red, green and blue, and why."""
    indexes = ", ".join(map(str, info.shown))
    return f"{indexes} {'for' if len(set(info.shown)) == 1 else 'as'} red, green, blue, {info.why}"


def band_table(info: RasterInfo) -> list[str]:
    """One line per band, and one for those that are too many."""
    bands = info.bands[:_MOST_LINES]
    names = [band.name or "-" for band in bands]
    width = max(map(len, names))
    lines = [
        f"band {band.index:>3}  {name:<{width}}  {band.colour or '-':<8}  {band.type:<8}  {_range(band)}"
        for band, name in zip(bands, names, strict=True)
    ]
    more = len(info.bands) - len(bands)
    return [*lines, f"and {format_count(more, 'more band')}, which --json lists"] if more else lines


def _range(band: BandInfo) -> str:
    ends = "no valid pixel"
    if band.low is not None and band.high is not None:
        ends = f"{format_number(band.low)} to {format_number(band.high)}"
    length = f", {format_number(band.wavelength_um)} µm" if band.wavelength_um else ""
    return ends + (f", no data {_nodata(band.nodata)}" if band.nodata is not None else "") + length


def _nodata(number: float | str) -> str:
    return number if isinstance(number, str) else f"{number:.15g}"


def _place(info: RasterInfo) -> str:
    if info.crs is None or info.bounds is None:
        return "no CRS: its place on Earth is unknown"
    west, south, east, north = info.bounds
    size = f"{format_number(info.resolution_m)} m a pixel, " if info.resolution_m else ""
    return f"{info.crs}, {size}{format_area(info.area_m2)}; {west:.4f}, {south:.4f} to {east:.4f}, {north:.4f} degrees"
