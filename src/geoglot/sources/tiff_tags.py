"""Refuses TIFFs with very long metadata before GDAL parses them: it needs 26 bytes of memory and more for each byte."""

import struct
from pathlib import Path
from typing import BinaryIO

from geoglot.errors import SourceError

_LONG = {42112: ("metadata (GDAL_METADATA)", 1), 33922: ("control points", 8)}
"""By number of the tag: its name and the bytes of one of its values."""
_LARGEST = 2**22  # bytes of one tag
_MAX_PAGES = 64


def check_tags(path: Path) -> None:
    """SourceError for a TIFF or BigTIFF with a tag that is too long; anything else is left to GDAL."""
    with path.open("rb") as file:
        head = file.read(16).ljust(16, b"\0")
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None:
            return
        is_big = head[2:4] in (b"\x2b\0", b"\0\x2b")
        (page,) = struct.unpack(f"{order}Q" if is_big else f"{order}I", head[8:] if is_big else head[4:8])
        for _ in range(_MAX_PAGES):
            page = _check_page(path, file, page, order, is_big)


def _check_page(path: Path, file: BinaryIO, page: int, order: str, is_big: bool) -> int:
    """Check the tags of a page, and give the place of the next one; 0 at the end or for damage."""
    counts, entry, offset = ("Q", "HHQ8x", "Q") if is_big else ("H", "HHI4x", "I")
    if not 0 < page < path.stat().st_size:
        return 0
    file.seek(page)
    start = file.read(struct.calcsize(f"={counts}"))
    size, length = struct.calcsize(f"={entry}"), struct.calcsize(f"={offset}")
    entries = int.from_bytes(start, "little" if order == "<" else "big")
    body = file.read(min(entries, 2**16) * size)
    for tag, _, count in struct.iter_unpack(f"{order}{entry}", body[: len(body) // size * size]):
        what, width = _LONG.get(tag, ("", 0))
        if count * width > _LARGEST:
            raise SourceError(
                f"{path} has {count * width:,} bytes of {what}, and at most {_LARGEST:,} are read; "
                "copy it without them: gdal_translate -nomd -nogcp"
            )
    return int.from_bytes(file.read(length), "little" if order == "<" else "big")
