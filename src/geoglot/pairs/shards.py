"""Append-only shards: folders of mapped arrays and Parquet tables that an index names, here or on object storage.

A shard appears by rename, then the index names it. A writer holds the folder and reads the index again before it adds,
so two writers both keep what they added. A store on object storage can be read but not added to; each of its files is
copied to the cache when it is first needed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from geoglot.aliases import PathLike
from geoglot.errors import SourceError
from geoglot.outputs.atomic import disk_errors, write_bytes
from geoglot.pairs.remote import Remote


@dataclass(frozen=True)
class ShardFiles:
    """The files of one shard."""

    name: str
    folder: Path
    """The local folder; for a shard on object storage, that of its copies in the cache."""
    remote: Remote | None = None

    def has(self, file: str) -> bool:
        """Whether the shard holds a file."""
        return (self.folder / file).is_file() or (self.remote is not None and self.remote.has(f"{self.name}/{file}"))

    def path(self, file: str) -> Path:
        """The local path of a file, which is fetched first if need be."""
        path = self.folder / file
        if self.remote is not None and not path.exists():
            self.remote.fetch(f"{self.name}/{file}", path)
        return path

    def array(self, file: str, rows: int) -> np.ndarray:
        """A mapped array, of which only what is used is read; SourceError if it is damaged or has other rows."""
        path = self.path(file)
        try:
            array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise SourceError(f"{path} cannot be read ({error}); restore it from a copy") from error
        _check_rows(path, len(array), rows)
        return array

    def table(self, file: str, columns: Sequence[str], rows: int | None = None) -> Any:
        """An Arrow table, all columns; SourceError if it is damaged, lacks one of `columns` or has other rows."""
        path = self.path(file)
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{path} cannot be read ({error}); restore it from a copy") from error
        if missing := [name for name in columns if name not in table.column_names]:
            raise SourceError(f"{path} has no column {missing[0]!r}; restore it from a copy")
        if rows is not None:
            _check_rows(path, table.num_rows, rows)
        return table


@dataclass(frozen=True)
class ShardStore:
    """A folder of shards and their index."""

    folder: Path
    index: str
    """File name of the index, which is JSON."""
    remote: Remote | None = None

    @classmethod
    def at(cls, place: PathLike, index: str) -> ShardStore:
        """The store in a folder, or at a URL such as s3://bucket/pairs."""
        if "://" not in str(place):
            return cls(Path(place), index)
        remote = Remote.open(str(place))
        return cls(remote.folder, index, remote)

    @property
    def place(self) -> str:
        """The folder or URL, as the caller named it."""
        return self.remote.url if self.remote else str(self.folder)

    def read_index(self) -> dict[str, Any]:
        """What the index says; FileNotFoundError without one, ValueError if it is not JSON."""
        content = self.remote.read(self.index) if self.remote else (self.folder / self.index).read_bytes()
        document: dict[str, Any] = json.loads(content)
        return document

    def write_index(self, document: Mapping[str, Any]) -> None:
        """Replace the index at once."""
        write_bytes(self.folder / self.index, (json.dumps(document, indent=1) + "\n").encode())

    def files(self, name: str) -> ShardFiles:
        """The files of a shard."""
        return ShardFiles(name, self.remote.copy_of(name) if self.remote else self.folder / name, self.remote)

    def write_shard(self, number: int, write: Callable[[Path], None]) -> ShardFiles:
        """Let `write` fill the folder of a new shard, which appears whole or not at all.

        The caller holds the store's folder (`outputs.lock`) and names the shard in the index afterwards.
        """
        files = self.files(f"shard-{number:05d}")
        draft = files.folder.with_name(f".{files.name}")
        shutil.rmtree(draft, ignore_errors=True)
        if files.folder.exists():  # a killed run finished it, but did not name it in the index
            shutil.rmtree(files.folder)
        with disk_errors(files.folder):
            draft.mkdir()
            write(draft)
            draft.rename(files.folder)
        return files


def _check_rows(path: Path, rows: int, expected: int) -> None:
    if rows != expected:
        raise SourceError(f"{path} holds {rows} rows, and the index says {expected}; restore it from a copy")
