"""Local photos: a folder of files with EXIF GPS tags, or a table of files and places (CSV, Parquet)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from geoglot.errors import InputError, SourceError
from geoglot.sources.listing import file_state, list_files, split_utf8_names
from geoglot.sources.photos.decoding import formats
from geoglot.sources.photos.exif import read_tags
from geoglot.sources.photos.photo import Photo, PhotoSource, Query, licence_name
from geoglot.sources.photos.table import PhotoTable, read_photo_table, text_of

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
            user, author, title, page = (text_of(row.get(name)) for name in ("user", "author", "title", "page"))
            identity = text_of(row.get("id")) or here
            licence = licence_name(text_of(row.get("licence")) or self._recipe.licence)
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
