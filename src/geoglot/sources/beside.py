"""Checks the files beside an image that GDAL reads by their names, before GDAL opens the image.

A pipe waits for a writer and a device never ends, so each of these must be a file, and no larger than any such text.
A CRS in an .aux.xml must not name a file, since GDAL opens it.
"""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from geoglot.crs import names_file
from geoglot.errors import SourceError

_LARGEST = 2**24  # bytes
_ERDAS = b"EHFA_HEADER_TAG"
_SATELLITE = (  # after the name without its ending; GDAL's readers of the metadata of satellites look for these
    ".xml", ".imd", ".rpb", ".rpc", ".pvl", ".pass", ".txt", ".eph", ".tab", "_rpc.txt", "_metadata.txt",
    "_metadata.xml", "_mtl.txt",
)  # fmt: skip
_CRS = re.compile(r"\+(proj|init)=|PROJ4_GRIDS|PARAMETERFILE", re.IGNORECASE)
_FOLDER = ("summary.txt", "metadata.dim")


def check_texts_beside(uri: str) -> None:
    """SourceError for a file beside an image that GDAL would read without end, or that names other files."""
    image = Path(uri)
    for name in dict.fromkeys(_names(image)):
        path = image.with_name(name)
        if not path.exists() or path.is_dir():
            continue
        check_is_file(path, uri)
        if name.lower().endswith(".aux"):
            with path.open("rb") as file:
                if file.read(len(_ERDAS)) == _ERDAS:
                    raise SourceError(f"{path} was written by ERDAS and names other files; move it to another folder")
        elif (size := path.stat().st_size) > _LARGEST and name.lower() != f"{image.stem}.txt".lower():
            raise SourceError(f"{path} has {size:,} bytes, and no sidecar of a picture is so large; remove it")
        elif name.endswith(".aux.xml") and _has_crs_in_file(path):
            raise SourceError(f"{path} has a CRS that names a file; write the CRS as WKT, or remove it")


def check_is_file(path: Path, uri: str) -> None:
    """SourceError for a pipe, a device or a folder that is named like a sidecar of an image."""
    if not path.is_file():
        raise SourceError(f"{path} is named like a sidecar of {uri}, but is not a file; remove it")


def world_file_endings(uri: str) -> tuple[str, ...]:
    """The endings of the world files of an image, in small letters: tfw, tifw and wld for a.tif."""
    ending = Path(uri).suffix[1:].lower()
    return f"{ending[:1]}{ending[-1:]}w", f"{ending}w", "wld"


def _names(image: Path) -> Iterator[str]:
    """Names of files that GDAL tries to read beside an image: in small letters, and in large ones."""
    stem = image.stem
    yield f"{image.name}.aux.xml"
    yield from (base + ending for base in (image.name, stem) for ending in (".aux", ".AUX"))
    yield from _in_both_cases(f"{stem}.", world_file_endings(image.name))
    yield from _in_both_cases(stem, _SATELLITE)
    yield from _in_both_cases(stem.rpartition("_")[0], ("_mtl.txt",))
    yield from _in_both_cases("", _FOLDER)
    yield from (
        f"{kind}{stem[cut:]}{ending}" for kind in ("HDR", "RPC") for cut in (3, 6) for ending in (".txt", ".TXT")
    )
    bases = (stem[4:], stem[4:].rpartition("_")[0])
    yield from (f"{kind}{base}.XML" for kind in ("DIM_", "RPC_") for base in bases)


def _in_both_cases(stem: str, endings: tuple[str, ...]) -> Iterator[str]:
    for ending in endings:
        yield stem + ending
        yield stem + ending.upper()
        yield f"{stem}{Path(ending).stem.upper()}{Path(ending).suffix}"


def _has_crs_in_file(path: Path) -> bool:
    """Whether an .aux.xml, well-formed or not, has a CRS that names a file, which GDAL would open."""
    text = unescape(path.read_bytes().decode("latin-1"))
    return bool(_CRS.search(text)) and names_file(text)
