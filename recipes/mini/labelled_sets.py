"""The labelled pictures: pixels, what each pixel is, and which pixels are one object; split by place."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation, label

UNKNOWN = 255
LONGEST = 640  # pixels of the longer side: larger pictures are reduced
SETS = tomllib.loads(Path(__file__).with_name("labels.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Picture:
    """A picture with labels."""

    source: str
    name: str
    pixels: np.ndarray
    """(rows, cols, 3) uint8."""
    truth: np.ndarray
    """(rows, cols) uint8: number of a class of the set, or UNKNOWN."""
    objects: np.ndarray
    """(rows, cols) int16: number of a single object, 0 for none."""
    aside: bool
    """True for a place that training must not see."""
    outlines: tuple[Outline, ...] = ()
    """Single objects as wholes, where the set has them."""


@dataclass(frozen=True)
class Outline:
    """The outline of one object, in pixels (x, y), and the number of its class."""

    kind: int
    points: tuple[tuple[float, float], ...]


def read_pictures(data: Path, names: tuple[str, ...] = tuple(SETS)) -> list[Picture]:
    """All pictures of some sets in the folder `labelled` of `data`."""
    return [picture for name in names for picture in READERS[name](data / name)]


def _number(path: Path) -> int:
    return int(re.sub(r"\D", "", path.stem) or 0)


def _last_part(paths: list[Path], share: float, key: Callable[[Path], Any] = _number) -> set[Path]:
    """The last part of the pictures by their numbers: neighbours in number are often neighbours on the ground."""
    ordered = sorted(paths, key=key)
    return set(ordered[int(len(ordered) * (1 - share)) :])


def _open(path: Path, longest: int = LONGEST) -> Image.Image:
    image = Image.open(path).convert("RGB")
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return image


def _numbers(path: Path, size: tuple[int, int]) -> np.ndarray:
    mask = Image.open(path)
    if mask.mode == "1":
        mask = mask.convert("L")
    values = np.asarray(mask.resize(size, Image.Resampling.NEAREST))
    return values[..., 0] if values.ndim == 3 else values


def _picture(
    source: str, path: Path, image: Image.Image, truth: np.ndarray, objects: np.ndarray | None, aside: bool
) -> Picture:
    none = np.zeros(truth.shape, np.int16) if objects is None else objects.astype(np.int16)
    return Picture(source, path.stem, np.asarray(image), truth.astype(np.uint8), none, aside)


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
            image = _open(path)
            truth = _two(_numbers(masks[path.stem], image.size), SETS[source].get("margin", 0))
            truth[np.asarray(image).max(2) == 0] = UNKNOWN  # black margins of tiles
            yield _picture(source, path, image, truth, None, path in kept)

    return read


def _drone(folder: Path) -> Iterator[Picture]:
    paths = sorted((folder / "images").iterdir())
    kept = _last_part(paths, 0.2)
    for path in paths:
        image = _open(path)
        numbers = _numbers(folder / "masks" / f"{path.stem}.png", image.size)
        known = np.isin(numbers, [int(number) for number in SETS["semantic_drone"]["classes"]])
        objects = label(numbers == 17)[0]
        yield _picture("semantic_drone", path, image, np.where(known, numbers, UNKNOWN), objects, path in kept)


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
        yield _picture("sentinel2_korea", path, Image.fromarray(pixels), truth, None, aside)


@dataclass(frozen=True)
class _Thing:
    """An object: its class, where it surely is, and where it may be, as polygons of pixels."""

    kind: int
    core: list[tuple[float, float]]
    around: list[tuple[float, float]]


def _boxed(source: str, path: Path, things: list[_Thing], aside: bool, scale: tuple[float, float]) -> Picture:
    """A picture of things: their cores, unknown around them, the rest elsewhere."""
    image = _open(path)
    truth, ids = Image.new("L", image.size, 0), Image.new("I", image.size, 0)
    factor = np.array(scale) * np.array(image.size)
    for part in ("around", "core"):
        for number, thing in enumerate(things, 1):
            points = [tuple(factor * point) for point in getattr(thing, part)]
            ImageDraw.Draw(truth).polygon(points, fill=UNKNOWN if part == "around" else thing.kind)
            if part == "core":
                ImageDraw.Draw(ids).polygon(points, fill=number)
    outlines = tuple(Outline(thing.kind, tuple(tuple(factor * point) for point in thing.around)) for thing in things)
    return replace(_picture(source, path, image, np.asarray(truth), np.asarray(ids), aside), outlines=outlines)


def _box(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _ellipse(x: float, y: float, width: float, height: float, share: float) -> list[tuple[float, float]]:
    turns = np.linspace(0, 2 * np.pi, 17)[:-1]
    return [(x + width * (0.5 + share / 2 * math.cos(t)), y + height * (0.5 + share / 2 * math.sin(t))) for t in turns]


def _grown(points: list[tuple[float, float]], share: float) -> list[tuple[float, float]]:
    middle = np.mean(points, axis=0)
    return [tuple(middle + share * (np.array(point) - middle)) for point in points]


def _planes(folder: Path) -> Iterator[Picture]:
    """Airports by the beginning of their names."""
    for row in json.loads((folder / "train.json").read_text()):
        boxes = [box for box in row["aircraft_bbox_xywh"] if min(box[2:]) > 3]
        things = [_Thing(1, _ellipse(*box, 0.5), _box(*box)) for box in boxes]
        aside = (
            row["file"].split("_")[0] in ("JOH", "SIN", "LAS", "AMST", "MAD", "KUA")
            or "set" in row["file"]
            or "DT1" in row["file"]
        )
        yield _boxed("hrplanes", folder / "train" / row["file"], things, aside, (1 / row["width"], 1 / row["height"]))


def _ucas(folder: Path) -> Iterator[Picture]:
    for path in sorted(folder.glob("*/images/*.jpg")):
        lines = (path.parents[1] / "labels" / f"{path.stem}.txt").read_text().splitlines()
        things = []
        for kind, *numbers in (line.split() for line in lines if line.strip()):
            corners = list(zip(map(float, numbers[::2]), map(float, numbers[1::2]), strict=True))
            things.append(_Thing(int(kind) + 1, _grown(corners, 0.55 if kind == "0" else 0.85), _grown(corners, 1.1)))
        yield _boxed("ucas_aod", path, things, path.parents[1].name == "val", (1, 1))


def _ships(folder: Path) -> Iterator[Picture]:
    for row in json.loads((folder / "ships.json").read_text()):
        path = folder / "images" / row["file"]
        things = []
        for ship in row["ships"]:
            x0, y0, x1, y1 = ship["axis"]
            along = np.array([x1 - x0, y1 - y0])
            across = np.array([-along[1], along[0]]) * 0.075
            ends = np.array([x0, y0]), np.array([x1, y1])
            core = [tuple(p) for p in (ends[0] + across, ends[1] + across, ends[1] - across, ends[0] - across)]
            things.append(_Thing(1, _grown(core, 0.9), _wider(ends, across * 2.5)))
        aside = row["split"] == "test" and _number(path) > 55
        yield _boxed("ship_google_earth", path, things, aside, (1 / row["width"], 1 / row["height"]))


def _wider(ends: tuple[np.ndarray, np.ndarray], across: np.ndarray) -> list[tuple[float, float]]:
    return [tuple(p) for p in (ends[0] + across, ends[1] + across, ends[1] - across, ends[0] - across)]


def _cars(folder: Path) -> Iterator[Picture]:
    """Flights by the beginning of their names."""
    for path in sorted(folder.glob("*/images/*.jpg")):
        lines = (path.parents[1] / "labels" / f"{path.stem}.txt").read_text().splitlines()
        things = []
        for kind, *numbers in (line.split() for line in lines if line.strip()):
            x, y, width, height = map(float, numbers)
            corner = (x - width / 2, y - height / 2, width, height)
            things.append(_Thing(1 if kind == "0" else 2, _ellipse(*corner, 0.75), _box(*corner)))
        aside = path.name.startswith(("harlem", "DJI_0762", "DJI_000", "DJI_001", "DJI_0267"))
        yield _boxed("aerial_cars_uav", path, things, aside, (1, 1))


def _solar(folder: Path) -> Iterator[Picture]:
    paths = sorted(folder.glob("*/images/*.jpg"))
    kept = _last_part(paths, 0.25, lambda path: int(path.name.split("-")[1].split("_")[0]))
    for path in paths:
        lines = (path.parents[1] / "labels" / f"{path.stem}.txt").read_text().splitlines()
        things = []
        for _, *numbers in (line.split() for line in lines if line.strip()):
            corners = list(zip(map(float, numbers[::2]), map(float, numbers[1::2]), strict=True))
            things.append(_Thing(1, corners, _grown(corners, 1.05)))
        yield _boxed("drone_solar", path, things, path in kept, (1, 1))


def _pools(folder: Path) -> Iterator[Picture]:
    """Chips with a pool somewhere have no mask: number 2 says so."""
    for kind, number in (("pools", 2), ("no_pools", 0)):
        paths = sorted((folder / kind).iterdir())
        kept = _last_part(paths, 0.2)
        for path in paths:
            image = _open(path)
            yield _picture("pool_chips", path, image, np.full(image.size[::-1], number), None, path in kept)


def _loveda(folder: Path) -> Iterator[Picture]:
    """Tiles of 1,024 px, as they are. They lie beside the folder of the other sets, and every tile is a place."""
    for path in sorted((folder.parents[1] / folder.name / "images").iterdir()):
        image = Image.open(path).convert("RGB")
        truth = np.asarray(Image.open(path.parents[1] / "masks" / path.name))
        known = np.isin(truth, [int(number) for number in SETS["loveda"]["classes"]])
        yield _picture("loveda", path, image, np.where(known, truth, UNKNOWN), None, False)


def _by_prefix(length: int, share: float = 0.2) -> Callable[[list[Path]], set[Path]]:
    """Keep the last places aside; a place is the beginning of a name."""

    def aside(paths: list[Path]) -> set[Path]:
        places = sorted({path.stem[:length] for path in paths})
        kept = set(places[int(len(places) * (1 - share)) :])
        return {path for path in paths if path.stem[:length] in kept}

    return aside


READERS: dict[str, Callable[[Path], Iterator[Picture]]] = {
    "semantic_drone": _drone,
    "flood_area": _masks("flood_area", lambda paths: {p for p in paths if _number(p) in _FLOODS}),
    "roads_massachusetts": _masks("roads_massachusetts", _by_prefix(8)),
    "vegas_roads": _masks("vegas_roads", lambda paths: _last_part(paths, 0.25)),
    "jp_roads": _masks("jp_roads", lambda paths: _last_part(paths, 0.25)),
    "kampala_buildings": _kampala,
    "landslide_bijie": _masks("landslide_bijie", lambda paths: _last_part(paths, 0.2)),
    "sentinel2_korea": _sentinel,
    "hrplanes": _planes,
    "ucas_aod": _ucas,
    "ship_google_earth": _ships,
    "aerial_cars_uav": _cars,
    "drone_solar": _solar,
    "pool_chips": _pools,
    "loveda": _loveda,
}
#: Every run of flood pictures gives its last fifth.
_FLOODS = {*range(25, 31), *range(1071, 1088), *range(2043, 2054), *range(3013, 3017)}
