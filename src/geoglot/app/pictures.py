"""What the map shows of a scene: facts, a thumbnail, and tiles of its picture and of scores. Runs in a child.

Each function takes the body of a task and gives a document with bytes.
"""

from __future__ import annotations

import math
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from geoglot.app.child import Done, Report
from geoglot.app.mercator import placed, tile_grid, zooms
from geoglot.geo import Grid, Window
from geoglot.lonlat import lonlat_bounds
from geoglot.outputs.panels import to_bytes
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.resample import Resampler
from geoglot.sources.scene_day import period_of
from geoglot.tasks.find.heat_map import HeatMap

_OPEN = 16  # rasters whose files stay open


@lru_cache(_OPEN)
def _opened(source: str, _state: str) -> Raster:
    return open_raster(source)


def _open(body: dict[str, Any]) -> Raster:
    return _opened(body["source"], body.get("state", ""))


def describe_scene(body: dict[str, Any], _: Report) -> Done:
    """Facts of a scene for the page, with what a model says of its resolution."""
    raster = _open(body)
    grid = placed(raster.native)
    least, most = zooms(grid)
    period = period_of(raster.uri, raster.time)
    return {
        "bounds": [round(edge, 7) for edge in lonlat_bounds(grid)],
        "placed": raster.native.crs is not None,
        "size": [raster.native.shape[1], raster.native.shape[0]],
        "resolution_m": raster.native.resolution_m,
        "time": str(period) if period else None,
        "bands": list(raster.bands),
        "minzoom": least,
        "maxzoom": most,
        "notes": list(raster.warnings),
    }, b""


def scene_tile(body: dict[str, Any], _: Report) -> Done:
    """A tile of the picture of a scene: PNG, transparent without data; no bytes where the scene is not."""
    pixels, valid = read_onto(_open(body), tile_grid(*body["tile"]))
    if not valid.any():
        return {}, b""
    return {}, _picture(pixels, valid)


def scene_thumbnail(body: dict[str, Any], _: Report) -> Done:
    """The whole scene as a PNG."""
    tile = _open(body).thumbnail(body["side"])
    return {}, _picture(tile.pixels, tile.valid)


def read_onto(raster: Raster, grid: Grid) -> tuple[Float[np.ndarray, "3 rows cols"], Bool[np.ndarray, "rows cols"]]:
    """A picture of a raster on another grid, from its overviews where the grid is coarser."""
    own = placed(raster.native)
    step = Resampler(own, grid)
    factor = 2 ** max(0, math.floor(math.log2(max(1.0, math.sqrt(step.count_source_pixels(Window(0, 0, 1, 1)))))))
    small = own.coarser(factor)

    def read(part: Window) -> tuple[np.ndarray, np.ndarray]:
        pixels = Window(*(side * factor for side in part)).intersection(own.whole)
        assert pixels is not None, "the part touches the raster"
        return raster.read_stored(pixels, (part.height, part.width) if factor > 1 else None)

    values, valid = Resampler(small, grid, len(raster.indexes)).read(read, grid.whole)
    return raster.radiometry.apply(values, valid)[:3], valid


def score_tile(body: dict[str, Any], _: Report) -> Done:
    """A tile of the scores of one name: a grey PNG of the bytes of `HeatMap`, 0 where nothing is known.

    No bytes for a name that the job does not have.
    """
    grid = tile_grid(*body["tile"])
    try:
        heat = HeatMap.open(Path(body["folder"]))
    except FileNotFoundError:  # the job has not begun
        return {}, encode_png(np.zeros(grid.shape, np.uint8))
    if body["index"] >= len(heat.bytes):
        return {}, b""
    layer = heat.bytes[body["index"]]

    def read(part: Window) -> tuple[np.ndarray, np.ndarray]:
        values = np.array(layer[part.slices])
        return values[None], values > 0

    values, valid = Resampler(placed(heat.grid), grid, 1).read(read, grid.whole)
    return {}, encode_png(np.where(valid, np.maximum(values[0].round(), 1), 0).astype(np.uint8))


def _picture(pixels: Float[np.ndarray, "band rows cols"], valid: Bool[np.ndarray, "rows cols"]) -> bytes:
    shown = pixels[:3] if len(pixels) >= 3 else np.repeat(pixels[:1], 3, 0)
    return encode_png(np.dstack([to_bytes(np.clip(shown, 0, 1)), np.where(valid, 255, 0).astype(np.uint8)]))


def encode_png(pixels: UInt8[np.ndarray, "rows cols *bands"]) -> bytes:
    """A PNG that is quickly made."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
