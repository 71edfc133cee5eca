"""What a file of polygons may be called, checked before any work, and what its format cuts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyproj

from geoglot.errors import InputError
from geoglot.outputs.atomic import check_utf8

#: The formats of `vector_files`
ENDINGS = (".gpkg", ".geojson", ".fgb", ".parquet", ".shp", ".zip", ".pmtiles")
_SPLIT_BY_PYOGRIO = ";?!"  # it reads a path as a URL, and the member of an archive after "!"
_BY_GDAL = (".gpkg", ".fgb", ".shp", ".zip", ".pmtiles")
_LONGEST_FIELD, _LONGEST_TEXT = 10, 254  # of a Shapefile, in bytes


def check_format(path: Path, *others: str) -> None:
    """Before any work, refuse a file type or a name that cannot be written; the caller writes the types `others`."""
    if path.suffix.lower() not in (endings := (*ENDINGS, *others)):
        raise InputError(f"polygons cannot be written as {path.name!r}; end the name with {', '.join(endings)}")
    if path.suffix.lower() not in _BY_GDAL:
        return
    whole = path.absolute()
    check_utf8(str(whole))
    if split := [letter for letter in _SPLIT_BY_PYOGRIO if letter in str(whole)]:
        raise InputError(
            f"{path} has {split[0]!r} in its path, which GDAL would take apart; rename it, or give another name"
        )


def check_placed(path: Path | None, crs: pyproj.CRS | None) -> None:
    """Before any work, refuse tiles of a scene without a place on Earth."""
    if path and path.suffix.lower() == ".pmtiles" and crs is None:
        raise InputError(f"the scene has no CRS, and {path.name} lies on the Earth; end the name with another suffix")


def explain_format(path: Path | None, columns: Iterable[str] = (), texts: Iterable[str] = ()) -> tuple[str, ...]:
    """Sentences on what a Shapefile cuts of these names of columns and texts."""
    if path is None or path.suffix.lower() not in (".shp", ".zip"):
        return ()
    cut = [f"{name} is {short}" for name, short in short_names(list(columns)).items() if name != short]
    notes = [f"a column of a Shapefile has a name of at most 10 bytes: {', '.join(cut)}"] if cut else []
    if any(cut_text(text) != text for text in texts):
        notes.append("texts of over 254 bytes are cut in the Shapefile; another format keeps them whole")
    return tuple(notes)


def short_names(columns: list[str]) -> Mapping[str, str]:
    """The name of each column in a Shapefile: at most ten bytes, and no two alike in small letters."""
    short = dict[str, str]()
    for column in columns:
        taken, name, number = {each.lower() for each in short.values()}, _cut(column, _LONGEST_FIELD), 1
        while name.lower() in taken:
            number += 1
            name = _cut(column, _LONGEST_FIELD - len(f"_{number}")) + f"_{number}"
        short[column] = name
    return short


def cut_text(text: str) -> str:
    """The text as a Shapefile holds it."""
    return _cut(text, _LONGEST_TEXT)


def _cut(text: str, most: int) -> str:
    """The first letters of a text, which have at most so many bytes in UTF-8."""
    return text.encode()[:most].decode(errors="ignore")
