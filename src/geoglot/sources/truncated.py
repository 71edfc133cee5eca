"""Whether a picture file is all there: decoders fill what a copy that broke off lacks with grey, or with old memory.

PNG (ISO 15948): every chunk to IEND with its checksum. JPEG (ITU T.81): every segment to the marker that ends the
image; what phones write behind it, a second picture or a film, does not count. JPEG 2000 (T.800): the marker that ends
the image comes after the last that begins a tile part. WebP: as long as its RIFF header says, and no zeros at its end.
TIFF is not looked at: there libtiff tells of itself what lies beyond the end of the file.
"""

from __future__ import annotations

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
_SEGMENT = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)  # of JPEG; no stuffed byte, restart or fill
Body = bytes | mmap.mmap
_TAIL = 16  # zeros in a row that no compressed picture ends with


def check_not_truncated(path: PathLike) -> None:
    """SourceError if a PNG, JPEG, JPEG 2000 or WebP on this machine is cut short or damaged in a way that shows."""
    if is_local(str(path)) and (fault := find_damage(Path(path))):
        raise SourceError(f"{path} is cut short or damaged ({fault}); get it again")


def find_damage(path: Path) -> str | None:
    """What such a file lacks; None where nothing is seen to lack, or where it is of another format."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            head = file.read(12)
            if _looks(head) is None:
                return None
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
                return find_damage_in(body)
    except (OSError, ValueError):  # what cannot be opened or mapped is told by its reader
        return None


def find_damage_in(body: Body) -> str | None:
    """What a picture lacks, by its bytes; None as `find_damage` has it."""
    looks = _looks(body[:12])
    return looks(body) if looks else None


def _looks(head: bytes) -> Callable[[Body], str | None] | None:
    if head.startswith(_PNG):
        return _png
    if head.startswith(_JPEG):
        return _jpeg
    if head.startswith((_JP2, _J2K)):
        return _jpeg2000
    return _webp if head.startswith(_RIFF) and head[8:12] == b"WEBP" else None


def _png(body: Body) -> str | None:
    at = len(_PNG)
    while at + 12 <= len(body):
        length, kind = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        end = at + 8 + length
        if end + 4 > len(body):
            break
        if zlib.crc32(body[at + 4 : end]) != int.from_bytes(body[end : end + 4], "big"):
            return "a checksum in it is wrong"
        if kind == b"IEND":
            return None
        at = end + 4
    return "its end is missing"


def _jpeg(body: Body) -> str | None:
    at = len(_END)
    while found := _SEGMENT.search(body, at):
        if found[0] == _END:
            return None
        at = found.end() + int.from_bytes(body[found.end() : found.end() + 2], "big")
    return "its end is missing"


def _jpeg2000(body: Body) -> str | None:
    return None if body.rfind(_END) > body.rfind(_TILE_PART) else "its end is missing"


def _webp(body: Body) -> str | None:
    length = int.from_bytes(body[4:8], "little") + 8
    is_whole = length <= len(body) and any(body[length - _TAIL : length])
    return None if is_whole else "its end is missing"
