"""The stored form of a pair set, version 1.

    pairs.json                     format, bands, side (px), resolution (m), and the shards with their counts
    shard-00000/tiles.npy          uint8 (tile, band, side, side)
    shard-00000/tiles.parquet      a row a tile: id, crs, a, b, c, d, e, f (the affine transform); more columns are kept
    shard-00000/photos.parquet     a row a link of a photo to its tile, in the order of the tiles:
                                   tile (row of tiles.parquet), photo (id), row, col, user; more columns are kept
    shard-00000/images.parquet     optional: photo, image (encoded JPEG, PNG or WebP), what vectors are made of
    shard-00000/vectors-HASH.npy   float16 (link, dim) unit vectors of the ground tower whose weights have this sha256

row and col are pixel coordinates of the tile, (0.5, 0.5) the centre of its first pixel; a photo lies inside its tile.
A photo that lies in several tiles has a link in each. Shards are only ever added: one appears by rename, then the
index names it. Arrays are mapped, not read; tables are read a shard at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from geoglot.errors import InputError
from geoglot.geo import Grid

FORMAT = 1
INDEX, TILES, TILE_TABLE, PHOTO_TABLE, IMAGE_TABLE = (
    "pairs.json", "tiles.npy", "tiles.parquet", "photos.parquet", "images.parquet",
)  # fmt: skip
TILE_COLUMNS, LINK_COLUMNS = ("id", "crs", *"abcdef"), ("tile", "photo", "row", "col", "user")


@dataclass(frozen=True)
class Links:
    """Photos of some tiles, in the order of the tiles."""

    tile: Int[np.ndarray, " link"]
    """Which tile, from 0; never falling."""
    photo: Sequence[str]
    """Ids; the same photo may lie in several tiles."""
    row: Float[np.ndarray, " link"]
    col: Float[np.ndarray, " link"]
    """Pixel coordinates in the tile, where the photo was taken."""
    user: Sequence[str]
    """Who took it; empty where it is not known."""


@dataclass(frozen=True)
class Batch:
    """What a shard is made of."""

    pixels: UInt8[np.ndarray, "tile band side side"]
    grids: Sequence[Grid]
    ids: Sequence[str]
    links: Links
    images: Sequence[bytes] | None = None
    """Encoded photos, one a link."""
    tile_facts: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """More columns of the table of tiles, one value a tile: what a collection knows of them."""
    photo_facts: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """More columns of the table of photos, one value a link."""


def check_batch(batch: Batch, side: int, bands: int) -> None:
    """InputError with the first thing that is wrong."""
    tiles, links = len(batch.pixels), batch.links
    if batch.pixels.shape[1:] != (bands, side, side):
        raise InputError(f"tiles of {batch.pixels.shape[1:]} do not fit a pair set of {bands} bands and {side} px")
    if not len(batch.grids) == len(batch.ids) == tiles:
        raise InputError(f"{tiles} tiles have {len(batch.grids)} grids and {len(batch.ids)} ids; each needs one")
    for facts, rows, own in (
        (batch.tile_facts, tiles, TILE_COLUMNS),
        (batch.photo_facts, len(links.tile), LINK_COLUMNS),
    ):
        for name, column in facts.items():
            if name in own or len(column) != rows:
                raise InputError(
                    f"the column {name!r} of this batch has {len(column)} values for {rows} rows, or is taken"
                )
    check_links(links, tiles, side, "this batch")


def check_links(links: Links, tiles: int, side: int, where: str) -> None:
    """InputError with the first link that is wrong."""
    if len(links.tile) and ((np.diff(links.tile) < 0).any() or links.tile[0] < 0 or links.tile[-1] >= tiles):
        raise InputError(f"the photos of {where} are not in the order of its {tiles} tiles; sort them by tile")
    if missing := sorted(set(range(tiles)) - set(links.tile.tolist())):
        raise InputError(f"tile {missing[0]} of {where} has no photo; leave such tiles out")
    outside = ~((links.row >= 0) & (links.row < side) & (links.col >= 0) & (links.col < side))  # NaN is outside too
    if outside.any():
        first = int(outside.argmax())
        raise InputError(
            f"photo {links.photo[first]!r} of {where} lies outside its tile, at row {links.row[first]:.1f}, "
            f"column {links.col[first]:.1f} of {side} px; it belongs to another tile or its place is wrong"
        )
