"""How a sample and what it says show themselves in a notebook, and the rows of their tables everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
from PIL import Image, ImageDraw

from geoglot.figures import choose_area_unit, format_area, format_count
from geoglot.outputs.legend import Legend
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.overlay import SIDE
from geoglot.outputs.palette import Colour, hex_of
from geoglot.tasks.audit.census import Stratum
from geoglot.tasks.audit.class_raster import open_classes
from geoglot.tasks.audit.pick_places import centres

if TYPE_CHECKING:
    from geoglot.tasks.audit.audit_result import Audit, AuditedClass, Figure
    from geoglot.tasks.audit.draw_audit import Drawn

_BLACK, _RED, _RADIUS = (0, 0, 0), (230, 0, 0), 6  # of the marks of places; the radius in pixels
_WHITE = (255, 255, 255)
_PALE = 0.6  # of the map below them


def page_of_sample(drawn: Drawn) -> Page:
    """The strata of a sample: places, and what they are expected to tell."""
    areas = [stratum.area_m2 for stratum in drawn.strata]
    unit, rows = choose_area_unit(areas), []
    columns = drawn.strata, drawn.sizes, drawn.half_widths, drawn.half_areas_m2
    for stratum, size, half, half_m2 in zip(*columns, strict=True):
        width = f"{half:.2%}" if half_m2 is None else format_area(half_m2, unit)
        ground = format_area(stratum.area_m2, unit), f"{stratum.weight:.2%}"
        rows.append((stratum.name, f"{stratum.pixels:,}", *ground, f"{size:,}", width))
    head = ("class", "pixels", "area on the map", "share", "places", "expected +-")
    title = f"{format_count(sum(drawn.sizes), 'place')} of {drawn.map} to decide"
    return Page(title, [Table(head, rows)], drawn.notes, {"sample": drawn.sample})


def page_of_audit(audit: Audit) -> Page:
    """Areas with their intervals and accuracies, all areas in one unit; then what was gained and lost, if anything."""
    unit = choose_area_unit([each.area_m2.high for each in (*audit.classes, *audit.changes)])
    head = ("class", "on the map", "area", "95 % interval", "user's accuracy", "producer's accuracy")
    groups = [group for group in (audit.classes, audit.changes) if group]
    tables = [Table(head, [_row(each, unit) for each in group]) for group in groups]
    decided = f"{sum(audit.decided):,} of {format_count(sum(audit.design.sizes), 'place')} decided"
    overall = f"overall accuracy of {audit.map}: {_percent(audit.overall)}"
    return Page(overall, tables, (*audit.notes, decided), {"sample": audit.sample})


def _row(each: AuditedClass, unit: str) -> tuple[str, ...]:
    if each.area_m2.value is None:  # the map has no CRS
        value, low, high = each.share.value, each.share.low, each.share.high
        area = tuple("-" if number is None else f"{number:.2%}" for number in (value, low, high))
    else:
        area = tuple(format_area(number, unit) for number in (each.area_m2.value, each.area_m2.low, each.area_m2.high))
    return (
        each.name, format_area(each.mapped_m2, unit), area[0], f"{area[1]} to {area[2]}", _percent(each.users),
        _percent(each.producers),
    )  # fmt: skip


def _percent(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "-"
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"


def draw_sample(drawn: Drawn) -> Drawing:
    """The map without the places: whoever decides them should not know what it says of each."""
    picture, colours = _read_map(drawn.map, drawn.strata)
    return Drawing([picture], None, [(colours[stratum.name], stratum.name) for stratum in drawn.strata])


def draw_audit_map(audit: Audit) -> Drawing:
    """The map, and on it the decided places in the colours of their true classes; those where it is wrong in red."""
    design = audit.design
    picture, colours = _read_map(audit.map, audit.strata, design.names)
    grid = picture.grid or design.grid
    x, y = design.grid.to_map(*centres([each.place for each in audit.verdicts]))
    shown = gpd.GeoSeries.from_xy(x, y, crs=design.grid.crs)
    places = shown.to_crs(grid.crs) if grid.crs else shown
    marked = Image.blend(picture.image, Image.new("RGB", picture.image.size, "white"), _PALE)
    painter = ImageDraw.Draw(marked)
    rows, cols = grid.to_pixel(places.x, places.y)
    for verdict, row, col in zip(audit.verdicts, rows.tolist(), cols.tolist(), strict=True):
        ring = _BLACK if verdict.mapped == verdict.true else _RED
        box = (col - _RADIUS, row - _RADIUS, col + _RADIUS, row + _RADIUS)
        painter.ellipse(box, fill=colours[verdict.true], outline=ring, width=2)
    facts = {
        "colour": [hex_of(colours[verdict.true]) for verdict in audit.verdicts],
        "place": [verdict.place.id for verdict in audit.verdicts],
        "is": [verdict.true for verdict in audit.verdicts],
        "on the map": [verdict.mapped or "nothing" for verdict in audit.verdicts],
    }
    return Drawing(
        [picture],
        Picture("decided places; red where the map is wrong", marked, grid),
        [(colours[name], name) for name in design.names],
        gpd.GeoDataFrame(facts, geometry=shown),
    )


def _read_map(path: str, strata: Iterable[Stratum], names: Sequence[str] = ()) -> tuple[Picture, dict[str, Colour]]:
    """The map in its own colours, else in ours, and the colour of each of its classes and of `names`."""
    with open_classes(path) as raster:
        ids, valid, grid = raster.thumbnail(SIDE)
        own = raster.palette()
    present, places = np.unique(ids, return_inverse=True)
    by_id = dict(raster.names) | {stratum.id: stratum.name for stratum in strata}
    legend = Legend(tuple(dict.fromkeys((*names, *by_id.values()))))
    colours = dict(zip(legend.names, legend.colours, strict=True))
    colours |= {name: own[number] for number, name in by_id.items() if number in own}
    table = np.array([colours.get(by_id.get(number, ""), _WHITE) for number in present.tolist()], np.uint8)
    pixels = np.where(valid[..., None], table[places.reshape(ids.shape)], np.uint8(255))
    return Picture(Path(path).name, Image.fromarray(pixels), grid), colours
