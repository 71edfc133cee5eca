"""How a scene shows itself in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from geoglot.figures import format_count, format_number
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.overlay import SIDE
from geoglot.outputs.panels import to_bytes
from geoglot.sources.raster import Raster

if TYPE_CHECKING:
    from geoglot.scene.encoded_scene import EncodedScene


def draw_scene(raster: Raster, title: str) -> Drawing:
    """A raster as it is read; it may be closed."""
    tile = raster.look_again(SIDE)
    return Drawing([Picture(title, Image.fromarray(to_bytes(tile.pixels[:3])), tile.grid)])


def page_of_scene(scene: EncodedScene) -> Page:
    """How a scene was read and encoded."""
    raster, plan = scene.raster, scene.plan
    (rows, cols), (down, across) = raster.grid.shape, plan.lattice
    at = raster.grid.resolution_m
    facts = {
        "pixels": f"{cols:,} x {rows:,}{f', {format_number(at)} m a pixel' if at else ''}",
        "patches": f"{across:,} x {down:,}, of {plan.patch} pixels a side",
        "windows": f"{len(plan):,}" + (f", of which {len(scene.failed):,} failed" if scene.failed else ""),
        "area": "within the area of interest" if scene.area else "the whole scene",
    }
    title = f"{raster.uri}, encoded by {scene.dense.card.name}"
    notes = (*scene.resumed, *raster.warnings)
    if scene.failed:
        notes = (*notes, f"{format_count(len(scene.failed), 'window')} failed: {scene.failed[0].reason}")
    return Page(title, [Table(("", ""), list(facts.items()))], notes, {"vectors": scene.vectors})
