"""Files beside an image that say where it lies: .prj, world files, .aux.xml, whatever the case of their names.

GDAL looks for its own in small letters and in capitals, and for no .prj. Windows does not tell PHOTO.JPG from
photo.jpg, so what comes from there is named in any way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import pyproj
from affine import Affine
from pyproj.exceptions import CRSError

from geoglot.errors import GridError
from geoglot.sources.raster_guard import is_local
from geoglot.tables import read_text

_LARGEST = 2**26  # bytes
_SETTLED_NS = 2_000_000_000  # a folder that changed later than this may change again and keep its time


@dataclass(frozen=True)
class Sidecars:
    """The files that belong to one image; None where there is none."""

    world: Path | None = None
    prj: Path | None = None
    aux: Path | None = None

    @classmethod
    def of(cls, uri: str) -> Sidecars:
        """What lies beside an image; nothing beside one that is no file of this machine."""
        image = Path(uri)
        if not is_local(uri) or not image.is_file():
            return cls()
        suffix = image.suffix[1:]
        short = f"{suffix[:1]}{suffix[-1:]}w"
        worlds = [f"{image.stem}.{ending}" for ending in (short, f"{suffix}w", "wld")]
        world = next((path for name in worlds if (path := _beside(image, name))), None)
        return cls(world, _beside(image, f"{image.stem}.prj"), _beside(image, f"{image.name}.aux.xml"))

    def __iter__(self) -> Iterator[Path]:
        return iter(path for path in (self.world, self.prj, self.aux) if path)

    def transform(self) -> Affine | None:
        """Pixel corner to map, by the world file or the .aux.xml; None where neither says it."""
        if self.world and (found := _world(_text(self.world))):
            return found
        given = _numbers(self._of_aux("GeoTransform").replace(",", " "))
        return Affine.from_gdal(*given) if len(given) == 6 else None

    def crs(self) -> pyproj.CRS | None:
        """By the .prj or the .aux.xml; GridError for text that is no CRS."""
        for path, text in ((self.prj, _text(self.prj) if self.prj else ""), (self.aux, self._of_aux("SRS"))):
            if text.strip():
                try:
                    return pyproj.CRS.from_user_input(text.strip())
                except CRSError as error:
                    raise GridError(
                        f"{path} holds no CRS that PROJ can read; write the right one into it as WKT, or take it away"
                    ) from error
        return None

    def _of_aux(self, name: str) -> str:
        """The text of one element of the .aux.xml."""
        if self.aux is None:
            return ""
        try:
            return ElementTree.fromstring(_text(self.aux)).findtext(name) or ""
        except ElementTree.ParseError as error:
            raise GridError(f"{self.aux} is damaged ({error}); take it away, or write it anew") from error


def _text(path: Path) -> str:
    if (size := path.stat().st_size) > _LARGEST:
        raise GridError(f"{path} has {size:,} bytes, and no file that places a picture is so large; take it away")
    return read_text(path).body


def _beside(image: Path, wanted: str) -> Path | None:
    """The file of this name in any case; the one in the image's own case first."""
    found = _listing(image.parent).get(wanted.lower(), ())
    stem = image.stem
    return min((image.with_name(name) for name in found), key=lambda path: (path.stem != stem, path.name), default=None)


def _listing(folder: Path) -> dict[str, tuple[str, ...]]:
    """What may be a sidecar in a folder, by its name in small letters; listed once while the folder stays the same."""
    changed = folder.stat().st_mtime_ns
    settled = time.time_ns() - changed > _SETTLED_NS
    return _listed(folder, changed) if settled else _listed.__wrapped__(folder, changed)


@lru_cache(maxsize=8)
def _listed(folder: Path, _changed: int) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for path in folder.iterdir():
        name = path.name.lower()
        if name.endswith((".prj", "w", ".wld", ".aux.xml")):
            found[name] = (*found.get(name, ()), path.name)
    return found


def _world(text: str) -> Affine | None:
    """The six lines of a world file, which give the centre of the first pixel; None for other text."""
    numbers = _numbers(text.replace(",", "."))
    if len(numbers) != 6:
        return None
    a, d, b, e, c, f = numbers
    return Affine(a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)


def _numbers(text: str) -> list[float]:
    """The numbers of a text; none where it holds anything else."""
    try:
        return [float(part) for part in text.split()]
    except ValueError:
        return []
