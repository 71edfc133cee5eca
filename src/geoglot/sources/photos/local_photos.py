"""Local photos: a folder of files with EXIF GPS tags, or a table of files and places (CSV, Parquet)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite, nan
from pathlib import Path
from typing import Any

import pandas as pd

from geoglot.errors import InputError, SourceError
from geoglot.sources.listing import file_state, list_files, split_utf8_names
from geoglot.sources.photos.decoding import formats
from geoglot.sources.photos.exif import read_tags
from geoglot.sources.photos.photo import Photo, PhotoSource, Query, licence_name
from geoglot.tables import parse_number, read_table

_SUFFIXES = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".mpo": "JPEG", ".png": "PNG", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF", ".avif": "AVIF",
}  # fmt: skip


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
    """A folder or a table."""

    name = "local"
    by_place = False

    def __init__(self, recipe: LocalPhotosRecipe) -> None:
        if (recipe.folder is None) == (recipe.table is None):
            raise InputError("local photos are a folder or a table; give one of photos.local.folder and .table")
        if recipe.folder is not None and not recipe.folder.is_dir():
            raise InputError(f"there is no folder {recipe.folder}; give one of photos: photos.local.folder")
        if recipe.table is not None and not recipe.table.is_file():
            raise InputError(f"there is no table {recipe.table}; give a CSV or Parquet file: photos.local.table")
        self._recipe = recipe
        self._root = recipe.folder if recipe.folder is not None else self._table_path.parent

    @property
    def _table_path(self) -> Path:
        assert self._recipe.table is not None
        return self._recipe.table

    def identity(self) -> str:
        if self._recipe.folder is not None:
            files = [str(path.relative_to(self._root)) for path in _list_photos(self._recipe.folder)[0]]
        else:
            table = read_photo_table(self._table_path)
            files = [table.path.name, *map(table.file, range(len(table.rows)))]
        states = hashlib.sha256()
        for file in files:
            states.update(f"{file} {file_state(self._root / file)}\n".encode("utf-8", "surrogateescape"))
        return f"{self.name} {self._recipe.licence} {states.hexdigest()}"

    def unused(self) -> Sequence[str]:
        if self._recipe.folder is not None:
            return _list_photos(self._recipe.folder)[1]
        return read_photo_table(self._table_path).notes

    def search(self, query: Query) -> Iterator[Photo]:
        if self._recipe.folder is not None:
            return self._from_folder(self._recipe.folder)
        return self._from_table(read_photo_table(self._table_path))

    def picture(self, photo: Photo) -> bytes:
        path = self._root / photo.url
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise SourceError(f"{photo.url} lies outside {self._root}")
        try:
            return path.read_bytes()
        except OSError as error:
            raise SourceError(f"{path} cannot be read ({error.strerror})") from error

    def close(self) -> None:
        pass

    def _from_folder(self, folder: Path) -> Iterator[Photo]:
        for path in _list_photos(folder)[0]:
            facts, here = read_tags(path), path.relative_to(folder).as_posix()
            licence = licence_name(facts.pop("licence", "") or self._recipe.licence)
            yield Photo(self.name, here, title=path.stem, licence=licence, page="", url=here,
                        state=file_state(path), **facts)  # fmt: skip

    def _from_table(self, table: PhotoTable) -> Iterator[Photo]:
        for index, (row, (lon, lat)) in enumerate(zip(table.rows, table.places, strict=True)):
            here = table.file(index)
            user, author, title, page = (_text(row.get(name)) for name in ("user", "author", "title", "page"))
            identity = _text(row.get("id")) or here
            licence = licence_name(_text(row.get("licence")) or self._recipe.licence)
            yield Photo(self.name, identity, lon, lat, table.time(index), user, author, title, licence, page, here,
                        state=file_state(self._root / here))  # fmt: skip


def _list_photos(folder: Path) -> tuple[list[Path], list[str]]:
    """The photos in and below a folder, and a sentence for every kind of file that is not read."""
    files = list_files(folder)
    readable = {suffix for suffix, form in _SUFFIXES.items() if form in formats()}
    photos, unused = split_utf8_names(path for path in files if path.suffix.lower() in readable)
    others = Counter(path.suffix.lower() for path in files if path.suffix.lower() not in readable)
    counts = ", ".join(f"{number:,} {kind or 'other'}" for kind, number in sorted(others.items())) + " files"
    if not photos and not unused:
        held = f" but {counts}" if others else ""
        raise SourceError(f"{folder} holds no photos{held}; what is read is {', '.join(sorted(readable))}")
    if others:
        unused.append(f"{folder} holds {counts}, which are not read; convert photos among them to JPEG")
    return photos, unused


@dataclass(frozen=True)
class PhotoTable:
    """Rows of the file and their places."""

    path: Path
    rows: Sequence[Mapping[str, Any]]
    places: Sequence[tuple[float, float]]
    """lon, lat of each row in degrees; NaN for an empty cell."""
    notes: tuple[str, ...]

    def file(self, index: int) -> str:
        """Path of a row's picture, relative to the table's folder; Windows separators are understood."""
        text = _text(self.rows[index]["path"])
        return text if (self.path.parent / text).exists() else text.replace("\\", "/")

    def time(self, index: int) -> str:
        """Time of a photo in ISO 8601, which can be compared; InputError for another format."""
        text = _text(self.rows[index].get("time"))
        try:
            return datetime.fromisoformat(text).isoformat() if text else ""
        except ValueError as error:
            row = _row_name(self.path, index)
            raise InputError(f"{row}: time must be ISO 8601, such as 2021-06-30T12:00:00, got {text!r}") from error


def read_photo_table(path: Path) -> PhotoTable:
    """Read all rows; InputError if no row has a possible place."""
    rows, notes = _read_rows(path)
    places = [
        (_degrees(row["lon"], "lon", path, index), _degrees(row["lat"], "lat", path, index))
        for index, row in enumerate(rows)
    ]
    off = [index for index, (lon, lat) in enumerate(places) if abs(lon) > 180 or abs(lat) > 90]
    if off:
        lon, lat = places[off[0]]
        known = [place for place in places if isfinite(place[0]) and isfinite(place[1])]
        swapped = all(abs(lon) <= 90 and abs(lat) <= 180 for lon, lat in known)
        ask = "are lon and lat swapped?" if swapped else "they must be degrees on WGS 84"
        note = f"{_row_name(path, off[0])} has lon {lon:g} and lat {lat:g}, which is no place on Earth: {ask}"
        if len(off) == len(known):
            raise InputError(note)
        notes += (f"{note} ({len(off):,} of {len(rows):,} photos are left)",)
    return PhotoTable(path, rows, places, notes)


def _read_rows(path: Path) -> tuple[Sequence[Mapping[str, Any]], tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    try:
        if path.suffix.lower() == ".parquet":
            frame = pd.read_parquet(path)
            columns, rows = list(frame.columns), frame.to_dict("records")
        else:
            table = read_table(path)
            columns, rows, notes = list(table.columns), list(table.rows), table.notes
    except (SourceError, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as a table ({error})") from error
    if missing := [name for name in ("path", "lon", "lat") if name not in columns]:
        raise InputError(f"{path} has no column {missing[0]!r}; it needs path, lon and lat")
    return rows, notes


def _degrees(value: Any, name: str, path: Path, index: int) -> float:
    try:
        return nan if _text(value) == "" else parse_number(_text(value))
    except ValueError as error:
        raise InputError(f"{_row_name(path, index)}: {name} must be a number of degrees, got {value!r}") from error


def _row_name(path: Path, index: int) -> str:
    return f"{path}, photo {index + 1}"


def _text(value: Any) -> str:
    """A cell as text; empty if the cell is."""
    return "" if value is None or value != value else str(value)  # NaN differs from itself
