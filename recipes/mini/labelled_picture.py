"""A labelled picture: pixels, what each pixel is, and which pixels are one object."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter

UNKNOWN = 255
#: Numbers of green ground in the rest of a set: of any, and of ground that is as smooth as grass
GREEN, SMOOTH = 254, 253
_GREENER = 0.09  # part of the mean light by which green exceeds both red and blue
_ROUGHNESS = 0.11  # deviation of the mean light, as a part of it: most woods have more, most meadows less
_DARK = 20  # mean light that is no colour yet
_NEAR, _AROUND = 9, 17  # pixels over which colours and roughness are averaged
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
    """(rows, cols) uint8: number of a class of the set or of its rest, GREEN, SMOOTH or UNKNOWN."""
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


def number_of(path: Path) -> int:
    """The number in the name of a file."""
    return int(re.sub(r"\D", "", path.stem) or 0)


def last_part(paths: list[Path], share: float, key: Callable[[Path], Any] = number_of) -> set[Path]:
    """The last part of the pictures by their numbers: neighbours in number are often neighbours on the ground."""
    ordered = sorted(paths, key=key)
    return set(ordered[int(len(ordered) * (1 - share)) :])


def open_picture(path: Path, longest: int = LONGEST) -> Image.Image:
    """A picture, reduced if it is larger than `longest`."""
    image = Image.open(path).convert("RGB")
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return image


def make_picture(
    source: str, path: Path, image: Image.Image, truth: np.ndarray, objects: np.ndarray | None, aside: bool
) -> Picture:
    """A picture of a file, with what its pixels are."""
    none = np.zeros(truth.shape, np.int16) if objects is None else objects.astype(np.int16)
    return Picture(source, path.stem, np.asarray(image), truth.astype(np.uint8), none, aside)


def green_grows(source: str) -> bool:
    """Whether green ground in the rest of a set is vegetation."""
    return "rest" in SETS[source] and SETS[source].get("green", True)


def growth(pixels: np.ndarray) -> np.ndarray:
    """GREEN or SMOOTH where something grows on pixels (rows, cols, 3) of 0..255, else 0: (rows, cols)."""
    colours = uniform_filter(pixels.astype(np.float32), (_NEAR, _NEAR, 0))
    red, green, blue = np.moveaxis(colours, 2, 0)
    greener = np.minimum(green - red, green - blue) > _GREENER * (colours.mean(2) + _DARK)
    light = pixels.astype(np.float32).mean(2)
    middle = uniform_filter(light, _AROUND)
    spread = np.sqrt(np.maximum(uniform_filter(light * light, _AROUND) - middle * middle, 0))
    smooth = spread < _ROUGHNESS * (middle + _DARK)
    return np.where(greener, np.where(smooth, SMOOTH, GREEN), 0).astype(np.uint8)


def mark_green(picture: Picture) -> Picture:
    """The picture with the numbers GREEN and SMOOTH in the rest of its set, where green ground grows."""
    if not green_grows(picture.source):
        return picture
    grown, unnamed = growth(picture.pixels), picture.truth == SETS[picture.source]["rest"]
    return replace(picture, truth=np.where(unnamed & (grown > 0), grown, picture.truth))
