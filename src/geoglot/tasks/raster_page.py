"""What `inspect_raster` tells people: its facts in words, and how it shows itself in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geoglot.figures import format_area, format_count, format_list, format_number
from geoglot.nouns import plural
from geoglot.outputs.notebook.page import Page, Table

if TYPE_CHECKING:
    from geoglot.scene.visible import Shown
    from geoglot.tasks.inspected_area import InspectedArea
    from geoglot.tasks.raster_info import BandInfo, RasterInfo


def raster_facts(info: RasterInfo) -> dict[str, str]:
    """What is known of a raster, by name."""
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
        "area": _area(info.area),
    }
    return {what: said for what, said in facts.items() if said}


def _area(area: InspectedArea | None) -> str:
    """How much of the area of interest lies in it."""
    return f"{format_area(area.area_m2)} of {area.file} lie in it, {area.share:.1%} of the raster" if area else ""


def shown(info: RasterInfo) -> str:
    """Which bands are shown as red, green and blue, and why."""
    indexes = ", ".join(map(str, info.shown))
    return f"{indexes} {'for' if len(set(info.shown)) == 1 else 'as'} red, green, blue, {info.why}"


def band_cells(band: BandInfo) -> tuple[str, str, str, str, str]:
    """Number, name, colour, type and numbers of a band."""
    ends = "no valid pixel"
    if band.low is not None and band.high is not None:
        ends = f"{format_number(band.low)} to {format_number(band.high)}"
    length = f", {format_number(band.wavelength_um)} µm" if band.wavelength_um else ""
    nodata = f", no data {_nodata(band.nodata)}" if band.nodata is not None else ""
    return str(band.index), band.name or "-", band.colour or "-", band.type, ends + nodata + length


def page_of_raster(info: RasterInfo) -> Page:
    """Facts and bands."""
    facts = Table(("", ""), list(raster_facts(info).items()))
    bands = Table(("band", "name", "colour", "type", "numbers"), list(map(band_cells, info.bands)))
    return Page(info.source, [facts, bands], info.notes, {"picture": info.picture})


def _nodata(number: float | str) -> str:
    return number if isinstance(number, str) else f"{number:.15g}"


def _place(info: RasterInfo) -> str:
    if info.crs is None or info.bounds is None:
        return "no CRS: its place on Earth is unknown"
    west, south, east, north = info.bounds
    size = f"{format_number(info.resolution_m)} m a pixel, " if info.resolution_m else ""
    return f"{info.crs}, {size}{format_area(info.area_m2)}; {west:.4f}, {south:.4f} to {east:.4f}, {north:.4f} degrees"


def _shows(shows: Shown | None) -> str:
    """Which things its pixels can show, in a line."""
    if shows is None:
        return ""
    seen, unseen = (format_list(list(map(plural, names))) for names in (shows.seen, shows.unseen))
    return f"{seen or 'nothing smaller than a city'}{f'; too small one by one: {unseen}' if unseen else ''}"
