"""What the code released by GRAFT's authors writes (github utkarshmall13/graft-data-collection), as a pair set.

    pixel_offset.csv      tile, photo, x, y without a head: paths, and where in the tile the photo lies
    naipimages/0000/00000000.jpg    squares of +-0.0021 degrees around a centre, without any place of their own
    metadata/*.csv        of each photo: id, owner, datetaken, longitude, latitude, title, ...; some begin with a head

x and y are 112 * degrees / 0.01 with y downwards, whatever the sensor. For NAIP, whose 112 px are 0.001 degrees, that
is ten times too little as pixels; as degrees it is right, and with the photo's coordinates it gives the tile's centre.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
from affine import Affine
from PIL import Image

from geoglot.aliases import Progress
from geoglot.errors import InputError, OutputError
from geoglot.geo import Grid, Window
from geoglot.pairs.collect.centres import Lattice
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import Batch, Links
from geoglot.sources.resample import Resampler

_DEGREES_A_UNIT = 0.01 / 112
_SHARD = 1000
_LONLAT = pyproj.CRS("OGC:CRS84")


@dataclass(frozen=True)
class Released:
    """Where the files lie."""

    offsets: Path
    tiles: Path
    photos: Path
    metadata: Path
    half_width: float
    """Degrees from a tile's centre to its edges."""


@dataclass(frozen=True)
class Imported:
    """What came of it."""

    pairs: PairSet
    left: Mapping[str, int]
    """Rows that were left out, by why."""


@dataclass(frozen=True)
class _Row:
    photo: str
    path: Path
    lon: float
    lat: float
    user: str
    facts: Mapping[str, str]


def import_released(
    released: Released, output: Path, side: int, resolution: float, progress: Progress | None = None
) -> Imported:
    """Make a pair set of `side` px at `resolution` m; tiles are resampled, photos placed by their coordinates."""
    if output.exists():
        raise OutputError(f"{output} exists already; give another name")
    known, left = _metadata(released.metadata), dict[str, int]()
    rows = _rows(released, known, left)
    if not rows:
        raise InputError(
            f"no row of {released.offsets} has a photo that is in {released.metadata} and {released.photos}"
        )
    pairs, names = PairSet.create(output, ("red", "green", "blue"), side, resolution), sorted(rows)
    for first in range(0, len(names), _SHARD):
        made = [_sample(released, name, rows[name], side, resolution, left) for name in names[first : first + _SHARD]]
        if samples := [one for one in made if one]:
            pairs = pairs.append(_batch(samples))
        if progress:
            progress("tiles", min(first + _SHARD, len(names)), len(names))
    return Imported(pairs, left)


def _metadata(folder: Path) -> dict[str, list[str]]:
    """Rows of all tables by the id of the photo."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} of the photos' tables")
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            found |= {row[0]: row for row in csv.reader(file) if len(row) >= 6 and row[0].isdecimal()}
    return found


def _rows(
    released: Released, known: Mapping[str, list[str]], left: dict[str, int]
) -> dict[str, list[tuple[_Row, float, float]]]:
    """By tile: photos, and the tile's centre as each tells it."""
    if not released.offsets.is_file():
        raise InputError(f"there is no file {released.offsets}; it is the authors' pixel_offset.csv")
    found: dict[str, list[tuple[_Row, float, float]]] = {}
    with released.offsets.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), 1):
            try:
                tile, photo, x, y = row[0], Path(row[1]), float(row[2]), float(row[3])
            except (IndexError, ValueError) as error:
                raise InputError(f"{released.offsets}, line {number} is not: tile, photo, x, y") from error
            facts = known.get(photo.stem)
            path = released.photos / photo
            if facts is None or not path.is_file():
                _count(left, "photo without a row of metadata" if facts is None else "photo without a file")
                continue
            lon, lat = float(facts[3]), float(facts[4])
            told = {"time": facts[2].replace(" ", "T"), "title": facts[5]}
            one = _Row(photo.stem, path, lon, lat, facts[1], told)
            found.setdefault(tile, []).append((one, lon - x * _DEGREES_A_UNIT, lat + y * _DEGREES_A_UNIT))
    return found


def _sample(
    released: Released,
    name: str,
    rows: list[tuple[_Row, float, float]],
    side: int,
    resolution: float,
    left: dict[str, int],
) -> tuple[str, np.ndarray, Grid, list[tuple[_Row, float, float]]] | None:
    """A tile on its metric grid and the photos that lie in it; None where there is nothing."""
    lon, lat = (float(np.median([row[axis] for row in rows])) for axis in (1, 2))
    lattice = Lattice(np.array([lon]), np.array([lat]), side, resolution)
    (x,), (y,) = lattice.corners
    crs = pyproj.CRS.from_epsg(int(lattice.epsg[0]))
    grid = Grid(crs, Affine(resolution, 0.0, x * resolution, 0.0, -resolution, y * resolution), (side, side))
    pixels = _pixels(released.tiles / name, (lon, lat), released.half_width, grid)
    if pixels is None:
        _count(left, "photo of a tile without a picture, or that is smaller than asked", len(rows))
        return None
    places = lattice.place(
        np.array([row[0].lon for row in rows]), np.array([row[0].lat for row in rows]), np.zeros(len(rows), int)
    )
    inside = [
        (row[0], float(r), float(c)) for row, r, c in zip(rows, *places, strict=True) if 0 <= r < side and 0 <= c < side
    ]
    _count(left, "photo outside its tile", len(rows) - len(inside))
    return (Path(name).stem, pixels, grid, inside) if inside else None


def _pixels(path: Path, centre: tuple[float, float], half: float, grid: Grid) -> np.ndarray | None:
    if not path.is_file():
        return None
    picture = np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1)
    rows, cols = picture.shape[1:]
    step = Affine(2 * half / cols, 0, centre[0] - half, 0, -2 * half / rows, centre[1] + half)
    source = Grid(_LONLAT, step, (rows, cols))

    def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
        return picture[:, *window.slices].astype(np.float32), np.ones((window.height, window.width), np.bool_)

    values, valid = Resampler(source, grid).read(read, grid.whole)
    return values.round().clip(0, 255).astype(np.uint8) if valid.all() else None


def _batch(samples: list[tuple[str, np.ndarray, Grid, list[tuple[_Row, float, float]]]]) -> Batch:
    links = [(number, *link) for number, sample in enumerate(samples) for link in sample[3]]
    tile, photos, rows, cols = zip(*links, strict=True)
    return Batch(
        np.stack([sample[1] for sample in samples]),
        [sample[2] for sample in samples],
        [sample[0] for sample in samples],
        Links(
            np.array(tile), [one.photo for one in photos], np.array(rows), np.array(cols), [one.user for one in photos]
        ),
        list(_images(photos)),
        photo_facts={
            "lon": [one.lon for one in photos],
            "lat": [one.lat for one in photos],
            **{name: [one.facts[name] for one in photos] for name in ("time", "title")},
        },
    )


def _images(photos: tuple[_Row, ...]) -> Iterator[bytes]:
    return (one.path.read_bytes() for one in photos)


def _count(left: dict[str, int], why: str, number: int = 1) -> None:
    if number:
        left[why] = left.get(why, 0) + number
