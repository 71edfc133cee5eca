"""Geotagged photos on this machine: a folder whose files say where (EXIF GPS), or a table that does (CSV, Parquet)."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import ExifTags, Image

from geoglot.errors import InputError, SourceError
from geoglot.sources.folder import by_name, file_state, find_images
from geoglot.sources.photos.licences import licence_name
from geoglot.sources.photos.photo import Photo, Query
from geoglot.sources.photos.pictures import DAMAGE

_TEXTS = ("time", "user", "author", "title", "licence", "page")


@dataclass(frozen=True)
class LocalPhotosRecipe:
    """Photos that are here already. Give one of both."""

    folder: Path | None = None
    """Of JPEG files with GPS tags; those without are counted and left, as without a place."""
    table: Path | None = None
    """CSV or Parquet with the columns path (from the table's folder on), lon, lat, and any of id, time, user, author,
    title, licence, page."""
    licence: str = ""
    """Of all photos that do not say their own."""


class LocalPhotos:
    """A folder or a table."""

    name = "local"
    by_place = False

    def __init__(self, recipe: LocalPhotosRecipe) -> None:
        if (recipe.folder is None) == (recipe.table is None):
            raise InputError("local photos are a folder or a table; give one of photos.local.folder and .table")
        if recipe.folder is not None and not recipe.folder.is_dir():
            raise InputError(f"there is no folder {recipe.folder}; give one of photos: photos.local.folder")
        self._recipe = recipe
        self._root = recipe.folder if recipe.folder is not None else _table_of(recipe).parent

    def identity(self) -> str:
        """Place and state of the files, those that a table names too."""
        if self._recipe.folder is not None:
            files = [str(Path(name).relative_to(self._root)) for name in find_images([self._recipe.folder])]
        else:
            table = _table_of(self._recipe)
            files = [table.name, *map(_text, _read_table(table)["path"])]
        states = hashlib.sha256()
        for file in files:
            states.update(f"{file} {file_state(self._root / file)}\n".encode("utf-8", "surrogateescape"))
        return f"{self.name} {self._recipe.licence} {states.hexdigest()}"

    def unused(self) -> Sequence[str]:
        """Files of the folder whose names no table can hold, a sentence each."""
        return _files(self._recipe.folder)[1] if self._recipe.folder is not None else ()

    def search(self, query: Query) -> Iterator[Photo]:
        """All photos; the query is not looked at."""
        if self._recipe.folder is not None:
            return self._from_folder(self._recipe.folder)
        return self._from_table(_table_of(self._recipe))

    def picture(self, photo: Photo) -> bytes:
        """The file."""
        path = self._root / photo.url
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise SourceError(f"{photo.url} lies outside {self._root}")
        try:
            return path.read_bytes()
        except OSError as error:
            raise SourceError(f"{path} cannot be read ({error.strerror})") from error

    def close(self) -> None:
        """Nothing is held."""

    def _from_folder(self, folder: Path) -> Iterator[Photo]:
        for path in _files(folder)[0]:
            facts, here = _exif(path), path.relative_to(folder).as_posix()
            licence = facts.pop("licence", "") or self._recipe.licence
            yield Photo(self.name, here, title=path.stem, licence=licence_name(licence), page="", url=here,
                        state=file_state(path), **facts)  # fmt: skip

    def _from_table(self, path: Path) -> Iterator[Photo]:
        for number, row in enumerate(_read_table(path).to_dict("records"), 1):
            where = f"{path}, photo {number}"
            texts: dict[str, Any] = {name: _text(row.get(name)) for name in _TEXTS}
            texts["time"] = _iso(texts["time"], where)
            texts["licence"] = licence_name(texts["licence"] or self._recipe.licence)
            here = _text(row["path"])
            identity = _text(row.get("id")) or here
            lon, lat = (_number(row[name], name, where) for name in ("lon", "lat"))
            yield Photo(self.name, identity, lon=lon, lat=lat, url=here, state=file_state(self._root / here), **texts)


def _files(folder: Path) -> tuple[list[Path], list[str]]:
    return by_name(map(Path, find_images([folder])))


def _table_of(recipe: LocalPhotosRecipe) -> Path:
    if recipe.table is None or not recipe.table.is_file():
        raise InputError(f"there is no table {recipe.table}; give a CSV or Parquet file: photos.local.table")
    return recipe.table


def _read_table(path: Path) -> Any:
    try:
        read = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"id": str, "user": str})
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as a table ({error})") from error
    if lacking := [name for name in ("path", "lon", "lat") if name not in read]:
        raise InputError(f"{path} has no column {lacking[0]!r}; it needs path, lon and lat")
    return read


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)  # NaN is not itself


def _number(value: Any, name: str, where: str) -> float:
    try:
        return nan if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {name} is a number of degrees, not {value!r}") from error


def _iso(text: str, where: str) -> str:
    """A time that can be compared; refused where it could only be guessed."""
    try:
        return datetime.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise InputError(f"{where}: time is as 2021-06-30T12:00:00 (ISO 8601), not {text!r}") from error


def _exif(path: Path) -> dict[str, Any]:
    """Place, time and author of a file; not a number for the place of one that does not tell it."""
    nowhere = {"lon": nan, "lat": nan, "time": "", "user": "", "author": ""}
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as picture:
            tags = picture.getexif()
            gps, more = tags.get_ifd(ExifTags.IFD.GPSInfo), tags.get_ifd(ExifTags.IFD.Exif)
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLatitudeRef] == "S")
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude], gps[ExifTags.GPS.GPSLongitudeRef] == "W")
    except (OSError, *DAMAGE):
        return nowhere
    artist = str(tags.get(ExifTags.Base.Artist, "")).strip()
    taken = str(more.get(ExifTags.Base.DateTimeOriginal, ""))
    licence = str(tags.get(ExifTags.Base.Copyright, ""))
    return {"lon": lon, "lat": lat, "time": _time(taken), "user": artist, "author": artist, "licence": licence}


def _degrees(parts: Any, negative: bool) -> float:
    degrees = float(parts[0]) + float(parts[1]) / 60 + float(parts[2]) / 3600
    return -degrees if negative else degrees


def _time(text: str) -> str:
    try:
        return datetime.strptime(text.strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return ""
