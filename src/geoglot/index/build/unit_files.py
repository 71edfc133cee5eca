"""Units of work as files: a unit is a JSON file, its result lies beside it, and both may lie on object storage.

plan/unit-HASH.json    what is to be done
plan/unit-HASH.npz     vectors, patches, and the tables of chips and sources (Parquet); it appears whole or not at all
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from geoglot.aliases import PathLike
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.index.build.encode_units import Done
from geoglot.index.build.units import Unit
from geoglot.index.store.chip_table import ChipBatch
from geoglot.outputs.atomic import disk_errors, write_bytes

UNIT, RESULT = ".json", ".npz"
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    RecursionError,
    MemoryError,
    BadZipFile,
    pa.ArrowException,
)


def pack(done: Done) -> bytes:
    """The result of a unit as the content of a file."""
    arrays = {"vectors": done.batch.vectors, **({} if done.batch.patches is None else {"patches": done.batch.patches})}
    for name, table in (("chips", done.batch.chips), ("sources", done.batch.sources)):
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        arrays[name] = np.frombuffer(buffer.getvalue(), np.uint8)
    told = json.dumps({"failed": done.failed, "notes": done.notes}).encode()
    file = io.BytesIO()
    np.savez(file, told=np.frombuffer(told, np.uint8), **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def unpack(content: bytes, unit: Unit, where: str) -> Done:
    """The result of a unit; SourceError if it is damaged."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            if any(entry.compress_type != ZIP_STORED for entry in stored.zip.infolist()):
                raise ValueError("it is compressed")  # a few bytes could become any number
            arrays = {name: stored[name] for name in stored.files}
        told = json.loads(arrays["told"].tobytes())
        chips, sources = (pq.read_table(io.BytesIO(arrays[name].tobytes())) for name in ("chips", "sources"))
        failed = tuple((str(source), str(reason)) for source, reason in told["failed"])
        batch = ChipBatch(arrays["vectors"], chips, sources, arrays.get("patches"))
        return Done(unit, batch, failed, tuple(map(str, told["notes"])))
    except _DAMAGED as error:
        raise SourceError(f"{where} is damaged ({error}); remove it, and do its unit again") from error


def write_file(place: PathLike, content: bytes) -> None:
    """Write a small file here or at a URL, whole or not at all."""
    if "://" not in str(place):
        write_bytes(Path(place), content)
        return
    with _at(place) as (system, path):
        system.pipe_file(path, content)


def read_file(place: PathLike) -> bytes:
    """The content of a file here or at a URL; SourceError if it is missing or cannot be read."""
    try:
        if "://" not in str(place):
            return Path(place).read_bytes()
        with _at(place) as (system, path):
            content: bytes = system.cat_file(path)
            return content
    except OSError as error:
        raise SourceError(f"{place} cannot be read: {error.strerror or error}") from error


def make_folder(place: PathLike) -> None:
    """Make a folder for units; one on object storage needs no making."""
    if "://" not in str(place):
        with disk_errors(Path(place)):
            Path(place).mkdir(parents=True, exist_ok=True)


def list_units(place: PathLike) -> tuple[list[str], list[str]]:
    """The units in a folder that were done, and those that were not; InputError if it holds no unit."""
    if "://" in str(place):
        with _at(place) as (system, path):
            names = {found.rpartition("/")[2] for found in system.find(path, maxdepth=1)}
    else:
        names = {path.name for path in Path(place).iterdir()} if Path(place).is_dir() else set()
    units = sorted(name for name in names if name.startswith("unit-") and name.endswith(UNIT))
    if not units:
        raise InputError(f"{place} holds no units of work; plan some: geoglot index plan ARCHIVE SOURCES... -o {place}")
    folder = str(place).rstrip("/")
    done, missing = list[str](), list[str]()
    for name in units:
        (done if result_of(name) in names else missing).append(f"{folder}/{name}")
    return done, missing


def result_of(unit: PathLike) -> str:
    """The file of the result of a unit; InputError for a file that is none."""
    if not str(unit).endswith(UNIT):
        raise InputError(f"a unit of work must be a file unit-....json of geoglot index plan, got {unit}")
    return str(unit).removesuffix(UNIT) + RESULT


@contextmanager
def _at(place: PathLike) -> Iterator[tuple[Any, str]]:
    try:
        system, path = fsspec.core.url_to_fs(str(place))
    except (ImportError, ValueError) as error:  # a package is missing, or the protocol is unknown
        raise InputError(f"{place} cannot be opened: {error}") from error
    try:
        yield system, path
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OutputError(f"{place} does not respond ({error}); run the same again") from error
