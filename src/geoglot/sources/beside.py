"""Checks the files beside an image that GDAL reads by their names, before GDAL opens the image.

A pipe waits for a writer and a device never ends, so each of these must be a file, and no larger than any such text.
A CRS in an .aux.xml must not name a file, since GDAL opens it. An .aux that ERDAS or ArcGIS wrote is left closed: GDAL
reads it by a driver that opens yet other files.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from pathlib import Path

from geoglot.crs import names_file
from geoglot.errors import SourceError

_LARGEST = 2**24  # bytes
_MAX_TAGS = 200_000  # of XML; GDAL needs seconds and hundreds of megabytes for more
_ERDAS, _AUX = b"EHFA_HEADER_TAG", (".aux", ".AUX")
_SATELLITE = (  # after the name without its ending; GDAL's readers of the metadata of satellites look for these
    ".xml", ".imd", ".rpb", ".rpc", ".pvl", ".pass", ".txt", ".eph", ".tab", "_rpc.txt", "_metadata.txt",
    "_metadata.xml", "_mtl.txt",
)  # fmt: skip
_CRS = re.compile(r"\+(proj|init)=|PROJ4_GRIDS|PARAMETERFILE", re.IGNORECASE)
_ELEMENT = re.compile(rb"<([A-Za-z]\w*)")
_STATISTICS = {  # elements of an .aux.xml that say nothing which GDAL must know
    b"PAMDataset", b"SRS", b"GeoTransform", b"PAMRasterBand", b"Metadata", b"MDI", b"Histograms", b"HistItem",
    b"HistMin", b"HistMax", b"BucketCount", b"IncludeOutOfRange", b"Approximate", b"HistCounts",
}  # fmt: skip
_FOLDER = ("summary.txt", "metadata.dim")


def check_texts_beside(uri: str) -> None:
    """SourceError for a file beside an image that GDAL would read without end, or that names other files."""
    image = Path(uri)
    folder = f"{image.parent}/"  # some dozen names for every picture: texts cost a tenth of paths
    for name in dict.fromkeys(_names(image)):
        if not os.access(folder + name, os.F_OK) or (path := image.with_name(name)).is_dir():
            continue
        check_is_file(path, uri)
        may_be_large = name.lower().endswith(".aux") or name.lower() == f"{image.stem}.txt".lower()
        if not may_be_large and (size := path.stat().st_size) > _LARGEST:
            raise SourceError(f"{path} has {size:,} bytes, and no sidecar of a picture is so large; remove it")
        if name.endswith(".aux.xml"):
            _check_aux_xml(path)


def find_erdas_aux(uri: str) -> Path | None:
    """The .aux of ERDAS beside a local image, which GDAL would open."""
    image = Path(uri)
    names = (f"{image.parent}/{base}{ending}" for base in (image.name, image.stem) for ending in _AUX)
    paths = (Path(name) for name in names if os.access(name, os.F_OK))
    return next((path for path in paths if path.is_file() and _begins_with(path, _ERDAS)), None)


def check_needs_no_sidecars(uri: str, erdas: Path) -> None:
    """SourceError for an image whose pixels or bands a sidecar describes: none can be read beside an .aux of ERDAS."""
    described = [ending for ending in (".msk", ".MSK") if Path(uri + ending).exists()]
    aux_xml = Path(f"{uri}.aux.xml")
    if aux_xml.exists() and not set(_ELEMENT.findall(aux_xml.read_bytes())) <= _STATISTICS:
        described.append(".aux.xml")
    if described:
        raise SourceError(
            f"{uri}{described[0]} cannot be read, since GDAL would also open {erdas}, a file of ERDAS that names other "
            "files; move that to another folder"
        )


def _begins_with(path: Path, signature: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(signature)) == signature


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
    yield from (base + ending for base in (image.name, stem) for ending in _AUX)
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
    yield from (stem + ending for ending in _all_cases(endings))


@lru_cache(maxsize=64)
def _all_cases(endings: tuple[str, ...]) -> tuple[str, ...]:
    mixed = (f"{Path(ending).stem.upper()}{Path(ending).suffix}" for ending in endings)
    return (*endings, *(ending.upper() for ending in endings), *mixed)


def _check_aux_xml(path: Path) -> None:
    """Refuse an .aux.xml, well-formed or not, of too many tags, or with a CRS that names a file, which GDAL opens."""
    body = path.read_bytes()
    if (tags := body.count(b"<")) > _MAX_TAGS:
        raise SourceError(f"{path} has {tags:,} tags, and at most {_MAX_TAGS:,} are read; remove it")
    text = unescape(body.decode("latin-1"))
    if _CRS.search(text) and names_file(text):
        raise SourceError(f"{path} has a CRS that names a file; write the CRS as WKT, or remove it")
