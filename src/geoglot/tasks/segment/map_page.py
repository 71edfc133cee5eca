"""How a map shows itself in a notebook, and the rows of its table everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from geoglot.figures import format_areas
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.overlay import MOST_LINES, SIDE, map_panels
from geoglot.scene.read import margin_of
from geoglot.tasks.segment.shares import ClassShare

if TYPE_CHECKING:
    from geoglot.tasks.segment.map_files import SegmentResult


def by_size(shares: Sequence[ClassShare]) -> list[ClassShare]:
    """The largest class first."""
    return sorted(shares, key=lambda share: -share.pixels)


def share_rows(shares: Sequence[ClassShare]) -> list[tuple[str, str, str]]:
    """Name, area and share of each class, all areas in one unit."""
    areas = format_areas([share.area_m2 for share in shares])
    return [(share.name, area, f"{share.share:.1%}") for share, area in zip(shares, areas, strict=True)]


def legend_lines(shares: Sequence[ClassShare]) -> list[tuple[str, str]]:
    """Each class, and its line in a legend; the largest first if they are too many."""
    order = shares if len(shares) <= MOST_LINES else by_size(shares)
    return [(share.name, f"{share.name}  {share.share:.1%}") for share in order]


def page_of_map(result: SegmentResult) -> Page:
    """The map in words."""
    shares = by_size(result.classes)
    colours = [result.legend.colour_of(share.name) for share in shares]
    files = {
        "map": result.output, "polygons": result.polygons, "scores": result.scores, "picture": result.overlay,
        "manifest": result.manifest,
    }  # fmt: skip
    return Page(
        f"{result.output.name} by {result.model}",
        [Table(("class", "area", "share"), share_rows(shares), colours)],
        result.notes,
        files,
    )


def draw_map(result: SegmentResult) -> Drawing:
    """The scene, and the scene under the map."""
    tile = result.scene.look_again(SIDE)
    scene, drawn = map_panels(tile.pixels[:3], result.map.checked(), result.legend)
    margin_of([tile], result.area, result.scene.grid).outline_area(drawn)
    entries = [(result.legend.colour_of(name), line) for name, line in legend_lines(result.classes)]
    return Drawing([Picture("scene", scene, tile.grid)], Picture("map", drawn, tile.grid), entries)
