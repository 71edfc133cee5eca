"""Finds the vector format of a file by its bytes, not by its name, so that GDAL opens it by no other driver.

GDAL tries all its drivers on a file, and some open other files that it names (virtual files, pipelines) or ask a
server. A binary format is safe to open by its file name, since those drivers read no further than the first zero byte.
GeoJSON is opened by its driver's prefix, and XML is KML only if it is well-formed and its root is `kml`.
"""

import json
import mmap
import re
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
from pyproj.exceptions import CRSError

from geoglot.errors import InputError
from geoglot.sources.geopackage import check_tables, is_plain
from geoglot.sources.vector_crs import check_crs

MAX_BYTES = 2**30
"""The largest size of a file, unpacked."""
READABLE = "GeoJSON, GeoPackage, GeoParquet, FlatGeobuf, Shapefile and KML"
_SMALL, _SMALL_DATABASE = 2**16, 2**20  # bytes; an empty GeoPackage has 100 kB
_CELL_BYTES = 8
_HEAD = 65_536  # bytes that show the kind of a text
_MAX_CRS = 65_536  # bytes of a GeoJSON file's member crs
_MAX_LINE = 2**24  # bytes; a longer first line does not belong to GeoJSON text sequences
_CRS = re.compile(  # also with escaped letters
    rb"""["'](?:c|\\u00[46]3)(?:r|\\u00[57]2)(?:s|\\u00[57]3)["']\s*:\s*(?=\{)""", re.IGNORECASE
)


@dataclass(frozen=True)
class Format:
    """A format that is read, and GDAL's drivers for it; GeoParquet is read without GDAL."""

    name: str
    drivers: tuple[str, ...] = ()
    prefix: str = ""
    """GDAL opens a name with this prefix by this driver alone."""


PARQUET = Format("GeoParquet")
KML = Format("KML", ("LIBKML", "KML"))
SHAPEFILE = Format("Shapefile", ("ESRI Shapefile",))
_GEOJSON = Format("GeoJSON", ("GeoJSON",), "GeoJSON:")
LINES = Format("GeoJSON text sequences", ("GeoJSONSeq",), "GeoJSONSeq:")
_GEOPACKAGE = Format("GeoPackage", ("GPKG",))
_BINARY = {
    b"PAR1": PARQUET,
    b"SQLite format 3\0": _GEOPACKAGE,
    b"fgb\x03fgb": Format("FlatGeobuf", ("FlatGeobuf",)),
    b"\0\0\x27\x0a": SHAPEFILE,
}
_BESIDE = (  # parts of a Shapefile and of a GeoPackage, and what GDAL looks for beside any file
    ".dbf", ".shx", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".idm", ".ind", ".qpj", ".aux.xml",
    "-wal", "-shm", "-journal",
)  # fmt: skip
_PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


