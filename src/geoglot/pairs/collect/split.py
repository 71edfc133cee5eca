"""Stage `split`: divide tiles into pair sets by blocks of ground and check that the sets share nothing.

The Earth is divided into blocks of some kilometres, and each block is drawn for train, validation or test. A tile
belongs to the set of all blocks that its box in degrees touches. It is left out if these differ, so no two sets share
ground; and since a photo goes with its tile, they share no photo.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geoglot.errors import GeoglotError, InputError, OutputError, SourceError
from geoglot.geo import Grid
from geoglot.outputs.atomic import write_bytes
from geoglot.outputs.own import LOCK, MARK, discard, remove_plain
from geoglot.pairs.collect.collect_recipe import SplitRecipe, TilesRecipe
from geoglot.pairs.collect.imagery import load_pixels
from geoglot.pairs.collect.photos import picture_path
from geoglot.pairs.collect.recipe_sources import imagery_source
from geoglot.pairs.collect.spatial_hash import SpatialHash
from geoglot.pairs.collect.stage import Collection, Outcome, file_digest
from geoglot.pairs.collect.tiles import grid_of
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import INDEX, Batch, Links
from geoglot.pairs.validate import check_disjoint
from geoglot.shards import SHARD_FILES
from geoglot.sources.areas import METRES_PER_DEGREE

SETS = ("train", "validation", "test")
BORDER = "border"
_MADE_FROM = "collected.json"
_SET_FILES = re.compile("|".join(map(re.escape, (_MADE_FROM, INDEX, LOCK, MARK))))
_PHOTO_FACTS = ("source", "lon", "lat", "time", "author", "title", "licence", "page", "url")
_TILE_FACTS = ("scene", "scene_time", "photo_time", "cloud", "nodata", "uri")


def split_tiles(collection: Collection) -> Outcome:
    """Run the stage."""
    tiles = _tiles_with_pixels(collection)
    tiles["set"] = assign_sets(tiles, collection.recipe.split, collection.recipe.tiles)
    sets = []
    for name in SETS:
        members = tiles[tiles["set"] == name]
        if len(members):
            sets.append(_write(collection, name, members))
        else:
            _remove_own(collection.folder / name)
    if not sets:
        raise InputError("every tile lies on a border of blocks or has no pixels; larger blocks: split.block_km")
    check_disjoint(sets)
    collection.keep_table("split", tiles[["id", "set"]])
    counts = {f"tiles in {name}": int((tiles["set"] == name).sum()) for name in SETS}
    counts |= {f"links in {pairs.folder.name}": pairs.photos for pairs in sets}
    counts |= {"left: on the border of two sets": int((tiles["set"] == BORDER).sum())}
    return Outcome(counts, notes=tuple(_notes_on_empty_sets(counts, collection.recipe.split)))


def _notes_on_empty_sets(counts: Mapping[str, int], recipe: SplitRecipe) -> Iterator[str]:
    shares = (1 - recipe.validation - recipe.test, recipe.validation, recipe.test)
    for name, share in zip(SETS, shares, strict=True):
        if share and not counts[f"tiles in {name}"]:
            yield f"no tile is in {name}; make blocks smaller (split.block_km) or draw them again (split.seed)"


def assign_sets(tiles: Any, recipe: SplitRecipe, tiling: TilesRecipe) -> np.ndarray:
    """The set of each tile by the blocks that its box touches; `border` if these are of several sets."""
    block_m, pad = recipe.block_km * 1000, recipe.gap_m / 2 + tiling.resolution
    if block_m < 2 * (tiling.side_m + 2 * pad):
        raise InputError(
            f"blocks of {recipe.block_km:g} km (split.block_km) are too small for tiles of {tiling.side_m:g} m"
        )
    if recipe.validation + recipe.test >= 1:
        raise InputError("split.validation and split.test leave nothing to train on")
    cells = SpatialHash(block_m)
    boxes = np.array([_box(grid_of(tile, tiling), pad) for tile in tiles.itertuples()])
    corners = [cells.cell_of(boxes[:, x], boxes[:, y]) for x in (0, 2) for y in (1, 3)]
    drawn = np.array([[_draw(cell, recipe) for cell in corner.tolist()] for corner in corners], dtype=object)
    same = (drawn == drawn[0]).all(axis=0)
    return np.where(same, drawn[0], BORDER)


def _box(grid: Grid, pad_m: float) -> tuple[float, float, float, float]:
    """West, south, east, north of a tile and `pad_m` around it; across the antimeridian beyond -180 or 180."""
    steps = np.linspace(0, 1, 5)
    rows, cols = np.meshgrid(steps * grid.shape[0], steps * grid.shape[1])
    lon, lat = grid.to_lonlat(rows.ravel(), cols.ravel())
    lon = np.unwrap(lon, period=360)
    up = pad_m / METRES_PER_DEGREE
    across = up / np.cos(np.radians(min(89.0, abs(lat).max() + up)))
    return lon.min() - across, lat.min() - up, lon.max() + across, lat.max() + up


def _draw(cell: int, recipe: SplitRecipe) -> str:
    """The set of a block, which does not depend on other blocks."""
    digest = hashlib.sha256(f"{recipe.seed} {cell}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") / 2**64
    if number < recipe.test:
        return "test"
    return "validation" if number < recipe.test + recipe.validation else "train"


def _tiles_with_pixels(collection: Collection) -> Any:
    """Tiles with their imagery; `number` is their row in tiles.parquet."""
    tiles, imagery = collection.table("tiles"), collection.table("imagery")
    tiles = tiles.rename(columns={"time": "photo_time"}).assign(number=np.arange(len(tiles)))
    merged = tiles.merge(imagery.rename(columns={"time": "scene_time", "tile": "id"}), on="id", validate="one_to_one")
    kept = merged[merged["why"] == ""].reset_index(drop=True)
    if kept.empty:
        reasons = ", ".join(f"{why}: {number:,}" for why, number in sorted(merged["why"].value_counts().items()))
        raise InputError(f"no tile has pixels ({reasons}); imagery that covers the photos, or rules that ask for less")
    return kept


def _write(collection: Collection, name: str, members: Any) -> PairSet:
    """Write a pair set, or continue the stored one after its last shard."""
    links, photos, each = collection.table("links"), collection.table("kept"), collection.recipe.split.shard
    pairs = _open_or_create(collection, name, -(-len(members) // each))
    for first in range(len(pairs.shards) * each, len(members), each):
        part = members.iloc[first : first + each]
        numbers = part["number"].to_numpy()
        rows = links.iloc[slice(*np.searchsorted(links["tile"], [numbers[0], numbers[-1] + 1]))]
        rows = rows[rows["tile"].isin(numbers)].reset_index(drop=True)
        rows["tile"] = np.searchsorted(numbers, rows["tile"])
        facts = photos.iloc[rows.pop("photo")].reset_index(drop=True)
        pairs = pairs.append(_make_batch(collection, part, pd.concat([rows, facts], axis=1)))
        collection.progress(f"tiles in {name}", min(first + each, len(members)), len(members))
    return pairs


def _open_or_create(collection: Collection, name: str, shards: int) -> PairSet:
    folder, recipe = collection.folder / name, collection.recipe
    tables = ("tiles", "links", "kept", "imagery")
    digests = {table: file_digest(collection.folder / f"{table}.parquet") for table in tables}
    made_from = json.dumps({"split": repr(recipe.split), "shards": shards, **digests}).encode()
    mark = folder / _MADE_FROM
    if mark.exists() and mark.read_bytes() == made_from:
        with suppress(GeoglotError):  # a damaged set is written again
            return PairSet.open(folder)
    _remove_own(folder)
    with imagery_source(recipe) as imagery:
        pairs = PairSet.create(folder, imagery.bands, recipe.tiles.side, recipe.tiles.resolution)
    write_bytes(mark, made_from)
    return pairs


def _remove_own(folder: Path) -> None:
    """Remove a set that a collection wrote; OutputError for any other folder, and if others added shards."""
    old, mark = folder.with_name(f".{folder.name}.old"), folder / _MADE_FROM
    _remove_set(old)
    if folder.exists():
        if not mark.exists() and any(path.name != INDEX and path.name[0] != "." for path in folder.iterdir()):
            raise OutputError(f"{folder} was not made by this collection; move it away, or give another output")
        with suppress(SourceError, FileNotFoundError):  # damaged, or killed before the mark was written
            more = len(PairSet.open(folder).shards) - json.loads(mark.read_bytes()).get("shards", sys.maxsize)
            if more > 0:
                raise OutputError(
                    f"{folder} holds {more} shards that others added, which a new split would remove; move it away"
                )
        folder.rename(old)  # at once, since half a folder without its mark would not be recognised
    _remove_set(old)


def _remove_set(folder: Path) -> None:
    """Remove the files of a pair set, which a killed run may have left; OutputError if there are others."""
    if folder.is_dir() and not folder.is_symlink():
        for path in [*folder.glob(".*.part"), *folder.glob("*/.*.part")]:
            discard(path)
        for path in [*folder.glob("shard-*"), *folder.glob(".shard-*")]:
            remove_plain(path, SHARD_FILES)
    remove_plain(folder, _SET_FILES)


def _make_batch(collection: Collection, tiles: Any, rows: Any) -> Batch:
    tile, row, col = rows["tile"].to_numpy(np.int64), rows["row"].to_numpy(), rows["col"].to_numpy()
    return Batch(
        pixels=np.stack([load_pixels(collection.folder / piece) for piece in tiles["piece"]]),
        grids=[grid_of(tile, collection.recipe.tiles) for tile in tiles.itertuples()],
        ids=tiles["id"].tolist(),
        links=Links(tile, rows["key"].tolist(), row, col, rows["user"].tolist()),
        images=[picture_path(collection, name).read_bytes() for name in rows["picture"]],
        tile_facts={column: tiles[column].tolist() for column in _TILE_FACTS},
        photo_facts={column: rows[column].tolist() for column in _PHOTO_FACTS},
    )
