"""Pair sets on disk: made shard by shard, read by mapping. The layout is told in `schema`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
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
from pyproj.exceptions import CRSError

from geoglot.aliases import PathLike
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.geo import Grid
from geoglot.outputs.atomic import appears, disk_errors, write_bytes
from geoglot.outputs.lock import hold
from geoglot.pairs.remote import Remote
from geoglot.pairs.schema import (
    FORMAT,
    IMAGE_TABLE,
    INDEX,
    LINK_COLUMNS,
    PHOTO_TABLE,
    TILE_COLUMNS,
    TILE_TABLE,
    TILES,
    Batch,
    Links,
    check_batch,
)


@dataclass(frozen=True)
class Shard:
    """Some tiles and their photos."""

    name: str
    folder: Path
    tiles: int
    photos: int
    remote: Remote | None = None
    """Where its files are fetched from, if they are not on local disk."""

    @cached_property
    def pixels(self) -> UInt8[np.ndarray, "tile band side side"]:
        """Mapped: what is not looked at is not read."""
        return _mapped(self._file(TILES), self.tiles)

    @cached_property
    def links(self) -> Links:
        """Where the photos of each tile were taken."""
        path, table = self._file(PHOTO_TABLE), self.photo_table()
        tile, row, col = (_numbers(table, *one, path) for one in (("tile", "iu"), ("row", "iuf"), ("col", "iuf")))
        return Links(tile.astype(np.int64), table["photo"].to_pylist(), row, col, table["user"].to_pylist())

    def check_tiles(self) -> None:
        """SourceError if the table of tiles is not whole or a tile has no place; quicker than to make their grids."""
        path, table = self._file(TILE_TABLE), self.tile_table()
        _systems(table, path)
        a, b, _, d, e, _ = affine = [_numbers(table, name, "iuf", path) for name in "abcdef"]
        nowhere = ~np.isfinite(affine).all(0) | (a * e == b * d)
        if nowhere.any():
            tile = table["id"][int(nowhere.argmax())]
            raise SourceError(f"the transform of tile {tile} in {path} has no inverse; restore it from a copy")

    def tile_table(self) -> Any:
        """Of Arrow, all columns: also what a collection knows of its tiles."""
        return _table(self._file(TILE_TABLE), TILE_COLUMNS, self.tiles)

    def photo_table(self) -> Any:
        """Of Arrow, all columns, a row a link: also author, licence and the like."""
        return _table(self._file(PHOTO_TABLE), LINK_COLUMNS, self.photos)

    @cached_property
    def grids(self) -> list[Grid]:
        """Where the tiles lie."""
        table = self.tile_table()
        side = self.pixels.shape[2]
        systems = _systems(table, self._file(TILE_TABLE))
        return [
            Grid(systems[one["crs"]], Affine(*(one[k] for k in "abcdef")), (side, side)) for one in table.to_pylist()
        ]

    def images(self) -> dict[str, bytes]:
        """Encoded photos by id, empty where they were not kept."""
        if not self._has(IMAGE_TABLE):
            return {}
        table = _table(self._file(IMAGE_TABLE), ("photo", "image"))
        return dict(zip(table["photo"].to_pylist(), table["image"].to_pylist(), strict=True))

    def vectors_path(self, sha256: str) -> Path:
        """Where the vectors by a ground tower lie, or will."""
        return self.folder / _vectors_name(sha256)

    def has_vectors(self, sha256: str) -> bool:
        """Whether there are vectors by the ground tower with these weights."""
        return self._has(_vectors_name(sha256))

    def vectors(self, sha256: str) -> Float16[np.ndarray, "link dim"]:
        """Unit vectors of the photos by the ground tower with these weights, mapped."""
        return _mapped(self._file(_vectors_name(sha256)), self.photos)

    def add_vectors(self, sha256: str, vectors: Float16[np.ndarray, "link dim"]) -> None:
        """Keep the photos' vectors; those of a set elsewhere stay in the cache."""
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with hold(self.folder, wait=True), appears(self.vectors_path(sha256)) as temporary:
            np.save(temporary, vectors)

    def missing(self) -> str | None:
        """The first of the files without which it is none."""
        return next((name for name in (TILES, TILE_TABLE, PHOTO_TABLE) if not self._has(name)), None)

    def _has(self, name: str) -> bool:
        return (self.folder / name).is_file() or (self.remote is not None and self.remote.has(self._there(name)))

    def _file(self, name: str) -> Path:
        """The local path, once the file is there."""
        path = self.folder / name
        if self.remote is not None and not path.exists():
            self.remote.fetch(self._there(name), path)
        return path

    def _there(self, name: str) -> str:
        return f"{self.name}/{name}"


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
    remote: Remote | None = None

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
    def open(cls, place: PathLike) -> PairSet:
        """One that is there, in a folder or at a URL whose files are copied to the cache when they are needed.

        SourceError if it is not there, or if a shard that its index names is gone.
        """
        remote = Remote.open(str(place)) if "://" in str(place) else None
        folder = remote.folder if remote else Path(place)
        try:
            index = json.loads(remote.read(INDEX) if remote else (folder / INDEX).read_bytes())
            if index["format"] != FORMAT:
                raise SourceError(f"{place} has format {index['format']}, this geoglot reads {FORMAT}; update geoglot")
            shards = tuple(_shard(folder, remote, **one) for one in index["shards"])
            pairs = cls(folder, *_facts(index), shards, remote)
        except FileNotFoundError as error:
            raise SourceError(f"{place} is no pair set: it holds no {INDEX}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{INDEX} of {place} cannot be read ({error}); restore it from a copy") from error
        for shard in shards:
            if missing := shard.missing():
                raise SourceError(f"{place}/{shard.name}/{missing} is missing; restore it from a copy")
        return pairs

    @property
    def place(self) -> str:
        """What the caller named."""
        return self.remote.url if self.remote else str(self.folder)

    @property
    def tiles(self) -> int:
        """In all shards."""
        return sum(shard.tiles for shard in self.shards)

    @property
    def photos(self) -> int:
        """Links of photos to tiles, in all shards."""
        return sum(shard.photos for shard in self.shards)

    def append(self, batch: Batch) -> PairSet:
        """The set as it is now with one shard more, which appears whole or not at all; others may add meanwhile.

        InputError if the batch is not as it must be.
        """
        if self.remote:
            raise OutputError(f"{self.place} cannot be added to; copy it here, add, and copy it back")
        check_batch(batch, self.side, len(self.bands))
        with hold(self.folder, wait=True):
            now = PairSet.open(self.folder)
            if (now.bands, now.side, now.resolution) != (self.bands, self.side, self.resolution):
                raise OutputError(f"{self.folder} was made anew meanwhile, of other tiles; open it again")
            return now._with_shard(batch)

    def _with_shard(self, batch: Batch) -> PairSet:
        shard = _shard(self.folder, None, f"shard-{len(self.shards):05d}", len(batch.pixels), len(batch.links.tile))
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
        shards = [{"name": one.name, "tiles": one.tiles, "photos": one.photos} for one in self.shards]
        index = {
            "format": FORMAT, "bands": self.bands, "side": self.side, "resolution": self.resolution, "shards": shards,
        }  # fmt: skip
        write_bytes(self.folder / INDEX, (json.dumps(index, indent=1) + "\n").encode())


