"""Reads files beside an image that say where it lies: .prj, world files and .aux.xml, whatever the case of their names.

GDAL finds names in lower or upper case only, and reads no .prj. Windows does not distinguish PHOTO.JPG from photo.jpg,
so names from there have any case.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import pyproj
from affine import Affine
from pyproj.exceptions import CRSError

from geoglot.crs import names_file
from geoglot.errors import GridError
from geoglot.sources.beside import world_file_endings
from geoglot.sources.raster_guard import is_local
from geoglot.tables import read_text

_LARGEST = 2**26  # bytes
_SETTLED_NS = 2_000_000_000  # a folder that has just changed may change again within the same time stamp


@dataclass(frozen=True)
class Sidecars:
    """The sidecars of one image; None for a file that does not exist."""

    world: Path | None = None
    prj: Path | None = None
    aux: Path | None = None

    @classmethod
    def of(cls, uri: str) -> Sidecars:
        """Find the files beside an image; none if the image is not a local file."""
        if not is_local(uri) or not os.path.isfile(uri):  # noqa: PTH113 - asked several times for every picture
            return cls()
        image = Path(uri)
        if not (names := _sidecar_names(image.parent)):
            return cls()
        worlds = (_find_beside(image, f"{image.stem}.{ending}", names) for ending in world_file_endings(uri))
        prj, aux = (_find_beside(image, wanted, names) for wanted in (f"{image.stem}.prj", f"{image.name}.aux.xml"))
        return cls(next(filter(None, worlds), None), prj, aux)

    def __iter__(self) -> Iterator[Path]:
        return filter(None, (self.world, self.prj, self.aux))

    def transform(self) -> Affine | None:
        """The transform (of pixel corners) in the world file or the .aux.xml; None if neither has one."""
        if self.world and (transform := _parse_world_file(_read(self.world))):
            return transform
        numbers = _numbers(self._aux_text("GeoTransform").replace(",", " "))
        return Affine.from_gdal(*numbers) if len(numbers) == 6 else None

    def crs(self) -> pyproj.CRS | None:
        """The CRS in the .prj or the .aux.xml; GridError for text that is no CRS."""
        for path, text in ((self.prj, _read(self.prj) if self.prj else ""), (self.aux, self._aux_text("SRS"))):
            if names_file(text):
                raise GridError(f"{path} has a CRS that names a file; write the CRS as WKT into it, or remove it")
            if text.strip():
                try:
                    return pyproj.CRS.from_user_input(text.strip())
                except CRSError as error:
                    raise GridError(
                        f"{path} holds no CRS that PROJ can read; write the right one into it as WKT, or remove it"
                    ) from error
        return None

    def _aux_text(self, element: str) -> str:
        if self.aux is None:
            return ""
        try:
            return ElementTree.fromstring(_read(self.aux)).findtext(element) or ""
        except ElementTree.ParseError as error:
            raise GridError(f"{self.aux} is damaged ({error}); remove it, or write it again") from error


def _read(path: Path) -> str:
    if (size := path.stat().st_size) > _LARGEST:
        raise GridError(f"{path} has {size:,} bytes, and no sidecar of a picture is so large; remove it")
    return read_text(path).body


def _find_beside(image: Path, wanted: str, names: Mapping[str, tuple[str, ...]]) -> Path | None:
    """The file of this name in any case; of several, the one in the image's own case."""
    paths = (image.with_name(name) for name in names.get(wanted.lower(), ()))
    return min(paths, key=lambda path: (path.stem != image.stem, path.name), default=None)


def _sidecar_names(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """Names of possible sidecars in a folder, by their lower case; listed again only if the folder has changed."""
    changed = folder.stat().st_mtime_ns
    is_settled = time.time_ns() - changed > _SETTLED_NS
    return _list_sidecars(folder, changed) if is_settled else _list_sidecars.__wrapped__(folder, changed)


@lru_cache(maxsize=8)
def _list_sidecars(folder: Path, _changed: int) -> Mapping[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for path in folder.iterdir():
        name = path.name.lower()
        if name.endswith((".prj", "w", ".wld", ".aux.xml")):
            names[name] = (*names.get(name, ()), path.name)
    return names


def _parse_world_file(text: str) -> Affine | None:
    """The transform of a world file, whose six lines give the centre of the first pixel; None for other text."""
    numbers = _numbers(text.replace(",", "."))
    if len(numbers) != 6:
        return None
    a, d, b, e, c, f = numbers
    return Affine(a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)


def _numbers(text: str) -> list[float]:
    """The numbers of a text; none if it holds anything else."""
    try:
        return [float(part) for part in text.split()]
    except ValueError:
        return []
