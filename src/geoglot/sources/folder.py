"""Plain images (PNG, JPEG, WebP, TIFF) are rasters like any other; here they are found.

A world file (.pgw, .jgw, .tfw, .wld) beside one places it, with the CRS of a .prj or .aux.xml, whatever the case of
their names; without one it has no place and is read in its own pixels. The orientation tag of EXIF is not applied:
pixels are read as they are stored.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from geoglot.errors import SourceError
from geoglot.sources.gdal import is_local
from geoglot.types import PathLike

SUFFIXES = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".jp2"})


def find_images(sources: Sequence[PathLike]) -> list[str]:
    """Files and URIs as they are given; of each folder, the images in it and below, sorted by path."""
    return [image for source in sources for image in _images(source)]


def by_name(files: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """Those whose names are text, and a sentence for each other: bytes that are no UTF-8 no table and no GDAL takes."""
    good, unused = list[Path](), list[str]()
    for file in files:
        try:
            str(file).encode()
            good.append(file)
        except UnicodeEncodeError:
            shown = os.fsencode(file).decode("utf-8", "backslashreplace")
            unused.append(f"{shown} has a name that is no UTF-8, and is not used; give it another")
    return good, unused


def file_state(path: Path) -> str:
    """Size and time of change, which tell a file from what it was before; empty where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _images(source: PathLike) -> list[str]:
    folder = Path(source)
    if not is_local(str(source)) or not folder.is_dir():
        return [str(source)]
    images = sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not images:
        raise SourceError(f"{source} holds no images; geoglot looks for {', '.join(sorted(SUFFIXES))}")
    return images
