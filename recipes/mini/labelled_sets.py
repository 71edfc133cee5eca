"""The labelled sets by name, and the readers of those with masks, split by place."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from boxed_sets import read_cars, read_planes, read_ships, read_solar, read_ucas
from labelled_picture import SETS, UNKNOWN, Outline, Picture, last_part, make_picture, number_of, open_picture
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation, label


def read_pictures(data: Path, names: tuple[str, ...] = tuple(SETS)) -> list[Picture]:
    """All pictures of some sets in the folder `labelled` of `data`."""
    return [picture for name in names for picture in READERS[name](data / name)]


def _numbers(path: Path, size: tuple[int, int]) -> np.ndarray:
    mask = Image.open(path)
    if mask.mode == "1":
        mask = mask.convert("L")
    values = np.asarray(mask.resize(size, Image.Resampling.NEAREST))
    return values[..., 0] if values.ndim == 3 else values


def _two(mask: np.ndarray, margin: int = 0) -> np.ndarray:
    """1 in the mask, 0 outside, unknown in a margin around it, where labels are not exact."""
    on = mask > (127 if mask.max() > 1 else 0)
    truth = on.astype(np.uint8)
    if margin:
        truth[binary_dilation(on, iterations=margin) & ~on] = UNKNOWN
    return truth


def _masks(source: str, aside: Callable[[list[Path]], set[Path]]) -> Callable[[Path], Iterator[Picture]]:
    """A reader of a folder of images and one of masks that hold one class and the rest."""

    def read(folder: Path) -> Iterator[Picture]:
        paths = sorted((folder / "images").iterdir())
        kept = aside(paths)
        masks = {path.stem: path for path in (folder / "masks").iterdir()}
        for path in paths:
            image = open_picture(path)
            truth = _two(_numbers(masks[path.stem], image.size), SETS[source].get("margin", 0))
            truth[np.asarray(image).max(2) == 0] = UNKNOWN  # black margins of tiles
            yield make_picture(source, path, image, truth, None, path in kept)

    return read


def _drone(folder: Path) -> Iterator[Picture]:
    paths = sorted((folder / "images").iterdir())
    kept = last_part(paths, 0.2)
    for path in paths:
        image = open_picture(path)
        numbers = _numbers(folder / "masks" / f"{path.stem}.png", image.size)
        known = np.isin(numbers, [int(number) for number in SETS["semantic_drone"]["classes"]])
        objects = label(numbers == 17)[0]
        yield make_picture("semantic_drone", path, image, np.where(known, numbers, UNKNOWN), objects, path in kept)


def _kampala(folder: Path) -> Iterator[Picture]:
    footprints = json.loads((folder / "buildings.geojson").read_text())["features"]
    rings = [feature["geometry"]["coordinates"][0] for feature in footprints]
    for picture in _masks("kampala_buildings", _kampala_aside)(folder):
        x, y, zoom = map(int, picture.name.removeprefix("OAM-").split("-"))
        objects, outlines = Image.new("I", picture.truth.shape[::-1], 0), []
        for number, ring in enumerate(rings, 1):
            points = [
                tuple(256 * (value - origin) for value, origin in zip(_on_tiles(*point[:2], zoom), (x, y), strict=True))
                for point in ring
            ]
            ImageDraw.Draw(objects).polygon(points, fill=number)
            outlines.append(Outline(1, tuple(points)))
        ids = np.where(picture.truth == 1, np.asarray(objects), 0)
        seen = tuple(outlines[number - 1] for number in np.unique(ids[ids > 0]))
        yield replace(picture, objects=ids.astype(np.int16), outlines=seen)


def _on_tiles(lon: float, lat: float, zoom: int) -> tuple[float, float]:
    count = 2**zoom
    return (lon + 180) / 360 * count, (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * count


def _kampala_aside(paths: list[Path]) -> set[Path]:
    """The eastern columns of the second strip, and of the coarser tiles."""
    first = {21: 1238456, 20: 619227, 19: 309614}
    fields = {path: tuple(map(int, path.stem.removeprefix("OAM-").split("-"))) for path in paths}
    return {path for path, (x, _, zoom) in fields.items() if x >= first[zoom]}


def _sentinel(folder: Path) -> Iterator[Picture]:
    for path in sorted((folder / "images").glob("*.tif")):
        with rasterio.open(path) as source:
            pixels = source.read([1, 2, 3]).transpose(1, 2, 0)
        with rasterio.open(folder / "labels" / path.name) as source:
            truth = source.read(1)
        if pixels.dtype != np.uint8:
            low, high = np.percentile(pixels, [1, 99])
            pixels = (255 * np.clip((pixels - low) / (high - low), 0, 1)).astype(np.uint8)
        aside = path.stem.split("_")[1] in ("03", "08", "11")
        yield make_picture("sentinel2_korea", path, Image.fromarray(pixels), truth, None, aside)


def _pools(folder: Path) -> Iterator[Picture]:
    """Chips with a pool somewhere have no mask: number 2 says so."""
    for kind, number in (("pools", 2), ("no_pools", 0)):
        paths = sorted((folder / kind).iterdir())
        kept = last_part(paths, 0.2)
        for path in paths:
            image = open_picture(path)
            yield make_picture("pool_chips", path, image, np.full(image.size[::-1], number), None, path in kept)


def _loveda(folder: Path) -> Iterator[Picture]:
    """Tiles of 1,024 px, as they are. They lie beside the folder of the other sets, and every tile is a place."""
    for path in sorted((folder.parents[1] / folder.name / "images").iterdir()):
        image = Image.open(path).convert("RGB")
        truth = np.asarray(Image.open(path.parents[1] / "masks" / path.name))
        known = np.isin(truth, [int(number) for number in SETS["loveda"]["classes"]])
        yield make_picture("loveda", path, image, np.where(known, truth, UNKNOWN), None, False)


def _by_prefix(length: int, share: float = 0.2) -> Callable[[list[Path]], set[Path]]:
    """Keep the last places aside; a place is the beginning of a name."""

    def aside(paths: list[Path]) -> set[Path]:
        places = sorted({path.stem[:length] for path in paths})
        kept = set(places[int(len(places) * (1 - share)) :])
        return {path for path in paths if path.stem[:length] in kept}

    return aside


READERS: dict[str, Callable[[Path], Iterator[Picture]]] = {
    "semantic_drone": _drone,
    "flood_area": _masks("flood_area", lambda paths: {p for p in paths if number_of(p) in _FLOODS}),
    "roads_massachusetts": _masks("roads_massachusetts", _by_prefix(8)),
    "vegas_roads": _masks("vegas_roads", lambda paths: last_part(paths, 0.25)),
    "jp_roads": _masks("jp_roads", lambda paths: last_part(paths, 0.25)),
    "kampala_buildings": _kampala,
    "landslide_bijie": _masks("landslide_bijie", lambda paths: last_part(paths, 0.2)),
    "sentinel2_korea": _sentinel,
    "hrplanes": read_planes,
    "ucas_aod": read_ucas,
    "ship_google_earth": read_ships,
    "aerial_cars_uav": read_cars,
    "drone_solar": read_solar,
    "pool_chips": _pools,
    "loveda": _loveda,
}
#: Every run of flood pictures gives its last fifth.
_FLOODS = {*range(25, 31), *range(1071, 1088), *range(2043, 2054), *range(3013, 3017)}
