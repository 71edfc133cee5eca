"""How a comparison shows itself in a notebook, and the rows of its table everywhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import geopandas as gpd
from PIL import Image

from geoglot.figures import format_area, format_areas
from geoglot.lonlat import to_pixels
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.overlay import SIDE, map_panels, outline_panels
from geoglot.outputs.palette import Colour
from geoglot.outputs.panels import to_bytes
from geoglot.scene.read import margin_of
from geoglot.tasks.change.legends import ChangeLegend, states_of, transition_legend

if TYPE_CHECKING:
    from geoglot.tasks.change.result import ChangeResult


def page_of_changes(result: ChangeResult) -> Page:
    """A row for each date, with the areas of all classes in one unit."""
    areas = format_areas([area for each in result.classes for area in each.area_m2])
    columns = [areas[start : start + len(result.dates)] for start in range(0, len(areas), len(result.dates))]
    rows = list(zip(result.dates, *columns, strict=True))
    return Page(
        result.summary, [Table(("date", *(each.name for each in result.classes)), rows)], result.notes, result.outputs
    )


def draw_changes(result: ChangeResult) -> Drawing:
    """The first and the last date, and what changed: the map if it was written, else the outlines."""
    legend = transition_legend(states_of([each.name for each in result.classes if each.objects]))
    before, after = (result.scenes[place].look_again(SIDE) for place in (0, -1))
    changes = result.changes
    if changes is None:
        assert result.map is not None, "a comparison without polygons in memory has a map"
        *panels, drawn = map_panels(after.pixels[:3], result.map.checked(), legend, before.pixels[:3])
    else:
        named = (changes["from"] + " to " + changes["to"]).tolist()
        outlines = list(zip(named, to_pixels(changes.geometry.to_numpy(), after.grid), strict=True))
        drawn = outline_panels(after.pixels[:3], outlines, legend)[1]
        panels = [Image.fromarray(to_bytes(tile.pixels[:3])) for tile in (before, after)]
    margin_of([before, after], result.area, result.scenes[-1].grid).outline_area(drawn)
    scenes = [
        Picture(date, image, after.grid)
        for date, image in zip((result.dates[0], result.dates[-1]), panels, strict=True)
    ]
    return Drawing(scenes, Picture("what changed", drawn, after.grid), _entries(result, legend), _shapes(changes))


def _entries(result: ChangeResult, legend: ChangeLegend) -> list[tuple[Colour, str]]:
    """The changes that there are, the largest first, with their area over all steps."""
    pixels, areas = Counter[str](), defaultdict[str, float](float)
    for each in result.transitions:
        pixels[(name := f"{each.source} to {each.target}")] += each.pixels
        areas[name] += each.area_m2 or 0.0
    on_earth = any(each.area_m2 is not None for each in result.transitions)
    return [
        (legend.colour_of(name), f"{name}  {format_area(areas[name]) if on_earth else f'{count:,} pixels'}")
        for name, count in pixels.most_common()
    ]


def _shapes(changes: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    if changes is None:
        return None
    largest = changes.sort_values("area_m2", ascending=False, kind="stable", na_position="last")
    facts = {key: largest[key] for key in ("colour", "before", "after", "from", "to", "gain", "loss")}
    facts["score"] = [f"{score:.2f}" for score in largest["score"]]
    facts["area"] = list(map(format_area, largest["area_m2"]))
    return gpd.GeoDataFrame(facts, geometry=largest.geometry, crs=changes.crs)
