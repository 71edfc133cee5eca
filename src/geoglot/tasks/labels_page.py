"""How labels of images and windows show themselves in a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import shapely

from geoglot.crs import LONLAT
from geoglot.errors import SourceError
from geoglot.figures import format_count
from geoglot.lonlat import split_at_antimeridian, to_map, to_pixels
from geoglot.outputs.legend import Legend
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.overlay import SIDE, outline_panels
from geoglot.outputs.palette import hex_of
from geoglot.scene.scene_page import draw_scene

if TYPE_CHECKING:
    from geoglot.sources.raster import Raster
    from geoglot.tasks.image_labels import Bounds, Label, Labels


def page_of_labels(labels: Labels) -> Page:
    """How many have each label, then each image or window."""
    counts = Counter(label.label for label in labels.results).most_common()
    legend = _legend(labels)
    summary = Table(("label", "count"), [(name, f"{count:,}") for name, count in counts], [
        legend.colour_of(name) for name, _ in counts
    ])  # fmt: skip
    rows = [
        (label.label, f"{label.probability:.1%}", doubt(label), label.source, _place(label)) for label in labels.results
    ]
    each = Table(("label", "probability", "", "source", "window"), rows)
    failed = f", {len(labels.failed):,} failed" if labels.failed else ""
    return Page(f"{format_count(len(rows), 'label')} by {labels.model}{failed}", [summary, each], labels.notes)


def doubt(label: Label) -> str:
    """Why a label is not to be trusted, in a few words; a note says more."""
    if label.why:
        return "not to be trusted"
    return "but nothing looks like it" if label.present is False else ""


def draw_labels(labels: Labels) -> Drawing:
    """The windows of a scene in the colours of their labels; of several sources the first with their labels."""
    import geopandas as gpd  # labels that are not drawn do without the half second that it takes to import

    legend = _legend(labels)
    placed = [label for label in labels.results if label.bounds]
    facts = {
        "colour": [hex_of(legend.colour_of(label.label)) for label in placed],
        "label": [label.label for label in placed],
        "probability": [f"{label.probability:.1%}" for label in placed],
        "source": [label.source for label in placed],
    }
    boxes = split_at_antimeridian([_box(label.bounds) for label in placed if label.bounds])
    shapes = gpd.GeoDataFrame(facts, geometry=boxes, crs=LONLAT) if placed else None
    entries = list(zip(legend.colours, legend.names, strict=True))
    if len(labels.rasters) == 1 and any(label.window for label in labels.results):
        [raster] = labels.rasters.values()
        scene, drawn = _draw_windows(raster, labels.results, legend)
        return Drawing([scene], drawn, entries, shapes)
    said = {label.source: f"{label.label} {label.probability:.1%}" for label in labels.results}
    pictures = list[Picture]()
    for source, raster in labels.rasters.items():
        try:
            pictures += draw_scene(raster, f"{said.get(source, 'failed')}: {source}").scenes
        except SourceError:
            continue  # others can be shown
    return Drawing(pictures, None, entries, shapes)


def _legend(labels: Labels) -> Legend:
    """The labels that were given, in the order of the question as far as the first one has all classes."""
    asked = labels.results[0].probabilities if labels.results else ()
    given = dict.fromkeys(label.label for label in labels.results)
    return Legend(tuple(name for name in dict.fromkeys([*asked, *given]) if name in given))


def _draw_windows(raster: Raster, labels: Sequence[Label], legend: Legend) -> tuple[Picture, Picture]:
    tile = raster.look_again(SIDE)
    named = [(label.label, shapely.box(w.col, w.row, w.col + w.width, w.row + w.height))
             for label in labels if (w := label.window)]  # fmt: skip
    polygons = to_pixels(to_map([box for _, box in named], raster.grid), tile.grid)
    outlines = [(name, polygon) for (name, _), polygon in zip(named, polygons, strict=True)]
    scene, drawn = outline_panels(tile.pixels[:3], outlines, legend)
    return Picture(raster.uri, scene, tile.grid), Picture("labels", drawn, tile.grid)


def _box(bounds: Bounds) -> shapely.Polygon:
    west, south, east, north = bounds
    return shapely.box(west, south, east + 360 if east < west else east, north)


def _place(label: Label) -> str:
    return "" if label.window is None else ", ".join(map(str, label.window))
