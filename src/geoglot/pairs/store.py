"""Pair sets on disk: made shard by shard, read by mapping. The layout is told in `schema`."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
from affine import Affine
from jaxtyping import Float16, UInt8

from geoglot.errors import InputError, OutputError, SourceError
from geoglot.geo import Grid
from geoglot.outputs.files import appears, disk_errors, write_bytes
from geoglot.pairs.schema import (
    FORMAT,
    IMAGE_TABLE,
    INDEX,
    PHOTO_TABLE,
    TILE_TABLE,
    TILES,
    Batch,
    Links,
    check_batch,
)


@dataclass(frozen=True)
class Shard:
    """Some tiles and their photos."""

    folder: Path
    tiles: int
    photos: int

    @cached_property
    def pixels(self) -> UInt8[np.ndarray, "tile band side side"]:
        """Mapped: what is not looked at is not read."""
        return _mapped(self.folder / TILES, self.tiles)

    @cached_property
    def links(self) -> Links:
        """Where the photos of each tile were taken."""
        table = _table(self.folder / PHOTO_TABLE)
        tile, row, col = (table[name].to_numpy() for name in ("tile", "row", "col"))
        return Links(tile.astype(np.int64), table["photo"].to_pylist(), row, col, table["user"].to_pylist())

    @cached_property
    def grids(self) -> list[Grid]:
        """Where the tiles lie."""
        table = _table(self.folder / TILE_TABLE)
        side = self.pixels.shape[2]
        systems = {text: pyproj.CRS(text) for text in set(table["crs"].to_pylist())}
        return [
            Grid(systems[one["crs"]], Affine(*(one[k] for k in "abcdef")), (side, side)) for one in table.to_pylist()
        ]

    def images(self) -> dict[str, bytes]:
        """Encoded photos by id, empty where they were not kept."""
        if not (self.folder / IMAGE_TABLE).exists():
            return {}
        table = _table(self.folder / IMAGE_TABLE)
        return dict(zip(table["photo"].to_pylist(), table["image"].to_pylist(), strict=True))

    def vectors_path(self, sha256: str) -> Path:
        """Where the vectors by a ground tower lie, or will."""
        return self.folder / f"vectors-{sha256[:16]}.npy"

    def vectors(self, sha256: str) -> Float16[np.ndarray, "link dim"]:
        """Unit vectors of the photos by the ground tower with these weights, mapped."""
        return _mapped(self.vectors_path(sha256), self.photos)

    def add_vectors(self, sha256: str, vectors: Float16[np.ndarray, "link dim"]) -> None:
        """Keep the photos' vectors."""
        with appears(self.vectors_path(sha256)) as temporary:
            np.save(temporary, vectors)


@dataclass(frozen=True)
class PairSet:
    """Tiles of one size, resolution and choice of bands, with the photos taken inside them."""

    folder: Path
    bands: tuple[str, ...]
    side: int
    """Pixels of a tile's side."""
    resolution: float
    """Metres a pixel."""
    shards: tuple[Shard, ...] = ()

    @classmethod
    def create(cls, folder: Path, bands: tuple[str, ...], side: int, resolution: float) -> PairSet:
        """An empty one in a new folder."""
        if folder.exists():
            raise OutputError(f"{folder} exists already; open it to add to it, or give another name")
        with disk_errors(folder):
            folder.mkdir(parents=True)
        pairs = cls(folder, bands, side, resolution)
        pairs._write_index()
        return pairs

    @classmethod
    def open(cls, folder: Path) -> PairSet:
        """One that is there; SourceError if it is not, or if a shard that its index names is gone."""
        try:
            index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            if index["format"] != FORMAT:
                raise SourceError(f"{folder} has format {index['format']}, this geoglot reads {FORMAT}; update geoglot")
            shards = tuple(Shard(folder / one["name"], one["tiles"], one["photos"]) for one in index["shards"])
            pairs = cls(folder, tuple(index["bands"]), index["side"], index["resolution"], shards)
        except FileNotFoundError as error:
            raise SourceError(f"{folder} is no pair set: it holds no {INDEX}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{folder / INDEX} cannot be read ({error}); restore it from a copy") from error
        for shard in shards:
            for name in (TILES, TILE_TABLE, PHOTO_TABLE):
                if not (shard.folder / name).is_file():
                    raise SourceError(f"{shard.folder / name} is missing; restore it from a copy")
        return pairs

    @property
    def tiles(self) -> int:
        """In all shards."""
        return sum(shard.tiles for shard in self.shards)

    @property
    def photos(self) -> int:
        """Links of photos to tiles, in all shards."""
        return sum(shard.photos for shard in self.shards)

    def append(self, batch: Batch) -> PairSet:
        """The set with one shard more; it appears whole or not at all. InputError if the batch is not as it must be."""
        check_batch(batch, self.side, len(self.bands))
        shard = Shard(self.folder / f"shard-{len(self.shards):05d}", len(batch.pixels), len(batch.links.tile))
        draft = shard.folder.with_name(f".{shard.folder.name}")
        shutil.rmtree(draft, ignore_errors=True)
        if shard.folder.exists():  # finished by a run that was killed before the index named it
            shutil.rmtree(shard.folder)
        with disk_errors(shard.folder):
            draft.mkdir()
            _write_shard(draft, batch)
            draft.rename(shard.folder)
        longer = PairSet(self.folder, self.bands, self.side, self.resolution, (*self.shards, shard))
        longer._write_index()
        return longer

    def _write_index(self) -> None:
        shards = [{"name": one.folder.name, "tiles": one.tiles, "photos": one.photos} for one in self.shards]
        index = {
            "format": FORMAT, "bands": self.bands, "side": self.side, "resolution": self.resolution, "shards": shards,
        }  # fmt: skip
        write_bytes(self.folder / INDEX, (json.dumps(index, indent=1) + "\n").encode())


def _write_shard(folder: Path, batch: Batch) -> None:
    np.save(folder / TILES, batch.pixels)
    places: dict[str, list[Any]] = {"id": list(batch.ids), "crs": [_crs_text(grid) for grid in batch.grids]}
    places |= {name: [tuple(grid.transform)[index] for grid in batch.grids] for index, name in enumerate("abcdef")}
    pq.write_table(pa.table(places), folder / TILE_TABLE)
    links = batch.links
    columns = {
        "tile": links.tile.astype(np.int32), "photo": list(links.photo), "row": links.row.astype(np.float64),
        "col": links.col.astype(np.float64), "user": list(links.user),
    }  # fmt: skip
    pq.write_table(pa.table(columns), folder / PHOTO_TABLE)
    if batch.images is not None:
        unique = dict(zip(links.photo, batch.images, strict=True))
        pq.write_table(pa.table({"photo": list(unique), "image": list(unique.values())}), folder / IMAGE_TABLE)


def _crs_text(grid: Grid) -> str:
    if grid.crs is None:
        raise InputError("a tile of a pair set needs a CRS: photos are placed by it")
    authority = grid.crs.to_authority()
    return ":".join(authority) if authority else grid.crs.to_wkt()


def _mapped(path: Path, rows: int) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read ({error}); restore it from a copy") from error
    if len(array) != rows:
        raise SourceError(f"{path} holds {len(array)} rows, and the index says {rows}; restore it from a copy")
    return array


def _table(path: Path) -> Any:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read ({error}); restore it from a copy") from error
