"""Pictures of hits: small ones for a table, and panels with rank, score, name and date for a sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image

from geoglot.errors import GeoglotError
from geoglot.geo import Grid
from geoglot.index.build.chip_pixels import chip_of, open_chips
from geoglot.index.search.hit import Hit
from geoglot.outputs.panels import Panel, picture_of
from geoglot.sources.raster import Raster
from geoglot.sources.tile import Tile

SIDE = 224
_RED = np.array([0.9, 0.1, 0.1], np.float32)[:, None, None]
_THICK = 2  # pixels of the line around what fits best


def draw_panels(hits: Sequence[Hit]) -> list[Panel]:
    """A panel per hit; grey if its source cannot be read, with the reason."""
    return [
        Panel.blank(SIDE, (*describe(hit), tile)) if isinstance(tile, str) else Panel(*_frame(tile, hit), describe(hit))
        for hit, tile in zip(hits, _read(hits), strict=True)
    ]


def thumbnails(hits: Sequence[Hit]) -> list[tuple[Image.Image, Grid] | None]:
    """A picture per hit, and its grid; None if its source cannot be read."""
    return [
        None if isinstance(tile, str) else (picture_of(*_frame(tile, hit)), tile.grid)
        for hit, tile in zip(hits, _read(hits), strict=True)
    ]


def describe(hit: Hit) -> tuple[str, str]:
    """Rank and scores; name and day."""
    day = f" {hit.time:%Y-%m-%d}" if hit.time is not None else ""
    return f"{hit.rank}  {hit.scores}", f"{hit.source.rsplit('/', 1)[-1]}{day}"


def _read(hits: Sequence[Hit]) -> list[Tile | str]:
    """The chip of each hit, or why it cannot be read. Each source is opened once."""
    places = dict[tuple[str, str], list[int]]()
    for place, hit in enumerate(hits):
        places.setdefault((hit.source, hit.reading), []).append(place)
    read = dict[int, Tile | str]()
    for (source, reading), same in places.items():
        try:
            with open_chips(source, reading) as raster:
                for place in same:
                    read[place] = _read_one(raster, hits[place])
        except GeoglotError as error:
            read |= dict.fromkeys(same, str(error))
    return [read[place] for place in range(len(hits))]


def _read_one(raster: Raster, hit: Hit) -> Tile | str:
    try:
        return chip_of(raster, hit.cell, SIDE)
    except GeoglotError as error:
        return str(error)


def _frame(tile: Tile, hit: Hit) -> tuple[Float[np.ndarray, "3 rows cols"], Bool[np.ndarray, "rows cols"]]:
    """Pixels and valid mask, with a red line around what fits the words best."""
    pixels, valid = tile.pixels[:3], tile.valid
    if hit.part is None:
        return pixels, valid
    rows, cols = valid.shape
    top, left, bottom, right = (np.array(hit.part) * [rows, cols, rows, cols]).round().astype(int)
    frame = np.zeros_like(valid)
    frame[top:bottom, left:right] = True
    frame[top + _THICK : bottom - _THICK, left + _THICK : right - _THICK] = False
    return np.where(frame, _RED, pixels), valid | frame
