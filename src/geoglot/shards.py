"""Append-only shards: folders of mapped arrays and Parquet tables that an index names, here or on object storage.

A shard appears by rename, then the index names it. A writer locks the folder and reads the index again before it adds,
so two writers both keep what they added. A store on object storage is read-only, and each of its files is copied to the
cache when it is first needed.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from geoglot.aliases import PathLike
from geoglot.errors import SourceError
from geoglot.outputs.atomic import disk_errors, write_json
from geoglot.outputs.own import LOCK, remove_plain
from geoglot.remote_folder import Remote
from geoglot.silence import ignore_library_warnings
from geoglot.tables import parse_json

_LONGEST_HEADER = 2**16  # bytes of a .npy file
#: Names of the files in a shard
SHARD_FILES = re.compile(rf"[\w-]+\.(npy|parquet)|{re.escape(LOCK)}")
#: What numpy raises for a damaged header, which it reads as an expression of Python
NOT_AN_ARRAY = (OSError, ValueError, TypeError, SyntaxError, MemoryError, OverflowError, EOFError, RecursionError,
                 tokenize.TokenError)  # fmt: skip


@dataclass(frozen=True)
class ShardFiles:
    """The files of one shard."""

    name: str
    root: Path
    """The local folder of the store."""
    remote: Remote | None = None

    @cached_property
    def folder(self) -> Path:
        """The local folder; that of the copies in the cache for a shard on object storage."""
        return self.remote.copy_of(self.name) if self.remote else self.root / self.name

    def has(self, file: str) -> bool:
        return (self.folder / file).is_file() or (self.remote is not None and self.remote.has(f"{self.name}/{file}"))

    def path(self, file: str) -> Path:
        """The local path of a file, which is copied to the cache first if necessary."""
        path = self.folder / file
        if self.remote is not None and not path.exists():
            self.remote.fetch(f"{self.name}/{file}", path)
        return path

    def array(self, file: str, rows: int) -> np.ndarray:
        """A memory-mapped array; SourceError if it is damaged or has another number of rows."""
        path = self.path(file)
        array = map_array(path, "restore it from a copy")
        _check_rows(path, len(array), rows)
        return array

    def table(self, file: str, columns: Sequence[str], rows: int | None = None, *, only: bool = False) -> Any:
        """All columns as Arrow, or `only` these; SourceError if it is damaged, lacks one or has other rows."""
        path = self.path(file)
        try:
            with pq.ParquetFile(path) as opened:
                if rows is not None:  # before rows that the index does not have are unpacked
                    _check_rows(path, opened.metadata.num_rows, rows)
                table = opened.read([name for name in columns if name in opened.schema_arrow.names] if only else None)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise SourceError(f"{path} cannot be read ({error}); restore it from a copy") from error
        if missing := [name for name in columns if name not in table.column_names]:
            raise SourceError(f"{path} has no column {missing[0]!r}; restore it from a copy")
        return table

    def take(self, file: str, rows: Sequence[int], columns: Sequence[str]) -> Any:
        """Some rows in their order as an Arrow table; only row groups that hold them are read. Errors as `table`."""
        path = self.path(file)
        try:
            with pq.ParquetFile(path) as opened:
                counts = [opened.metadata.row_group(group).num_rows for group in range(opened.num_row_groups)]
                starts = np.cumsum([0, *counts])
                group_of = np.searchsorted(starts, rows, "right") - 1
                groups = np.unique(group_of)
                before = np.cumsum([0, *(counts[group] for group in groups)])
                table = opened.read_row_groups(groups.tolist(), columns=list(columns))
        except (OSError, ValueError, IndexError, pa.ArrowException) as error:
            raise SourceError(f"{path} cannot be read ({error}); restore it from a copy") from error
        places = (np.asarray(rows) - starts[group_of] + before[np.searchsorted(groups, group_of)]).astype(np.int64)
        # pa.array would import pandas, which takes as long as a whole search.
        return table.take(pa.Array.from_buffers(pa.int64(), len(places), [None, pa.py_buffer(places)]))


@dataclass(frozen=True)
class ShardStore:
    """A folder of shards and their index."""

    folder: Path
    index: str
    """Name of the index, a JSON file."""
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
        """The folder or URL that the caller named."""
        return self.remote.url if self.remote else str(self.folder)

    def read_index(self) -> dict[str, Any]:
        """FileNotFoundError without an index, ValueError if it is not JSON."""
        path = self.folder / self.index
        if not self.remote and not path.is_file():  # a pipe would wait for somebody who writes
            raise FileNotFoundError(path)
        content = self.remote.read(self.index) if self.remote else path.read_bytes()
        document: dict[str, Any] = parse_json(content)
        return document

    def write_index(self, document: Mapping[str, Any]) -> None:
        write_json(self.folder / self.index, document)

    def files(self, name: str) -> ShardFiles:
        return ShardFiles(name, self.folder, self.remote)

    def write_shard(self, name: str, write: Callable[[Path], None]) -> ShardFiles:
        """Let `write` fill the folder of a new shard, which appears whole or not at all.

        The caller locks the store's folder before (`hold`) and names the shard in the index afterwards.
        """
        files = self.files(name)
        draft = files.folder.with_name(f".{files.name}")
        for left in (draft, files.folder):  # by a killed run, which did not name it in the index
            remove_plain(left, SHARD_FILES)
        with disk_errors(files.folder):
            draft.mkdir()
            write(draft)
            draft.rename(files.folder)
        return files


def map_array(path: Path, mend: str) -> np.ndarray:
    """The numbers of a .npy file, memory-mapped; SourceError, which says how to `mend` it, if it holds none."""
    try:
        _check_header(path)
        with ignore_library_warnings(r"numpy\."):  # about headers of Python 2
            array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.ndarray) or not array.ndim:
            raise ValueError("an archive or a single number")
    except NOT_AN_ARRAY as error:
        raise SourceError(f"{path} cannot be read ({error}); {mend}") from error
    return array


def _check_header(path: Path) -> None:
    """ValueError for a header without end, which numpy would read as a whole."""
    with path.open("rb") as file:
        start = file.read(12)
    if start.startswith((b"\x93NUMPY\2", b"\x93NUMPY\3")) and int.from_bytes(start[8:], "little") > _LONGEST_HEADER:
        raise ValueError("its header is too long")


def _check_rows(path: Path, rows: int, expected: int) -> None:
    if rows != expected:
        raise SourceError(f"{path} holds {rows} rows, and the index says {expected}; restore it from a copy")
