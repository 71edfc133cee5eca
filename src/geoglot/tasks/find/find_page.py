"""How objects that were found are drawn, and how they show themselves in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import geopandas as gpd
from shapely import Polygon

from geoglot.figures import format_area, format_areas
from geoglot.geo import Grid
from geoglot.lonlat import to_pixels
from geoglot.outputs.legend import Legend
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.overlay import SIDE, outline_panels
from geoglot.outputs.palette import hex_of
from geoglot.scene.read import margin_of

if TYPE_CHECKING:
    from geoglot.tasks.find.find_result import FindResult


def outlines_on(objects: gpd.GeoDataFrame, grid: Grid) -> list[tuple[str, Polygon]]:
    """Names and outlines in pixels of a grid."""
    return list(zip(objects["name"], to_pixels(objects.geometry.to_numpy(), grid), strict=True))


def count_lines(objects: gpd.GeoDataFrame, names: Sequence[str]) -> list[str]:
    """A line of the legend for each name."""
    counts = objects["name"].value_counts()
    return [f"{name}  {counts.get(name, 0)}" for name in names]


def count_rows(result: FindResult) -> list[tuple[str, str, str, str]]:
    """Name, count, area and least score of each name, all areas in one unit; a point or box has no least score."""
    areas = format_areas(list(result.areas_m2.values()))
    rows = []
    for (name, count), area in zip(result.counts.items(), areas, strict=True):
        threshold = result.thresholds.get(name)
        score = f"score from {threshold.line:.2f} ({threshold.how})" if threshold else ""
        rows.append((name, f"{count}", area, score))
    return rows


def page_of_objects(result: FindResult) -> Page:
    """What was found in words."""
    legend = Legend(tuple(result.counts))
    table = Table(("name", "count", "area", ""), count_rows(result), legend.colours)
    files = {"objects": result.output, "picture": result.overlay, "manifest": result.manifest}
    return Page(result.summary, [table], result.notes, files)


def draw_objects(result: FindResult) -> Drawing:
    """The scene, and the scene under the outlines."""
    tile = result.scene.look_again(SIDE)
    names, objects = tuple(result.counts), result.objects.sort_values("score", ascending=False, kind="stable")
    legend = Legend(names)
    scene, drawn = outline_panels(tile.pixels[:3], outlines_on(result.objects, tile.grid), legend)
    margin_of([tile], result.area, result.scene.grid).outline_area(drawn)
    facts = {
        "colour": [hex_of(legend.colour_of(name)) for name in objects["name"]],
        "id": objects["id"],
        "name": objects["name"],
        "score": [f"{score:.2f}" for score in objects["score"]],
        "area": list(map(format_area, objects["area_m2"])),
    }
    return Drawing(
        [Picture("scene", scene, tile.grid)],
        Picture("objects", drawn, tile.grid),
        list(zip(legend.colours, count_lines(objects, names), strict=True)),
        gpd.GeoDataFrame(facts, geometry=objects.geometry, crs=objects.crs),
    )
