"""Refuses a vector file whose CRS names a file, for instance of shifts between datums: PROJ would open it."""

from collections.abc import Iterator
from pathlib import Path

import pyproj

from geoglot.crs import names_file
from geoglot.errors import InputError
from geoglot.sources.geopackage import read_crs_texts

_BESIDE = (".prj", ".PRJ", ".qpj", ".QPJ")
_LARGEST = 2**16  # characters of a CRS, or bytes of a head, that are looked at


def check_crs_texts(path: Path) -> None:
    """InputError if a text from which GDAL makes a CRS names a file; GeoJSON and GeoParquet are checked elsewhere."""
    for text in _texts(path):
        check_crs(path, text)


def check_crs(path: Path, crs: str | pyproj.CRS) -> None:
    """InputError if a CRS of a vector file, or its text, names a file by its path."""
    if names_file(crs if isinstance(crs, str) else crs.to_wkt()):
        raise InputError(f"{path} has a CRS that names a file by its path, and none is opened; give it an EPSG code")


def _texts(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        head = file.read(_LARGEST)
    if head.startswith(b"SQLite"):
        yield from read_crs_texts(path)
    if head.startswith(b"fgb"):
        yield head.decode("latin-1")
    for beside in map(path.with_suffix, _BESIDE):
        if beside.is_file():
            with beside.open("rb") as file:
                yield file.read(_LARGEST).decode("latin-1")
