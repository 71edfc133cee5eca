"""Pair sets in the layout of `schema`: written shard by shard, read by memory mapping."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from affine import Affine
from jaxtyping import Float16, UInt8
from pyproj.exceptions import CRSError

from geoglot.aliases import PathLike
from geoglot.errors import OutputError, SourceError
from geoglot.geo import Grid
from geoglot.outputs.atomic import appears, disk_errors, hold
from geoglot.pairs import schema
from geoglot.pairs.schema import PHOTO_TABLE, TILE_TABLE, TILES, Batch, Links
from geoglot.shards import ShardFiles, ShardStore


@dataclass(frozen=True)
class Shard:
    """Some tiles and their photos."""

    files: ShardFiles
    tiles: int
    photos: int
    """Number of links between photos and tiles."""

    @property
    def folder(self) -> Path:
        return self.files.folder

    @cached_property
    def pixels(self) -> UInt8[np.ndarray, "tile band side side"]:
        return self.files.array(TILES, self.tiles)

    @cached_property
    def links(self) -> Links:
        path, table = self.files.path(PHOTO_TABLE), self.photo_table()
        tile = _read_numbers(table, "tile", "iu", path)
        row, col = (_read_numbers(table, name, "iuf", path) for name in ("row", "col"))
        return Links(tile.astype(np.int64), table["photo"].to_pylist(), row, col, table["user"].to_pylist())

    def check_tiles(self) -> None:
        """SourceError if a CRS is unknown or a transform has no inverse; faster than making `grids`."""
        path, table = self.files.path(TILE_TABLE), self.tile_table()
        _read_crs(table, path)
        a, b, _, d, e, _ = transforms = [_read_numbers(table, name, "iuf", path) for name in "abcdef"]
        singular = ~np.isfinite(transforms).all(0) | (a * e == b * d)
        if singular.any():
            tile = table["id"][int(singular.argmax())]
            raise SourceError(f"the transform of tile {tile} in {path} has no inverse; restore it from a copy")

    def tile_table(self) -> Any:
        """Arrow table with a row per tile and all columns that a collection added."""
        path = self.files.path(TILE_TABLE)
        return schema.checked_texts(self.files.table(TILE_TABLE, schema.TILE_COLUMNS, self.tiles), path)

    def photo_table(self) -> Any:
        """Arrow table with a row per link and all columns that a collection added, such as author and licence."""
        path = self.files.path(PHOTO_TABLE)
        return schema.checked_texts(self.files.table(PHOTO_TABLE, schema.LINK_COLUMNS, self.photos), path)

    @cached_property
    def grids(self) -> list[Grid]:
        table, side = self.tile_table(), self.pixels.shape[2]
        crs = _read_crs(table, self.files.path(TILE_TABLE))
        return [
            Grid(crs[row["crs"]], Affine(*(row[name] for name in "abcdef")), (side, side)) for row in table.to_pylist()
        ]

    def images(self) -> dict[str, bytes]:
        """Encoded photos by id; empty if the set keeps none."""
        if not self.files.has(schema.IMAGE_TABLE):
            return {}
        table = self.files.table(schema.IMAGE_TABLE, ("photo", "image"))
        return dict(zip(table["photo"].to_pylist(), table["image"].to_pylist(), strict=True))

    def vectors_path(self, sha256: str) -> Path:
        """File of the embeddings by the ground tower whose weights have this hash."""
        return self.folder / _vectors_name(sha256)

    def has_vectors(self, sha256: str) -> bool:
        return self.files.has(_vectors_name(sha256))

    def vectors(self, sha256: str) -> Float16[np.ndarray, "link dim"]:
        return self.files.array(_vectors_name(sha256), self.photos)

    def add_vectors(self, sha256: str, vectors: Float16[np.ndarray, "link dim"]) -> None:
        """Store embeddings beside the photos, or in the cache if the set is on object storage."""
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with hold(self.folder, wait=True), appears(self.vectors_path(sha256)) as temporary:
            np.save(temporary, vectors)


@dataclass(frozen=True)
class PairSet:
    """Tiles of one size, resolution and choice of bands, with the photos taken inside them."""

    store: ShardStore
    bands: tuple[str, ...]
    side: int
    """Pixels of a tile's side."""
    resolution: float
    """Metres per pixel."""
    shards: tuple[Shard, ...] = ()

    @classmethod
    def create(cls, folder: Path, bands: tuple[str, ...], side: int, resolution: float) -> PairSet:
        if folder.exists():
            raise OutputError(f"{folder} exists already; open it to add to it, or give another name")
        with disk_errors(folder):
            folder.mkdir(parents=True)
        pairs = cls(ShardStore(folder, schema.INDEX), bands, side, resolution)
        pairs._write_index()
        return pairs

    @classmethod
    def open(cls, place: PathLike) -> PairSet:
        """Open a pair set in a folder or at a URL; SourceError if it or a file of its shards is missing."""
        store = ShardStore.at(place, schema.INDEX)
        try:
            index = store.read_index()
            if (version := index["format"]) != schema.FORMAT:
                raise SourceError(f"{place} has format {version}, this geoglot reads {schema.FORMAT}; update geoglot")
            shards = tuple(Shard(store.files(name), *counts) for name, *counts in map(_read_shard, index["shards"]))
            pairs = cls(store, *_read_facts(index), shards)
        except FileNotFoundError as error:
            raise SourceError(f"{place} is not a pair set: it holds no {schema.INDEX}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{schema.INDEX} of {place} cannot be read ({error}); restore it from a copy") from error
        for shard in shards:
            if missing := [name for name in (TILES, TILE_TABLE, PHOTO_TABLE) if not shard.files.has(name)]:
                raise SourceError(f"{place}/{shard.files.name}/{missing[0]} is missing; restore it from a copy")
        return pairs

    @property
    def folder(self) -> Path:
        """The local folder; that of the copies in the cache for a set on object storage."""
        return self.store.folder

    @property
    def place(self) -> str:
        return self.store.place

    @property
    def tiles(self) -> int:
        return sum(shard.tiles for shard in self.shards)

    @property
    def photos(self) -> int:
        """Number of links between photos and tiles."""
        return sum(shard.photos for shard in self.shards)

    def append(self, batch: Batch) -> PairSet:
        """Add a shard after those that are stored by now, since others may add too. It appears whole or not at all.

        InputError for a batch that does not fit the set.
        """
        if self.store.remote:
            raise OutputError(f"{self.place} cannot be added to; copy it here, add, and copy it back")
        schema.check_batch(batch, self.side, len(self.bands))
        with hold(self.folder, wait=True):
            now = PairSet.open(self.folder)
            if (now.bands, now.side, now.resolution) != (self.bands, self.side, self.resolution):
                raise OutputError(f"{self.folder} was recreated meanwhile with other tiles; open it again")
            files = now.store.write_shard(
                f"shard-{len(now.shards):05d}", lambda folder: schema.write_batch(folder, batch)
            )
            shard = Shard(files, len(batch.pixels), len(batch.links.tile))
            longer = replace(now, shards=(*now.shards, shard))
            longer._write_index()
            return longer

    def _write_index(self) -> None:
        shards = [{"name": shard.files.name, "tiles": shard.tiles, "photos": shard.photos} for shard in self.shards]
        facts = {"bands": self.bands, "side": self.side, "resolution": self.resolution}
        self.store.write_index({"format": schema.FORMAT, **facts, "shards": shards})


