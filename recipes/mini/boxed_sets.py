"""The labelled sets of single objects: boxes, outlines and axes, split by place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from labelled_picture import UNKNOWN, Outline, Picture, last_part, make_picture, number_of, open_picture
from PIL import Image, ImageDraw


@dataclass(frozen=True)
class _Thing:
    """An object: its class, where it surely is, and where it may be, as polygons of pixels."""

    kind: int
    core: list[tuple[float, float]]
    around: list[tuple[float, float]]


def _boxed(source: str, path: Path, things: list[_Thing], aside: bool, scale: tuple[float, float]) -> Picture:
    """A picture of things: their cores, unknown around them, the rest elsewhere."""
    image = open_picture(path)
    truth, ids = Image.new("L", image.size, 0), Image.new("I", image.size, 0)
    factor = np.array(scale) * np.array(image.size)
    for part in ("around", "core"):
        for number, thing in enumerate(things, 1):
            points = [tuple(factor * point) for point in getattr(thing, part)]
            ImageDraw.Draw(truth).polygon(points, fill=UNKNOWN if part == "around" else thing.kind)
            if part == "core":
                ImageDraw.Draw(ids).polygon(points, fill=number)
    outlines = tuple(Outline(thing.kind, tuple(tuple(factor * point) for point in thing.around)) for thing in things)
    return replace(make_picture(source, path, image, np.asarray(truth), np.asarray(ids), aside), outlines=outlines)


def _box(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _ellipse(x: float, y: float, width: float, height: float, share: float) -> list[tuple[float, float]]:
    turns = np.linspace(0, 2 * np.pi, 17)[:-1]
    return [(x + width * (0.5 + share / 2 * math.cos(t)), y + height * (0.5 + share / 2 * math.sin(t))) for t in turns]


def _grown(points: list[tuple[float, float]], share: float) -> list[tuple[float, float]]:
    middle = np.mean(points, axis=0)
    return [tuple(middle + share * (np.array(point) - middle)) for point in points]


def _read_labels(path: Path) -> Iterator[tuple[str, list[float]]]:
    """The kind and the numbers of each thing in the label file of a picture."""
    for line in (path.parents[1] / "labels" / f"{path.stem}.txt").read_text().splitlines():
        if line.strip():
            kind, *numbers = line.split()
            yield kind, list(map(float, numbers))


def read_planes(folder: Path) -> Iterator[Picture]:
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


def read_ucas(folder: Path) -> Iterator[Picture]:
    """Planes and cars by their corners."""
    for path in sorted(folder.glob("*/images/*.jpg")):
        things = []
        for kind, numbers in _read_labels(path):
            corners = list(zip(numbers[::2], numbers[1::2], strict=True))
            things.append(_Thing(int(kind) + 1, _grown(corners, 0.55 if kind == "0" else 0.85), _grown(corners, 1.1)))
        yield _boxed("ucas_aod", path, things, path.parents[1].name == "val", (1, 1))


def read_ships(folder: Path) -> Iterator[Picture]:
    """Ships by their axes."""
    for row in json.loads((folder / "ships.json").read_text()):
        path = folder / "images" / row["file"]
        things = []
        for ship in row["ships"]:
            x0, y0, x1, y1 = ship["axis"]
            along = np.array([x1 - x0, y1 - y0])
            across = np.array([-along[1], along[0]]) * 0.075
            ends = np.array([x0, y0]), np.array([x1, y1])
            things.append(_Thing(1, _grown(_wider(ends, across), 0.9), _wider(ends, across * 2.5)))
        aside = row["split"] == "test" and number_of(path) > 55
        yield _boxed("ship_google_earth", path, things, aside, (1 / row["width"], 1 / row["height"]))


def _wider(ends: tuple[np.ndarray, np.ndarray], across: np.ndarray) -> list[tuple[float, float]]:
    return [tuple(p) for p in (ends[0] + across, ends[1] + across, ends[1] - across, ends[0] - across)]


def read_cars(folder: Path) -> Iterator[Picture]:
    """Flights by the beginning of their names."""
    for path in sorted(folder.glob("*/images/*.jpg")):
        things = []
        for kind, (x, y, width, height) in _read_labels(path):
            corner = (x - width / 2, y - height / 2, width, height)
            things.append(_Thing(1 if kind == "0" else 2, _ellipse(*corner, 0.75), _box(*corner)))
        aside = path.name.startswith(("harlem", "DJI_0762", "DJI_000", "DJI_001", "DJI_0267"))
        yield _boxed("aerial_cars_uav", path, things, aside, (1, 1))


def read_solar(folder: Path) -> Iterator[Picture]:
    """Panels by their outlines, in the order of a flight."""
    paths = sorted(folder.glob("*/images/*.jpg"))
    kept = last_part(paths, 0.25, lambda path: int(path.name.split("-")[1].split("_")[0]))
    for path in paths:
        things = []
        for _, numbers in _read_labels(path):
            corners = list(zip(numbers[::2], numbers[1::2], strict=True))
            things.append(_Thing(1, corners, _grown(corners, 1.05)))
        yield _boxed("drone_solar", path, things, path in kept, (1, 1))
