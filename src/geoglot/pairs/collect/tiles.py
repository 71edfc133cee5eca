"""Stage `tiles`: choose centres among the photos and find the photos of each tile.

The stage keeps tiles.parquet (per tile: id, epsg, left and top in pixels of its UTM lattice, longitude and latitude of
its centre, number of photos, median of their times) and links.parquet (tile and photo, as rows of tiles.parquet and
kept.parquet; row and col of the photo in the tile).
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
    """Run the stage."""
    asked, photos = collection.recipe.tiles, collection.table("kept")
    lon, lat = photos["lon"].to_numpy(), photos["lat"].to_numpy()
    order = np.random.default_rng(asked.seed).permutation(len(photos))
    centres = choose_centres(
        lon, lat, asked.spacing_m, order, lambda done: collection.progress("photos to tiles", done, len(photos))
    )
    tiles = UtmTiles(lon[centres], lat[centres], asked.side, asked.resolution)
    every = find_members(lon, lat, tiles)
    links = every.draw_at_most(asked.most_photos, asked.seed)
    collection.keep_table("links", pd.DataFrame(links.__dict__))
    collection.keep_table("tiles", _make_table(tiles, links, photos))
    beyond = len(every.tile) - len(links.tile)
    counts = {"tiles": len(centres), "links": len(links.tile), f"links beyond {asked.most_photos} a tile": beyond}
    return Outcome(counts)


def grid_of(tile: Any, asked: TilesRecipe) -> Grid:
    """Grid of a row of tiles.parquet."""
    size = asked.resolution
    transform = Affine(size, 0.0, tile.left * size, 0.0, -size, tile.top * size)
    return Grid(_crs(int(tile.epsg)), transform, (asked.side, asked.side))


_crs = lru_cache(pyproj.CRS.from_epsg)  # or a million tiles would parse it a million times


def _make_table(tiles: UtmTiles, links: TileMembers, photos: Any) -> Any:
    left, top = tiles.corners
    names = [f"{epsg}-{x}-{y}" for epsg, x, y in zip(tiles.epsg, left, top, strict=True)]
    return pd.DataFrame({
        "id": names, "epsg": tiles.epsg, "left": left, "top": top, "lon": tiles.lon, "lat": tiles.lat,
        "photos": np.bincount(links.tile, minlength=len(names)),
        "time": _median_times(links, photos["time"].to_numpy(dtype=object), len(names)),
    })  # fmt: skip


def _median_times(links: TileMembers, times: np.ndarray, tiles: int) -> list[str]:
    """Upper median of the known times of each tile's photos, ISO 8601; empty if none is known."""
    stamps = pd.Series([_to_stamp(text) for text in times], dtype=float)[links.photo]
    middle = stamps.groupby(links.tile).quantile(0.5, interpolation="higher").reindex(range(tiles))
    return ["" if np.isnan(stamp) else f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%dT%H:%M:%S}" for stamp in middle]


def _to_stamp(text: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else np.nan
    except ValueError:
        return np.nan
