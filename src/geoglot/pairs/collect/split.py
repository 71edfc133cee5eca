"""Stage `split`: tiles to pair sets by blocks of ground, and the check that they share nothing.

The Earth is laid out in blocks of some kilometres; each block is drawn for training, validation or test. A tile goes
where all blocks go that its box in degrees touches, and is left out if they differ, so no ground is in two sets; and
since a photo goes where its tile goes, no photo is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geoglot.errors import GeoglotError, InputError, OutputError, SourceError
from geoglot.outputs.atomic import write_bytes
from geoglot.pairs.collect.collect_recipe import SplitRecipe, TilesRecipe
from geoglot.pairs.collect.imagery import bands_of, load_pixels
from geoglot.pairs.collect.photos import picture_path
from geoglot.pairs.collect.spatial_hash import SpatialHash
from geoglot.pairs.collect.stage import Collection, Outcome, file_digest
from geoglot.pairs.collect.tiles import grid_of
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import INDEX, Batch, Links
from geoglot.pairs.validate import check_disjoint

SETS = ("train", "validation", "test")
BORDER = "border"
_MADE_FROM = "collected.json"
_PHOTO_FACTS = ("source", "lon", "lat", "time", "author", "title", "licence", "page", "url")
_TILE_FACTS = ("scene", "scene_time", "photo_time", "cloud", "nodata", "uri")
_METRES_A_DEGREE = 110_574.0


def split_tiles(collection: Collection) -> Outcome:
    """Draw, write, check."""
    asked, tiling = collection.recipe.split, collection.recipe.tiles
    tiles = _tiles(collection)
    tiles["set"] = sets_of(tiles, asked, tiling)
    made = []
    for name in SETS:
        members = tiles[tiles["set"] == name]
        if len(members):
            made.append(_write(collection, name, members))
        else:
            _remove_own(collection.folder / name)
    if not made:
        raise InputError("every tile lies on a border of blocks or has no pixels; larger blocks: split.block_km")
    check_disjoint(made)
    collection.keep_table("split", tiles[["id", "set"]])
    counts = {f"tiles in {name}": int((tiles["set"] == name).sum()) for name in SETS}
    counts |= {f"links in {one.folder.name}": one.photos for one in made}
    return Outcome(counts | {"left: on the border of two sets": int((tiles["set"] == BORDER).sum())})


def sets_of(tiles: Any, asked: SplitRecipe, tiling: TilesRecipe) -> np.ndarray:
    """The set of each tile, by the blocks that its box touches, or `border`."""
    block_m, pad = asked.block_km * 1000, asked.gap_m / 2 + tiling.resolution
    if block_m < 2 * (tiling.side_m + 2 * pad):
        raise InputError(
            f"blocks of {asked.block_km:g} km (split.block_km) are too small for tiles of {tiling.side_m:g} m"
        )
    if asked.validation + asked.test >= 1:
        raise InputError("split.validation and split.test leave nothing to train on")
    cells = SpatialHash(block_m)
    boxes = np.array([_box(grid_of(tile, tiling), pad) for tile in tiles.itertuples()])
    corners = [cells.cell_of(boxes[:, x], boxes[:, y]) for x in (0, 2) for y in (1, 3)]
    drawn = np.array([[_draw(cell, asked) for cell in corner.tolist()] for corner in corners], dtype=object)
    same = (drawn == drawn[0]).all(axis=0)
    return np.where(same, drawn[0], BORDER)


def _box(grid: Any, pad_m: float) -> tuple[float, float, float, float]:
    """West, south, east, north of a tile and some metres around; a longitude may pass 180."""
    steps = np.linspace(0, 1, 5)
    rows, cols = np.meshgrid(steps * grid.shape[0], steps * grid.shape[1])
    lon, lat = grid.to_lonlat(rows.ravel(), cols.ravel())
    lon = np.unwrap(lon, period=360)
    up = pad_m / _METRES_A_DEGREE
    across = up / np.cos(np.radians(min(89.0, abs(lat).max() + up)))
    return lon.min() - across, lat.min() - up, lon.max() + across, lat.max() + up


def _draw(cell: int, asked: SplitRecipe) -> str:
    """The set of a block; the same whatever other blocks there are."""
    digest = hashlib.sha256(f"{asked.seed} {cell}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") / 2**64
    if number < asked.test:
        return "test"
    return "validation" if number < asked.test + asked.validation else "train"


def _tiles(collection: Collection) -> Any:
    """Tiles with pixels, what is known of them, and their number in the table of links."""
    tiles, imagery = collection.table("tiles"), collection.table("imagery")
    tiles = tiles.rename(columns={"time": "photo_time"}).assign(number=np.arange(len(tiles)))
    imagery = imagery.rename(columns={"time": "scene_time", "tile": "id"})
    merged = tiles.merge(imagery, on="id", validate="one_to_one")
    found = merged[merged["why"] == ""].reset_index(drop=True)
    if found.empty:
        told = ", ".join(f"{why}: {number:,}" for why, number in sorted(merged["why"].value_counts().items()))
        raise InputError(f"no tile has pixels ({told}); imagery that covers the photos, or rules that ask for less")
    return found


@dataclass(frozen=True)
class _Photos:
    """The links of all tiles, and the photos that they are of."""

    links: Any
    """In the order of the tiles."""
    starts: np.ndarray
    kept: Any

    @classmethod
    def of(cls, collection: Collection) -> _Photos:
        links = collection.table("links")
        tiles = len(collection.table("tiles"))
        return cls(links, np.searchsorted(links["tile"], np.arange(tiles + 1)), collection.table("kept"))

    def of_tiles(self, numbers: list[int]) -> Any:
        """Rows of links and photos side by side; `tile` counts from 0."""
        parts = [self.links.iloc[self.starts[number] : self.starts[number + 1]] for number in numbers]
        rows = pd.concat([part.assign(tile=index) for index, part in enumerate(parts)], ignore_index=True)
        photos = self.kept.iloc[rows["photo"]].reset_index(drop=True)
        return pd.concat([rows[["tile", "row", "col"]], photos], axis=1)


def _write(collection: Collection, name: str, members: Any) -> PairSet:
    """A pair set, from its last shard on if the same one was begun."""
    photos, each = _Photos.of(collection), collection.recipe.split.shard
    pairs = _begun(collection, name, -(-len(members) // each))
    for first in range(len(pairs.shards) * each, len(members), each):
        pairs = pairs.append(_batch(collection, members.iloc[first : first + each], photos))
        collection.progress(f"tiles in {name}", min(first + each, len(members)), len(members))
    return pairs


def _begun(collection: Collection, name: str, shards: int) -> PairSet:
    """The set as far as it is written, or a new one."""
    folder, recipe = collection.folder / name, collection.recipe
    digests = {
        table: file_digest(collection.folder / f"{table}.parquet") for table in ("tiles", "links", "kept", "imagery")
    }
    made_from = json.dumps({"split": repr(recipe.split), "shards": shards, **digests}).encode()
    mark = folder / _MADE_FROM
    if mark.exists() and mark.read_bytes() == made_from:
        with suppress(GeoglotError):  # damaged since: it is made anew
            return PairSet.open(folder)
    _remove_own(folder)
    pairs = PairSet.create(folder, bands_of(collection), recipe.tiles.side, recipe.tiles.resolution)
    write_bytes(mark, made_from)
    return pairs


def _remove_own(folder: Path) -> None:
    """Remove what a collection wrote; OutputError for a folder, or shards in it, of somebody else."""
    old, mark = folder.with_name(f".{folder.name}.old"), folder / _MADE_FROM
    if folder.exists():
        if not mark.exists() and any(path.name != INDEX and path.name[0] != "." for path in folder.iterdir()):
            raise OutputError(f"{folder} was not made by this collection; move it away, or give another output")
        with suppress(SourceError, FileNotFoundError):  # damaged, or killed before the mark was there
            more = len(PairSet.open(folder).shards) - json.loads(mark.read_bytes()).get("shards", sys.maxsize)
            if more > 0:
                raise OutputError(
                    f"{folder} holds {more} shards that others added, and would be made anew; move it away first"
                )
        folder.rename(old)  # at once: half a folder without its mark would be nobody's
    shutil.rmtree(old, ignore_errors=True)


def _batch(collection: Collection, tiles: Any, photos: _Photos) -> Batch:
    rows = photos.of_tiles(tiles["number"].tolist())
    links = Links(
        rows["tile"].to_numpy(np.int64),
        rows["key"].tolist(),
        rows["row"].to_numpy(),
        rows["col"].to_numpy(),
        rows["user"].tolist(),
    )
    return Batch(
        pixels=np.stack([load_pixels(collection.folder / piece) for piece in tiles["piece"]]),
        grids=[grid_of(tile, collection.recipe.tiles) for tile in tiles.itertuples()],
        ids=tiles["id"].tolist(),
        links=links,
        images=[picture_path(collection, name).read_bytes() for name in rows["picture"]],
        tile_facts={column: tiles[column].tolist() for column in _TILE_FACTS},
        photo_facts={column: rows[column].tolist() for column in _PHOTO_FACTS},
    )