def check_files(path: Path) -> int:
    """Bytes of a file with those that GDAL reads beside it.

    InputError for one that is too large, or a pipe or device, which may have no end.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give one of its files")
    if not path.is_file():
        what = f"{path} is a device or a pipe" if path.exists() else f"there is no file {path}"
        raise InputError(f"{path} cannot be read as points or polygons: {what}")
    size = path.stat().st_size
    for ending in _BESIDE:
        names = dict.fromkeys((f"{path.stem}{ending}", f"{path.stem}{ending.upper()}", f"{path.name}{ending}"))
        for beside in map(path.with_name, names):
            if beside.exists() and beside != path:
                if not beside.is_file():  # opening a pipe would wait for somebody who writes
                    raise InputError(f"{beside} is named like a part of {path}, but is not a file; remove it")
                size += beside.stat().st_size
    check_size(path, size)
    return size


def unpacked_size(path: Path, size: int) -> int:
    """Bytes of a file that has `size` bytes, when unpacked; GeoParquet only claims a number."""
    if not _head(path).startswith(b"PAR1"):
        return size
    try:
        facts = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return size  # the reader tells what is wrong
    unpacked = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    return max(size, int(unpacked), _CELL_BYTES * int(facts.num_rows) * int(facts.num_columns))


def is_small(path: Path, size: int) -> bool:
    """Whether a file of so many bytes, unpacked, is read soon, whatever it holds: nothing in it is computed."""
    head = _head(path)
    if head.startswith(b"SQLite"):
        return size <= _SMALL_DATABASE and is_plain(path)
    return size <= _SMALL


def format_of(path: Path) -> Format:
    """The format of a file; InputError for a file that is in no format that geoglot reads."""
    head = _head(path)
    for magic, form in _BINARY.items():
        if head.startswith(magic):
            if form is _GEOPACKAGE:
                check_tables(path)
            if form is SHAPEFILE:
                _check_whole(path, head)
            return form
    if head.startswith(_PACKED):
        raise InputError(f"{path} is an archive; unpack it and give the file inside, which must be {READABLE}")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x1e \t\r\n")
    if text.startswith(b"{"):
        _check_crs(path)
        return LINES if _is_lines(path) else _GEOJSON
    if text.startswith(b"<") and _root(path) == "kml":
        return KML
    if not text.startswith(b"<") and b"\0" not in head and text:
        raise InputError(f"{path} is a text file, perhaps a table without geometry; save it as GeoJSON or GeoPackage")
    raise InputError(f"{path} is {_describe(head)}; geoglot reads {READABLE}")


def count_lines(path: Path) -> int:
    """The features that a file of `LINES` has: one a line, or one behind each of its record separators (RFC 8142)."""
    with path.open("rb") as file:
        separated = file.read(1) == b"\x1e"
        file.seek(0)
        return sum(line.count(b"\x1e") if separated else bool(line.strip()) for line in file)


def _check_whole(path: Path, head: bytes) -> None:
    """Refuse a Shapefile that is shorter than its header says: GDAL gives the missing features no shape."""
    says, has = 2 * int.from_bytes(head[24:28], "big"), path.stat().st_size
    if says > has:
        raise InputError(f"{path} is cut short ({has:,} of {says:,} bytes); copy or download it again")


def check_size(path: Path, size: int) -> None:
    """InputError for a file that is too large to be read."""
    if size > MAX_BYTES:
        raise InputError(f"{path} has more than {MAX_BYTES / 2**30:.0f} GiB unpacked; cut out the part that you need")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _describe(head: bytes) -> str:
    if not head:
        return "empty"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "a text in UTF-16, or not a text; save it in UTF-8"
    if head.lstrip().startswith(b"<OGRVRT"):
        return "a virtual file that names other files"
    return "not a file of features"


def _is_lines(path: Path) -> bool:
    """Whether every line is a feature of its own."""
    with path.open("rb") as file:
        first = file.readline(_MAX_LINE)
        second = file.readline(_HEAD)
    return first.startswith(b"\x1e") or (first.rstrip().endswith(b"}") and second.lstrip().startswith(b"{"))


def _check_crs(path: Path) -> None:
    """Refuse a CRS that is an address (GDAL would ask a server) or unknown (GDAL would take it for degrees)."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for member in _CRS.finditer(content):
            text = content[member.end() : member.end() + _MAX_CRS].decode("utf-8", "replace")
            try:
                crs, _ = json.JSONDecoder().raw_decode(text)
                kind = str(crs.get("type")).lower()
                if kind in ("link", "url"):
                    raise InputError(
                        f"{path} names its CRS by an address, which is never opened; give the CRS by its code"
                    )
                if kind == "name":
                    check_crs(path, str(crs["properties"]["name"]))
                    pyproj.CRS.from_user_input(str(crs["properties"]["name"]))
            except (ValueError, RecursionError, KeyError, TypeError, CRSError) as error:
                raise InputError(f"{path} names an unknown CRS; give it by its code, as in EPSG:32631") from error


def _root(path: Path) -> str:
    """The root element of a well-formed XML file without a document type; "" for any other file."""
    names: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _: None if names else names.append(name.rpartition(" ")[2])

    def refuse(*_: object) -> None:
        raise InputError(f"{path} declares a document type, which may name other files; remove it")

    parser.StartDoctypeDeclHandler = refuse
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError:
        return ""
    return names[0]
