"""The stored form of a pair set, version 1.

    pairs.json                     format, bands, side (px), resolution (m), and the shards with their counts
    shard-00000/tiles.npy          uint8 (tile, band, side, side)
    shard-00000/tiles.parquet      a row per tile: id, crs, a, b, c, d, e, f (the affine transform), and further columns
    shard-00000/photos.parquet     a row per link of a photo to its tile, in the order of the tiles:
                                   tile (row of tiles.parquet), photo (id), row, col, user, and further columns
    shard-00000/images.parquet     optional: photo, image (encoded JPEG, PNG or WebP), from which embeddings are made
    shard-00000/vectors-HASH.npy   float16 (link, dim) embeddings by the ground tower whose weights have this sha256

row and col are pixel coordinates of the tile, (0.5, 0.5) the centre of its first pixel; a photo lies inside its tile.
A photo that lies in several tiles has a link in each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int, UInt8

from geoglot.errors import InputError, SourceError
from geoglot.geo import Grid

FORMAT = 1
INDEX = "pairs.json"
TILES, TILE_TABLE, PHOTO_TABLE, IMAGE_TABLE = "tiles.npy", "tiles.parquet", "photos.parquet", "images.parquet"
TILE_COLUMNS, LINK_COLUMNS = ("id", "crs", *"abcdef"), ("tile", "photo", "row", "col", "user")
_TEXTS = ("crs", "photo", "user", "time", "licence")


@dataclass(frozen=True)
class Links:
    """Which photos lie in which tiles, in the order of the tiles."""

    tile: Int[np.ndarray, " link"]
    """Index of the tile; never decreasing."""
    photo: Sequence[str]
    """Ids; the same photo may lie in several tiles."""
    row: Float[np.ndarray, " link"]
    col: Float[np.ndarray, " link"]
    """Anchor of the photo, in pixel coordinates of the tile."""
    user: Sequence[str]
    """Who took the photo; empty if unknown."""


@dataclass(frozen=True)
class Batch:
    """The content of a new shard."""

    pixels: UInt8[np.ndarray, "tile band side side"]
    grids: Sequence[Grid]
    ids: Sequence[str]
    links: Links
    images: Sequence[bytes] | None = None
    """Encoded photos, one per link."""
    tile_facts: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Further columns of the table of tiles, one value per tile."""
    photo_facts: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Further columns of the table of photos, one value per link."""


def check_batch(batch: Batch, side: int, bands: int) -> None:
    """InputError for the first fault of a batch for a pair set of this size."""
    tiles, links = len(batch.pixels), batch.links
    if batch.pixels.shape[1:] != (bands, side, side):
        raise InputError(f"tiles must be {(bands, side, side)} to fit the pair set, got {batch.pixels.shape[1:]}")
    if not len(batch.grids) == len(batch.ids) == tiles:
        raise InputError(f"{tiles} tiles have {len(batch.grids)} grids and {len(batch.ids)} ids; each needs one")
    further = ((batch.tile_facts, tiles, TILE_COLUMNS), (batch.photo_facts, len(links.tile), LINK_COLUMNS))
    for facts, rows, own in further:
        for name, column in facts.items():
            if name in own:
                raise InputError(f"a further column must not be called {name!r}, which the pair set uses itself")
            if len(column) != rows:
                raise InputError(f"the column {name!r} must have {rows} values, got {len(column)}")
    check_links(links, tiles, side, "this batch")


def check_links(links: Links, tiles: int, side: int, where: str) -> None:
    """InputError for the first faulty link."""
    if len(links.tile) and ((np.diff(links.tile) < 0).any() or links.tile[0] < 0 or links.tile[-1] >= tiles):
        raise InputError(f"the photos of {where} are not in the order of its {tiles} tiles; sort them by tile")
    if missing := sorted(set(range(tiles)) - set(links.tile.tolist())):
        raise InputError(f"tile {missing[0]} of {where} has no photo; leave such tiles out")
    outside = ~((links.row >= 0) & (links.row < side) & (links.col >= 0) & (links.col < side))  # True for NaN
    if outside.any():
        first = int(outside.argmax())
        raise InputError(
            f"photo {links.photo[first]!r} of {where} lies outside its tile, at row {links.row[first]:.1f}, "
            f"column {links.col[first]:.1f} of {side} px; it belongs to another tile or its place is wrong"
        )


def checked_texts(table: Any, path: Path) -> Any:
    """The table; SourceError for a column of texts that holds lists, numbers, or bytes that are not UTF-8."""
    for name in _TEXTS:
        if name in table.column_names:
            column = table[name]
            kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            try:
                column.validate(full=True)
            except pa.ArrowException as error:
                raise SourceError(
                    f"the column {name!r} of {path} is damaged ({error}); restore it from a copy"
                ) from error
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
                raise SourceError(f"the column {name!r} of {path} must hold texts, got {kind}; restore it from a copy")
    return table


def write_batch(folder: Path, batch: Batch) -> None:
    """Write the files of a shard."""
    np.save(folder / TILES, batch.pixels)
    tiles: dict[str, Any] = {"id": list(batch.ids), "crs": [_crs_text(grid) for grid in batch.grids]}
    tiles |= {name: [tuple(grid.transform)[index] for grid in batch.grids] for index, name in enumerate("abcdef")}
    tiles |= {name: list(column) for name, column in batch.tile_facts.items()}
    pq.write_table(pa.table(tiles), folder / TILE_TABLE)
    links = batch.links
    photos: dict[str, Any] = {
        "tile": links.tile.astype(np.int32), "photo": list(links.photo), "row": links.row.astype(np.float64),
        "col": links.col.astype(np.float64), "user": list(links.user),
    }  # fmt: skip
    photos |= {name: list(column) for name, column in batch.photo_facts.items()}
    pq.write_table(pa.table(photos), folder / PHOTO_TABLE)
    if batch.images is not None:
        unique = dict(zip(links.photo, batch.images, strict=True))
        pq.write_table(pa.table({"photo": list(unique), "image": list(unique.values())}), folder / IMAGE_TABLE)


def _crs_text(grid: Grid) -> str:
    if grid.crs is None:
        raise InputError("a tile of a pair set needs a CRS, since photos are placed by coordinates")
    authority = grid.crs.to_authority()
    return ":".join(authority) if authority else grid.crs.to_wkt()
