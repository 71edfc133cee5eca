"""A small made-up aerial set: seven classes with LoveDA's names that differ in texture and form.

    python recipes/aerial/draw.py OUT [--seed 0]

OUT becomes a set in the layout `folder`: train/ and val/ with images and masks, and classes.csv. In every image fields,
woods, bare soil, lakes, roads and houses lie over each other. Colours of several classes overlap (forest and grass,
roofs and soil, roads and roofs), so a single pixel does not show its class.
"""

from __future__ import annotations

import csv
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("background", "building", "road", "water", "barren", "forest", "agriculture")
COLOURS = ("#ffffff", "#ff0000", "#ffff00", "#0000ff", "#9f81b7", "#00ff00", "#ffc380")
SIDE = 128


def blur(values: np.ndarray, times: int) -> np.ndarray:
    """A soft mean over neighbours, so often."""
    for _ in range(times):
        values = sum(np.roll(values, step, axis) for axis in (0, 1) for step in (-1, 1)) / 4
    return values


def noise(rng: np.random.Generator, coarse: int) -> np.ndarray:
    """Smooth noise of mean 0 and variance 1; larger patches with larger `coarse`."""
    small = rng.normal(size=(SIDE // coarse + 2,) * 2)
    large = np.kron(small, np.ones((coarse, coarse)))[:SIDE, :SIDE]
    soft = blur(large, coarse)
    return (soft - soft.mean()) / (soft.std() + 1e-6)


def blob(rng: np.random.Generator, share: float) -> np.ndarray:
    """A region with a wavy border, which covers this share of the image."""
    field = noise(rng, 32)
    return field > np.quantile(field, 1 - share)


def rectangle(rng: np.random.Generator, least: int, most: int) -> np.ndarray:
    """A turned rectangle at a random place."""
    centre, angle = rng.uniform(0, SIDE, 2), rng.uniform(0, np.pi)
    half = rng.uniform(least, most, 2) / 2
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    turned = corners @ np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))]) + centre
    drawn = Image.new("1", (SIDE, SIDE))
    ImageDraw.Draw(drawn).polygon([tuple(point) for point in turned], fill=1)
    return np.asarray(drawn)


def stripe(rng: np.random.Generator) -> np.ndarray:
    """A straight road across the image."""
    angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.3, 0.3) * SIDE
    rows, cols = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    return np.abs(rows * np.cos(angle) + cols * np.sin(angle) - offset) < rng.uniform(4, 7)


def furrows(rng: np.random.Generator) -> np.ndarray:
    """Parallel waves, as of a ploughed field."""
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 7)
    rows, cols = np.mgrid[:SIDE, :SIDE]
    return np.sin((rows * np.cos(angle) + cols * np.sin(angle)) * 2 * np.pi / period)


def texture(name: str, rng: np.random.Generator) -> np.ndarray:
    """A whole image of one class, RGB (SIDE, SIDE, 3), 0..1."""
    fine, soft = rng.normal(size=(SIDE, SIDE)), noise(rng, 4)
    base, pattern = {
        "background": ((0.42, 0.52, 0.32), 0.03 * noise(rng, 16)),
        "building": (((0.62, 0.5, 0.42), (0.5, 0.5, 0.52))[rng.integers(2)], 0.01 * fine),
        "road": ((0.5, 0.5, 0.5), 0.03 * fine),
        "water": ((0.25, 0.36, 0.42), 0.015 * noise(rng, 16)),
        "barren": ((0.6, 0.52, 0.42), 0.07 * fine),
        "forest": ((0.33, 0.43, 0.26), 0.11 * soft),
        "agriculture": (((0.45, 0.52, 0.32), (0.58, 0.52, 0.4))[rng.integers(2)], 0.07 * furrows(rng)),
    }[name]
    cast = 1 + 0.06 * rng.normal(size=3)
    return np.clip(np.array(base) * cast + pattern[..., None], 0, 1)


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image (SIDE, SIDE, 3), 0..1, and its class ids; the rim of some images has no label (255)."""
    labels = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(rng.integers(1, 4)):
        labels[rectangle(rng, 40, 90)] = CLASSES.index("agriculture")
    for name in rng.permutation(["water", "barren", "forest"]):
        if rng.random() < 0.6:
            labels[blob(rng, rng.uniform(0.1, 0.3))] = CLASSES.index(name)
    for _ in range(rng.integers(0, 3)):
        labels[stripe(rng)] = CLASSES.index("road")
    for _ in range(rng.integers(1, 6)):
        labels[rectangle(rng, 14, 34)] = CLASSES.index("building")
    image = np.zeros((SIDE, SIDE, 3))
    for index, name in enumerate(CLASSES):
        image[labels == index] = texture(name, rng)[labels == index]
    if rng.random() < 0.1:
        labels[: rng.integers(4, 20)] = 255
    return np.clip(image + 0.01 * rng.normal(size=image.shape), 0, 1), labels


def draw_set(out: Path, seed: int, train: int = 400, val: int = 60) -> None:
    """Write the set."""
    for number, (split, count) in enumerate((("train", train), ("val", val))):
        for kind in ("images", "masks"):
            (out / split / kind).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            image, labels = draw(np.random.default_rng((seed, number, index)))
            Image.fromarray((image * 255).round().astype(np.uint8)).save(out / split / "images" / f"{index:04}.png")
            Image.fromarray(labels).save(out / split / "masks" / f"{index:04}.png")
    with (out / "classes.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "name", "colour"))
        rows.writerows(zip(range(len(CLASSES)), CLASSES, COLOURS, strict=True))


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True)
def command(out: Path, seed: int) -> None:
    """Make the set in OUT."""
    draw_set(out, seed)


if __name__ == "__main__":
    command()
