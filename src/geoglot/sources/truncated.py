"""Finds picture files that are cut short or damaged: decoders would fill the missing part with grey or old memory.

PNG (ISO 15948): every chunk up to IEND must fit its checksum. JPEG (ITU T.81): every segment is followed to the marker
that ends the image; a second picture or film that phones write behind it does not count. JPEG 2000 (T.800): the
marker that ends the image must come after the last tile part. WebP: the file must be as long as its RIFF header says,
without zeros at its end. TIFF is not checked: libtiff reports what lies beyond the end of the file.
"""

import mmap
import re
import zlib
from collections.abc import Callable
from pathlib import Path

from geoglot.aliases import PathLike
from geoglot.errors import SourceError
from geoglot.sources.raster_guard import is_local

_PNG, _JPEG, _RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"
_JP2, _J2K = b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51"
_END, _TILE_PART = b"\xff\xd9", b"\xff\x90\x00\x0a"
_SEGMENT = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)  # of JPEG: not stuffing, restart or fill
_TAIL = 16  # zeros in a row that no compressed picture ends with
_MAX_TEXTS = 32  # compressed ones, of up to 8 MB each, which libpng unpacks whenever a PNG is opened
_NO_END = "its end is missing"
Body = bytes | mmap.mmap


def check_not_truncated(path: PathLike) -> None:
    """SourceError if a PNG, JPEG, JPEG 2000 or WebP on this machine is cut short or damaged in a way that shows."""
    if is_local(str(path)) and (fault := find_damage(Path(path))):
        raise SourceError(f"{path} is cut short or damaged ({fault}); get it again")


def find_damage(path: Path) -> str | None:
    """Describe the damage of a picture file; None if it is complete or of another format."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            if _checker(file.read(12)) is None:
                return None
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
                return find_damage_in(body)
    except (OSError, ValueError):  # a file that cannot be opened or mapped is reported by its reader
        return None


def find_damage_in(body: Body) -> str | None:
    """`find_damage` for the bytes of a picture."""
    check = _checker(body[:12])
    return check(body) if check else None


def _checker(head: bytes) -> Callable[[Body], str | None] | None:
    if head.startswith(_PNG):
        return _check_png
    if head.startswith(_JPEG):
        return _check_jpeg
    if head.startswith((_JP2, _J2K)):
        return _check_jpeg2000
    return _check_webp if head.startswith(_RIFF) and head[8:12] == b"WEBP" else None


def _check_png(body: Body) -> str | None:
    at, texts = len(_PNG), 0
    while at + 12 <= len(body):
        length, kind = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        end = at + 8 + length
        if end + 4 > len(body):
            break
        if zlib.crc32(body[at + 4 : end]) != int.from_bytes(body[end : end + 4], "big"):
            return "a checksum in it is wrong"
        texts += kind in (b"zTXt", b"iTXt")
        if texts > _MAX_TEXTS:
            return f"it has more than {_MAX_TEXTS} compressed texts"
        if kind == b"IEND":
            return None
        at = end + 4
    return _NO_END


def _check_jpeg(body: Body) -> str | None:
    at = len(_END)
    while segment := _SEGMENT.search(body, at):
        if segment[0] == _END:
            return None
        at = segment.end() + int.from_bytes(body[segment.end() : segment.end() + 2], "big")
    return _NO_END


def _check_jpeg2000(body: Body) -> str | None:
    return None if body.rfind(_END) > body.rfind(_TILE_PART) else _NO_END


def _check_webp(body: Body) -> str | None:
    length = int.from_bytes(body[4:8], "little") + 8
    is_complete = length <= len(body) and any(body[length - _TAIL : length])
    return None if is_complete else _NO_END