def _shard(folder: Path, remote: Remote | None, name: str, tiles: int, photos: int) -> Shard:
    return Shard(name, remote.copy_of(name) if remote else folder / name, tiles, photos, remote)


def _facts(index: dict[str, Any]) -> tuple[tuple[str, ...], int, float]:
    """Bands, side and resolution of an index; ValueError where they cannot be meant."""
    bands, side, resolution = index["bands"], index["side"], index["resolution"]
    if not (isinstance(bands, list) and all(isinstance(band, str) for band in bands)):
        raise ValueError(f"bands are a list of names, not {bands!r}")
    if not (isinstance(side, int) and isinstance(resolution, int | float) and min(side, resolution) > 0):
        raise ValueError(f"side and resolution are pixels and metres, not {side!r} and {resolution!r}")
    return tuple(bands), side, resolution


def _vectors_name(sha256: str) -> str:
    return f"vectors-{sha256[:16]}.npy"


def _write_shard(folder: Path, batch: Batch) -> None:
    np.save(folder / TILES, batch.pixels)
    places: dict[str, list[Any]] = {"id": list(batch.ids), "crs": [_crs_text(grid) for grid in batch.grids]}
    places |= {name: [tuple(grid.transform)[index] for grid in batch.grids] for index, name in enumerate("abcdef")}
    places |= {name: list(column) for name, column in batch.tile_facts.items()}
    pq.write_table(pa.table(places), folder / TILE_TABLE)
    links = batch.links
    columns: dict[str, Any] = {
        "tile": links.tile.astype(np.int32), "photo": list(links.photo), "row": links.row.astype(np.float64),
        "col": links.col.astype(np.float64), "user": list(links.user),
    }  # fmt: skip
    columns |= {name: list(column) for name, column in batch.photo_facts.items()}
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


def _table(path: Path, columns: Sequence[str], rows: int | None = None) -> Any:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read ({error}); restore it from a copy") from error
    if lacking := [name for name in columns if name not in table.column_names]:
        raise SourceError(f"{path} has no column {lacking[0]!r}; restore it from a copy")
    if rows is not None and table.num_rows != rows:
        raise SourceError(f"{path} holds {table.num_rows} rows, and the index says {rows}; restore it from a copy")
    return table


def _numbers(table: Any, name: str, kinds: str, path: Path) -> np.ndarray:
    """A column as an array; `kinds` as numpy writes them. Whole numbers with gaps are none."""
    column: np.ndarray = table[name].to_numpy()
    if column.dtype.kind not in kinds:
        what = "numbers" if "f" in kinds else "whole numbers"
        raise SourceError(f"the column {name!r} of {path} does not hold {what}; restore it from a copy")
    return column


def _systems(table: Any, path: Path) -> dict[str, pyproj.CRS]:
    """The coordinate systems that tiles lie in, by what the table calls them."""
    texts = set(table["crs"].to_pylist())
    try:
        return {text: pyproj.CRS(text) for text in texts}
    except CRSError as error:
        raise SourceError(f"a CRS of {path} is none ({error}); restore it from a copy") from error
