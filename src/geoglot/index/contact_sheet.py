"""Pictures of hits: small ones for a table, and panels with rank, score, name and date for a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from PIL import Image
from shapely.geometry.base import BaseGeometry

from geoglot.crs import LONLAT, transform
from geoglot.errors import GeoglotError
from geoglot.index.chip_pixels import read_chip
from geoglot.outputs.panels import Panel, to_bytes
from geoglot.sources.tile import Tile

if TYPE_CHECKING:
    from geoglot.index.hits import Hit

_SIDE = 224
_RED = (0.9, 0.1, 0.1)
_THICK = 2  # pixels of the line around what fits best


def draw_panels(hits: Sequence[Hit]) -> list[Panel]:
    """A panel per hit; grey if its source cannot be read, with the reason."""
    return [_draw(hit) for hit in hits]


def thumbnails(hits: Sequence[Hit]) -> list[Image.Image | None]:
    """A picture per hit; None if its source cannot be read."""
    tiles = [_read(hit) for hit in hits]
    return [Image.fromarray(to_bytes(tile.pixels[:3])) if isinstance(tile, Tile) else None for tile in tiles]


def _read(hit: Hit) -> Tile | str:
    try:
        return read_chip(hit.source, hit.cell, _SIDE, hit.reading)
    except GeoglotError as error:
        return str(error)


def _draw(hit: Hit) -> Panel:
    from geoglot.index.hits import describe_hit

    tile, lines = _read(hit), describe_hit(hit)
    if isinstance(tile, str):
        return Panel(np.zeros((3, _SIDE, _SIDE), np.float32), np.zeros((_SIDE, _SIDE), bool), (*lines, tile))
    pixels = tile.pixels[:3].copy()
    valid = tile.valid.copy()
    if hit.part is not None:
        _draw_frame(pixels, valid, _part_in(tile, hit))
    return Panel(pixels, valid, lines)
