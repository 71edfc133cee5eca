"""Import the files that the code released by GRAFT's authors writes (GitHub, utkarshmall13/graft-data-collection).

    pixel_offset.csv      tile, photo, x, y without a header: paths, and the offset of the photo from the tile's centre
    naipimages/0000/00000000.jpg    squares of +-0.0021 degrees around a centre, without georeference
    metadata/*.csv        per photo: id, owner, datetaken, longitude, latitude, title, ...; some have a header

x and y are degrees * 112 / 0.01 with y downwards, for every sensor. Read as pixels of NAIP, where 112 px are 0.001
degrees, they are ten times too small; read as degrees they are right, and from the photo's coordinates they lead to the
tile's centre.
"""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine

from geoglot.aliases import Progress
from geoglot.crs import LONLAT
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.geo import Grid, Window
from geoglot.outputs.atomic import folder_appears
from geoglot.pairs.collect.tiles import UtmTiles, utm_grid
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import Batch, Links
from geoglot.sources.photos.decoding import decode_rgb
from geoglot.sources.resample import Resampler

_DEGREES_PER_UNIT = 0.01 / 112
_SHARD = 1000


@dataclass(frozen=True)
class Released:
    """Where the authors' code wrote its files."""

    offsets: Path
    tiles: Path
    photos: Path
    metadata: Path
    half_width: float
    """Degrees from a tile's centre to its edges."""


@dataclass(frozen=True)
class Imported:
    """A new pair set."""

    pairs: PairSet
    left: Mapping[str, int]
    """Number of photos left out, by reason."""


@dataclass(frozen=True)
class _Photo:
    path: Path
    lon: float
    lat: float
    centre: tuple[float, float]
    """Longitude and latitude of the tile's centre according to this photo's offset."""
    user: str
    time: str
    title: str


@dataclass(frozen=True)
class _Sample:
    id: str
    pixels: np.ndarray
    grid: Grid
    places: list[tuple[_Photo, float, float]]
    """Photo, row, col."""


def import_released(
    released: Released, output: Path, side: int, resolution: float, progress: Progress | None = None
) -> Imported:
    """Make a pair set of `side` px at `resolution` m: resample the tiles, place the photos by their coordinates.

    The set appears whole or not at all.
    """
    if output.exists():
        raise OutputError(f"{output} exists already; give another name")
    left = Counter[str]()
    photos = _read_photos(released, left)
    if not photos:
        where = f"{released.metadata} and {released.photos}"
        raise InputError(f"no row of {released.offsets} has a photo that is in {where}")
    names = sorted(photos)
    with folder_appears(output) as draft:
        pairs = PairSet.create(draft, ("red", "green", "blue"), side, resolution)
        for first in range(0, len(names), _SHARD):
            part = names[first : first + _SHARD]
            samples = [_make_sample(released, name, photos[name], (side, resolution), left) for name in part]
            if kept := [sample for sample in samples if sample]:
                pairs = pairs.append(_make_batch(kept))
            if progress:
                progress("tiles", first + len(part), len(names))
    return Imported(PairSet.open(output), +left)


def _read_photos(released: Released, left: Counter[str]) -> dict[str, list[_Photo]]:
    """Photos by the name of their tile; `left` counts the reasons of those left out."""
    metadata = _read_metadata(released.metadata)
    if not released.offsets.is_file():
        raise InputError(f"there is no file {released.offsets}; it is the authors' pixel_offset.csv")
    photos: dict[str, list[_Photo]] = {}
    with released.offsets.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), 1):
            try:
                tile, photo, x, y = row[0], Path(row[1]), float(row[2]), float(row[3])
            except (IndexError, ValueError) as error:
                raise InputError(f"{released.offsets}, line {number} must be: tile, photo, x, y") from error
            facts, path = metadata.get(photo.stem), released.photos / photo
            if facts is None or not path.is_file():
                left["photo without a row of metadata" if facts is None else "photo without a file"] += 1
                continue
            lon, lat = float(facts[3]), float(facts[4])
            centre = (lon - x * _DEGREES_PER_UNIT, lat + y * _DEGREES_PER_UNIT)
            time = facts[2].replace(" ", "T")
            photos.setdefault(tile, []).append(_Photo(path, lon, lat, centre, facts[1], time, facts[5]))
    return photos


def _read_metadata(folder: Path) -> dict[str, list[str]]:
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} with the photos' tables")
    rows: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows |= {row[0]: row for row in csv.reader(file) if len(row) >= 6 and row[0].isdecimal()}
    return rows


def _make_sample(
    released: Released, name: str, photos: list[_Photo], size: tuple[int, float], left: Counter[str]
) -> _Sample | None:
    """Resample a tile to its UTM grid and place its photos; None without pixels or photos."""
    side, resolution = size
    lon, lat = np.median([photo.centre for photo in photos], axis=0).tolist()
    lattice = UtmTiles(np.array([lon]), np.array([lat]), side, resolution)
    epsg, left_px, top_px = (int(axis[0]) for axis in (lattice.epsg, *lattice.corners))
    grid = utm_grid(epsg, left_px, top_px, side, resolution)
    pixels = _read_pixels(released.tiles / name, (lon, lat), released.half_width, grid)
    if pixels is None:
        left["photo of a tile whose picture is missing or too small"] += len(photos)
        return None
    lons, lats = (np.array([getattr(photo, axis) for photo in photos]) for axis in ("lon", "lat"))
    rows, cols = (axis.tolist() for axis in lattice.place(lons, lats, np.zeros(len(photos), int)))
    every = zip(photos, rows, cols, strict=True)
    places = [place for place in every if all(0 <= axis < side for axis in place[1:])]
    left["photo outside its tile"] += len(photos) - len(places)
    return _Sample(Path(name).stem, pixels, grid, places) if places else None


def _read_pixels(path: Path, centre: tuple[float, float], half: float, grid: Grid) -> np.ndarray | None:
    if not path.is_file():
        return None
    try:
        picture = np.asarray(decode_rgb(path)).transpose(2, 0, 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be decoded ({error}); leave its rows out of the table") from error
    rows, cols = picture.shape[1:]
    degrees = Affine(2 * half / cols, 0, centre[0] - half, 0, -2 * half / rows, centre[1] + half)

    def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
        return picture[:, *window.slices].astype(np.float32), np.ones((window.height, window.width), np.bool_)

    values, valid = Resampler(Grid(LONLAT, degrees, (rows, cols)), grid).read(read, grid.whole)
    return values.round().clip(0, 255).astype(np.uint8) if valid.all() else None


def _make_batch(samples: list[_Sample]) -> Batch:
    links = [(number, *place) for number, sample in enumerate(samples) for place in sample.places]
    tile, photos, rows, cols = zip(*links, strict=True)
    names, users = [photo.path.stem for photo in photos], [photo.user for photo in photos]
    return Batch(
        pixels=np.stack([sample.pixels for sample in samples]),
        grids=[sample.grid for sample in samples],
        ids=[sample.id for sample in samples],
        links=Links(np.array(tile), names, np.array(rows), np.array(cols), users),
        images=[photo.path.read_bytes() for photo in photos],
        photo_facts={name: [getattr(photo, name) for photo in photos] for name in ("lon", "lat", "time", "title")},
    )