def _read_facts(index: dict[str, Any]) -> tuple[tuple[str, ...], int, float]:
    bands, side, resolution = index["bands"], index["side"], index["resolution"]
    if not (isinstance(bands, list) and all(isinstance(band, str) for band in bands)):
        raise ValueError(f"bands must be a list of names, got {bands!r}")
    if not (isinstance(side, int) and isinstance(resolution, int | float) and side > 0 and 0 < resolution < math.inf):
        raise ValueError(f"side and resolution must be pixels and metres above 0, got {side!r} and {resolution!r}")
    return tuple(bands), side, resolution


def _read_shard(row: dict[str, Any]) -> tuple[str, int, int]:
    """Name, tiles and photos of a shard; ValueError for a name that is a path, which could lead out of the set."""
    name, tiles, photos = row["name"], row["tiles"], row["photos"]
    if not isinstance(name, str) or not re.fullmatch(r"[\w-][\w.-]{0,99}", name):
        raise ValueError(f"the name of a shard must be letters and digits, got {name!r}")
    if not all(type(count) is int and count >= 0 for count in (tiles, photos)):
        raise ValueError(f"{name} must have whole numbers of tiles and photos, got {tiles!r} and {photos!r}")
    return name, tiles, photos


def _vectors_name(sha256: str) -> str:
    return f"vectors-{sha256[:16]}.npy"


def _read_numbers(table: Any, name: str, kinds: str, path: Path) -> np.ndarray:
    """A column; SourceError unless its dtype is of one of numpy's `kinds` (integers with gaps are floats)."""
    column: np.ndarray = table[name].to_numpy()
    if column.dtype.kind not in kinds:
        what = "numbers" if "f" in kinds else "whole numbers"
        raise SourceError(f"the column {name!r} of {path} does not hold {what}; restore it from a copy")
    return column


def _read_crs(table: Any, path: Path) -> dict[str, pyproj.CRS]:
    try:
        return {text: pyproj.CRS(text) for text in set(table["crs"].to_pylist())}
    except (CRSError, RecursionError) as error:
        raise SourceError(f"{path} holds an unknown CRS ({error}); restore it from a copy") from error
