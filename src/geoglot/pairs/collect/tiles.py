"""Stage `tiles`: centres among the photos, and the photos of each tile.

Kept: tiles.parquet (a row a tile: id, epsg, left, top in pixels of its lattice, longitude and latitude of its centre,
the middle of its photos' times) and links.parquet (tile, photo as rows of tiles.parquet and kept.parquet, row, col).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyproj
from affine import Affine

from geoglot.geo import Grid
from geoglot.pairs.collect.collect_recipe import TilesRecipe
from geoglot.pairs.collect.stage import Collection, Outcome
from geoglot.pairs.collect.tile_centres import TileMembers, UtmTiles, choose_centres, find_members


def place_tiles(collection: Collection) -> Outcome:
    """Choose centres, find members."""
    asked, photos = collection.recipe.tiles, collection.table("kept")
    lon, lat = photos["lon"].to_numpy(), photos["lat"].to_numpy()
    order = np.random.default_rng(asked.seed).permutation(len(photos))
    centres = choose_centres(
        lon, lat, asked.spacing_m, order, lambda done: collection.progress("photos to tiles", done, len(photos))
    )
    lattice = UtmTiles(lon[centres], lat[centres], asked.side, asked.resolution)
    every = find_members(lon, lat, lattice)
    links = every.draw_at_most(asked.most_photos, asked.seed)
    tiles = _table(lattice, links, photos)
    collection.keep_table("links", pd.DataFrame(links.__dict__))
    collection.keep_table("tiles", tiles)
    beyond = len(every.tile) - len(links.tile)
    return Outcome({"tiles": len(tiles), "links": len(links.tile), f"links beyond {asked.most_photos} a tile": beyond})


def grid_of(tile: Any, asked: TilesRecipe) -> Grid:
    """Of a row of tiles.parquet."""
    size = asked.resolution
    transform = Affine(size, 0.0, tile.left * size, 0.0, -size, tile.top * size)
    return Grid(_crs(int(tile.epsg)), transform, (asked.side, asked.side))


@lru_cache
def _crs(epsg: int) -> pyproj.CRS:
    """Read once and not for each of a million tiles."""
    return pyproj.CRS.from_epsg(epsg)


def _table(lattice: UtmTiles, links: TileMembers, photos: Any) -> Any:
    left, top = lattice.corners
    names = [f"{zone}-{x}-{y}" for zone, x, y in zip(lattice.epsg, left, top, strict=True)]
    frame = pd.DataFrame({
        "id": names, "epsg": lattice.epsg, "left": left, "top": top, "lon": lattice.lon, "lat": lattice.lat,
        "photos": np.bincount(links.tile, minlength=len(names)),
    })  # fmt: skip
    return frame.assign(time=_middle_times(links, photos["time"].to_numpy(dtype=object), len(names)))


def _middle_times(links: TileMembers, times: np.ndarray, tiles: int) -> list[str]:
    """The middle of the known times of each tile's photos; empty where none is known."""
    stamps = np.array([_stamp(text) for text in times])
    own = stamps[links.photo]
    known = np.isfinite(own)
    tile, own = links.tile[known], own[known]
    order = np.lexsort([own, tile])
    tile, own = tile[order], own[order]
    first, last = (np.searchsorted(tile, np.arange(tiles), side) for side in ("left", "right"))
    return [_text(own[(a + b) // 2]) if b > a else "" for a, b in zip(first, last, strict=True)]


def _stamp(text: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else np.nan
    except ValueError:
        return np.nan


def _text(stamp: float) -> str:
    return datetime.fromtimestamp(float(stamp), UTC).strftime("%Y-%m-%dT%H:%M:%S")
