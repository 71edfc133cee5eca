"""Finds image files (PNG, JPEG, JPEG 2000, WebP, TIFF) in folders and by patterns.

They are opened like any raster: a world file and a .prj or .aux.xml beside an image place it on Earth, and without
these it is read in its own pixels. The orientation tag of EXIF is not applied.
"""

import glob
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from geoglot.aliases import PathLike, not_utf8
from geoglot.errors import SourceError
from geoglot.sources.raster_guard import is_local

SUFFIXES = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".jp2"})
#: Rasters and pictures that are not read, whose absence from a result would not be seen
_UNREAD = frozenset({
    ".img", ".vrt", ".nc", ".hdf", ".h5", ".ecw", ".sid", ".ntf", ".bil", ".asc", ".gtif", ".gtiff", ".geotiff", ".j2k",
    ".bmp", ".gif", ".heic", ".heif", ".avif", ".dng",
})  # fmt: skip
_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "__macosx"})

log = logging.getLogger(__name__)


def find_images(sources: Sequence[PathLike]) -> list[str]:
    """Files and URIs unchanged; for each folder, the images in it and below; for each pattern, such as
    "scenes/**/*.tif", the images and folders of images that fit it; sorted by path. SourceError if there are none.

    A warning says which rasters and pictures of a folder are in a format that is not read.
    """
    return [image for source in sources for image in _images(source)]


def is_pattern(source: PathLike) -> bool:
    """Whether a source is a pattern of file names, and no file whose name holds a * or [."""
    return is_local(str(source)) and glob.has_magic(str(source)) and not os.path.exists(source)  # noqa: PTH110


def match_pattern(pattern: PathLike) -> list[str]:
    """The files and folders that fit a pattern, sorted; of files, those that are images, if any are."""
    fitting = sorted(glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    images = [path for path in fitting if Path(path).suffix.lower() in SUFFIXES or os.path.isdir(path)]  # noqa: PTH112
    return images or fitting


def fits_files(text: str) -> bool:
    """Whether a text, such as "scenes/*.tif", is a pattern that something fits; a question may end in a ?, too."""
    return is_pattern(text) and bool(match_pattern(text))


def list_files(folder: Path) -> list[Path]:
    """All files in a folder and below, sorted by path; links to folders are followed once.

    System files are left out: Thumbs.db, and names that begin with a dot (a Mac writes ._a.jpg beside a.jpg, galleries
    write thumbnails, geoglot unfinished files). So are pipes and devices, which may never end. SourceError for a folder
    that cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise SourceError(f"the folder {error.filename} cannot be read: {error.strerror}") from error

    paths, seen = list[Path](), set[str]()
    for root, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(root)
        folders[:] = [] if real in seen else [name for name in folders if not is_system_file(name)]
        if real not in seen:
            paths += [Path(root, name) for name in files if not (is_system_file(name) or _is_endless(root, name))]
        seen.add(real)
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix())


def _is_endless(folder: str, name: str) -> bool:
    path = os.path.join(folder, name)  # noqa: PTH118 - there may be millions
    return not os.path.isfile(path) and os.path.exists(path)  # noqa: PTH110, PTH113


def is_system_file(name: str) -> bool:
    """Whether a file or folder of this name belongs to a system or a program, not to a person."""
    return name.startswith(".") or name.lower() in _SYSTEM


def split_utf8_names(files: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """Files with UTF-8 names, and a message for each other file, since neither GDAL nor Parquet can hold its name."""
    good, unused = list[Path](), list[str]()
    for file in files:
        if shown := not_utf8(file):
            unused.append(f"{shown} has a name that is not UTF-8, and is not used; rename it")
        else:
            good.append(file)
    return good, unused


def file_state(path: Path) -> str:
    """Size and modification time as text; empty if there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns}"


def shortest_ends(paths: Sequence[Sequence[str]], joint: str, fold: Callable[[str], str] = str) -> list[str]:
    """Names for paths: their last parts, joined, as few as tell a path from the others, or all if none do.

    Names are the same if `fold` makes them so, such as str.casefold.
    """
    taken = [1] * len(paths)
    while True:
        names = [joint.join(path[-count:]) for path, count in zip(paths, taken, strict=True)]
        counts = Counter(map(fold, names))
        longer = [counts[fold(name)] > 1 and taken[at] < len(paths[at]) for at, name in enumerate(names)]
        if not any(longer):
            return names
        taken = [count + more for count, more in zip(taken, longer, strict=True)]


@lru_cache(maxsize=256)
def _warn_once(sentence: str) -> None:
    """A folder may be listed several times in a run."""
    log.warning("%s", sentence)


def _images(source: PathLike) -> list[str]:
    if is_pattern(source):
        if not (found := match_pattern(source)):
            raise SourceError(
                f"nothing fits the pattern {source}; check its folder and its ending, such as .tif or .tiff"
            )
        return list(dict.fromkeys(image for path in found for image in _images(path)))
    folder = Path(source)
    if not is_local(str(source)) or not os.path.isdir(source):  # noqa: PTH112 - Path takes "" for this folder
        return [str(source)]
    files = list_files(folder)
    images = [str(path) for path in files if path.suffix.lower() in SUFFIXES]
    if not images:
        raise SourceError(f"{source} holds no images; geoglot looks for {', '.join(sorted(SUFFIXES))}")
    if unread := Counter(kind for path in files if (kind := path.suffix.lower()) in _UNREAD):
        counts = ", ".join(f"{number:,} {kind}" for kind, number in sorted(unread.items()))
        _warn_once(f"{source} also holds {counts}, which are not read; save them as GeoTIFF, or photos as JPEG")
    return images
