"""Pictures of hits: small ones for a table, and panels with rank, score, name and date for a sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from geoglot.errors import GeoglotError
from geoglot.geo import Grid
from geoglot.index.build.chip_pixels import read_chip
from geoglot.index.search.hit import Hit
from geoglot.outputs.panels import Panel, to_bytes
from geoglot.sources.tile import Tile

SIDE = 224
_RED = np.array([0.9, 0.1, 0.1], np.float32)[:, None, None]
_THICK = 2  # pixels of the line around what fits best


def draw_panels(hits: Sequence[Hit]) -> list[Panel]:
    """A panel per hit; grey if its source cannot be read, with the reason."""
    return [_draw(hit) for hit in hits]


def thumbnails(hits: Sequence[Hit]) -> list[tuple[Image.Image, Grid] | None]:
    """A picture per hit, and its grid; None if its source cannot be read."""
    tiles = [_read(hit) for hit in hits]
    return [
        (Image.fromarray(to_bytes(tile.pixels[:3])), tile.grid) if isinstance(tile, Tile) else None for tile in tiles
    ]


def describe(hit: Hit) -> tuple[str, str]:
    """Rank and scores; name and day."""
    day = f" {hit.time:%Y-%m-%d}" if hit.time is not None else ""
    return f"{hit.rank}  {hit.scores}", f"{hit.source.rsplit('/', 1)[-1]}{day}"


def _read(hit: Hit) -> Tile | str:
    try:
        return read_chip(hit.source, hit.cell, SIDE, hit.reading)
    except GeoglotError as error:
        return str(error)


def _draw(hit: Hit) -> Panel:
    tile, lines = _read(hit), describe(hit)
    if isinstance(tile, str):
        return Panel.blank(SIDE, (*lines, tile))
    pixels, valid = tile.pixels[:3].copy(), tile.valid.copy()
    if hit.part is not None:
        rows, cols = valid.shape
        top, left, bottom, right = (np.array(hit.part) * [rows, cols, rows, cols]).round().astype(int)
        frame = np.zeros_like(valid)
        frame[top:bottom, left:right] = True
        frame[top + _THICK : bottom - _THICK, left + _THICK : right - _THICK] = False
        pixels, valid = np.where(frame, _RED, pixels), valid | frame
    return Panel(pixels, valid, lines)
