"""Local photos: a folder of files with EXIF GPS tags, or a table (CSV, Parquet) of files and places."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from geoglot.errors import InputError, SourceError
from geoglot.sources.listing import file_state, list_files, split_utf8_names
from geoglot.sources.photos.decoding import formats, read_tags
from geoglot.sources.photos.photo import Photo, PhotoSource, Query, licence_name
from geoglot.tables import check_cells, parse_number, read_table

_SUFFIXES = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".mpo": "JPEG", ".png": "PNG", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF", ".avif": "AVIF",
}  # fmt: skip
_MOST_BYTES = 500_000_000  # of a photo
_MOST_UNPACKED = 250_000_000  # bytes of a table in Parquet


@dataclass(frozen=True)
class LocalPhotosRecipe:
    """Local photos: either a folder or a table."""

    folder: Path | None = None
    """Folder of JPEG, PNG, WebP, TIFF or AVIF files with GPS tags; files without a place are counted and left out."""
    table: Path | None = None
    """CSV or Parquet with the columns path (relative to the table's folder), lon, lat, and any of id, time, user,
    author, title, licence, page."""
    licence: str = ""
    """Licence of the photos that do not name their own."""


class LocalPhotos(PhotoSource):
    """The photos of a folder or a table."""

    name = "local"
    by_place = False

    def __init__(self, recipe: LocalPhotosRecipe) -> None:
        if (recipe.folder is None) == (recipe.table is None):
            raise InputError("local photos are a folder or a table; give one of photos.local.folder and .table")
        if recipe.folder is not None and not recipe.folder.is_dir():
            raise InputError(f"there is no folder {recipe.folder}; give one of photos: photos.local.folder")
        if recipe.table is not None and not recipe.table.is_file():
            raise InputError(f"there is no table {recipe.table}; give a CSV or Parquet file: photos.local.table")
        self._recipe, self._table = recipe, recipe.table
        self._root = recipe.table.parent if recipe.table is not None else Path(recipe.folder or "")

    def identity(self) -> str:
        files = [] if self._table is None else [self._table.name]
        files += _list_photos(self._root)[0] if self._table is None else read_photo_table(self._table).files
        states = hashlib.sha256()
        for file in files:
            states.update(f"{file} {file_state(self._root / file)}\n".encode("utf-8", "surrogateescape"))
        return f"{self.name} {self._recipe.licence} {states.hexdigest()}"

    def unused(self) -> Sequence[str]:
        return _list_photos(self._root)[1] if self._table is None else read_photo_table(self._table).notes

    def search(self, query: Query) -> Iterator[Photo]:
        return self._read_folder() if self._table is None else self._read_table(read_photo_table(self._table))

    def picture(self, photo: Photo) -> bytes:
        path = self._root / photo.url
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise SourceError(f"{photo.url} lies outside {self._root}")
        try:
            if not path.is_file() or path.stat().st_size > _MOST_BYTES:  # a pipe would wait, a device never ends
                raise SourceError(f"{path} must be a file of at most {_MOST_BYTES / 1e6:.0f} MB; leave it out")
            return path.read_bytes()
        except OSError as error:
            raise SourceError(f"{path} cannot be read ({error.strerror})") from error

    def close(self) -> None:
        pass

    def _read_folder(self) -> Iterator[Photo]:
        for file in _list_photos(self._root)[0]:
            path = self._root / file
            facts = read_tags(path)
            licence = licence_name(facts.pop("licence", "") or self._recipe.licence)
            yield Photo(self.name, file, title=path.stem, licence=licence, page="", url=file,
                        state=file_state(path), **facts)  # fmt: skip

    def _read_table(self, table: PhotoTable) -> Iterator[Photo]:
        for index, (row, file, (lon, lat)) in enumerate(
            zip(table.rows, table.files, table.places.tolist(), strict=True)
        ):
            user, author, title, page = (_text(row.get(name)) for name in ("user", "author", "title", "page"))
            licence = licence_name(_text(row.get("licence")) or self._recipe.licence)
            yield Photo(self.name, _text(row.get("id")) or file, lon, lat, table.time(index), user, author, title,
                        licence, page, file, state=file_state(self._root / file))  # fmt: skip


def _list_photos(folder: Path) -> tuple[list[str], list[str]]:
    """Paths of the photos below a folder, and a sentence for every kind of file that is not read."""
    files = list_files(folder)
    readable = {suffix for suffix, form in _SUFFIXES.items() if form in formats()}
    photos, unused = split_utf8_names(path for path in files if path.suffix.lower() in readable)
    others = Counter(path.suffix.lower() for path in files if path.suffix.lower() not in readable)
    counts = ", ".join(f"{number:,} {kind or 'other'}" for kind, number in sorted(others.items())) + " files"
    if not photos and not unused:
        content = f" but {counts}" if others else ""
        raise SourceError(f"{folder} holds no photos{content}; geoglot reads {', '.join(sorted(readable))}")
    if others:
        unused.append(f"{folder} holds {counts}, which are not read; convert photos among them to JPEG")
    return [path.relative_to(folder).as_posix() for path in photos], unused


@dataclass(frozen=True)
class PhotoTable:
    """The rows of a table, with a file and a place for each."""

    path: Path
    rows: Sequence[Mapping[str, Any]]
    places: Float[np.ndarray, "photo lonlat"]
    """Degrees; NaN for an empty cell."""
    notes: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """Paths of the pictures relative to the table's folder; Windows separators are understood."""
        texts = [_text(row["path"]) for row in self.rows]
        return [
            text if os.path.exists(self.path.parent / text) else text.replace("\\", "/")  # noqa: PTH110 - too long names
            for text in texts
        ]

    def time(self, index: int) -> str:
        """Time of a photo in ISO 8601, or empty; InputError for another format."""
        text = _text(self.rows[index].get("time"))
        try:
            return datetime.fromisoformat(text).isoformat() if text else ""
        except ValueError as error:
            row = _row_name(self.path, index)
            raise InputError(f"{row}: time must be ISO 8601, such as 2021-06-30T12:00:00, got {text!r}") from error


def read_photo_table(path: Path) -> PhotoTable:
    """Read all rows; InputError if no row has a possible place."""
    rows, notes = _read_rows(path)
    cells = [[_degrees(row[name], name, path, index) for name in ("lon", "lat")] for index, row in enumerate(rows)]
    places = np.array(cells).reshape(-1, 2)
    off = np.flatnonzero((abs(places) > [180, 90]).any(axis=1)).tolist()
    if off:
        known = places[np.isfinite(places).all(axis=1)]
        ask = "are lon and lat swapped?" if (abs(known) <= [90, 180]).all() else "they must be degrees on WGS 84"
        lon, lat = places[off[0]]
        note = f"{_row_name(path, off[0])} has lon {lon:g} and lat {lat:g}, which is no place on Earth: {ask}"
        if len(off) == len(known):
            raise InputError(note)
        notes += (f"{note} ({len(off):,} of {len(rows):,} photos are left)",)
    return PhotoTable(path, rows, places, notes)


def _read_rows(path: Path) -> tuple[Sequence[Mapping[str, Any]], tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    try:
        if path.suffix.lower() == ".parquet":
            frame = _read_parquet(path)
            columns, rows = list(frame.columns), frame.to_dict("records")
        else:
            table = read_table(path)
            columns, rows, notes = list(table.columns), list(table.rows), table.notes
    except (SourceError, ValueError, OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as a table ({error})") from error
    if missing := [name for name in ("path", "lon", "lat") if name not in columns]:
        raise InputError(f"{path} has no column {missing[0]!r}; it needs path, lon and lat")
    return rows, notes


def _read_parquet(path: Path) -> pd.DataFrame:
    with pq.ParquetFile(path) as file:
        facts = file.metadata
        check_cells(path, facts.num_rows, facts.num_columns)
        unpacked = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
        if unpacked > _MOST_UNPACKED:
            raise SourceError(f"it has more than {_MOST_UNPACKED / 1e6:.0f} MB unpacked; remove columns or divide it")
        return file.read().replace_schema_metadata(None).to_pandas()


def _degrees(value: Any, name: str, path: Path, index: int) -> float:
    try:
        return nan if _text(value) == "" else parse_number(_text(value))
    except ValueError as error:
        raise InputError(f"{_row_name(path, index)}: {name} must be a number of degrees, got {value!r}") from error


def _row_name(path: Path, index: int) -> str:
    return f"{path}, photo {index + 1}"


def _text(value: Any) -> str:
    """A cell as text; empty for an empty cell."""
    return "" if value is None or value != value else str(value)  # NaN differs from itself
