"""Labels of one image, registered to it: as many pixels, the same way up, and the same place on the ground."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from geoglot.crs import transform
from geoglot.datasets.image_files import UNTURN, grid_of, orientation_of
from geoglot.errors import GridError, SourceError
from geoglot.figures import format_number
from geoglot.geo import Grid

Ids = Int32[np.ndarray, "rows cols"]
NONE = -1
"""The ignore index: the class of a pixel that does not count."""
_TOLERANCE = 0.5  # pixels: rounding, or a pixel's centre taken for its corner


@dataclass(frozen=True)
class LabelMap:
    """The labels of one image, read."""

    ids: Ids
    """Index of each pixel's class; NONE where it does not count."""
    remarks: Counter[str] = field(default_factory=Counter)
    """What may surprise, with its number: {"lines and points passed over": 3}."""


@dataclass(frozen=True)
class Labels(ABC):
    """Reads the labels of one image. A call gives the class of each pixel."""

    image: Path
    path: Path | None
    """The file of the labels; None if its absence means that the image shows no objects."""

    def __call__(self) -> Ids:
        """The class of each pixel; SourceError if the labels cannot be read."""
        return self.read().ids

    def read(self) -> LabelMap:
        """The labels on the stored pixels of the image; SourceError if they do not fit it."""
        labels = self.read_stored()
        return LabelMap(register(labels.ids, self.image), labels.remarks)

    @abstractmethod
    def read_stored(self) -> LabelMap:
        """The labels as their file has them."""


def register(ids: Ids, image: Path) -> Int32[np.ndarray, "rows2 cols2"]:
    """Turn labels to the stored pixels of their image; SourceError if they have another size.

    Viewers turn a picture by its EXIF orientation, so labels that were drawn on it may lie turned to its stored pixels.
    If the size tells which, they are turned back; if it does not, they are refused.
    """
    shape, turn = grid_of(image).shape, orientation_of(image)
    if turn in UNTURN and shape[0] != shape[1] and ids.shape == shape[::-1]:
        return np.ascontiguousarray(UNTURN[turn](ids))
    if ids.shape != shape:
        raise SourceError(
            f"{image} has {shape[0]} x {shape[1]} px, its mask {ids.shape[0]} x {ids.shape[1]}; "
            "both must have the same size"
        )
    if turn > 1 and (turn not in UNTURN or shape[0] == shape[1]):
        raise SourceError(
            f"{image} is stored turned or mirrored (EXIF orientation {turn}), and its labels may be drawn on it as "
            "stored or as shown; save it upright, for instance with: magick mogrify -auto-orient"
        )
    return ids


def check_ground(mask: Path, image: Path) -> None:
    """SourceError if both files have a place on Earth and the places differ."""
    own, other = grid_of(image), grid_of(mask)
    if own.shape != other.shape or own.transform.is_identity or other.transform.is_identity:
        return
    rows, cols = (np.array([0, 0, side, side]) for side in own.shape)
    cols = np.roll(cols, 1)  # the four corners in turn
    east, north = other.to_map(rows, cols)
    down, right = own.to_pixel(*_move(east, north, other, own))
    if max(np.abs(down - rows).max(), np.abs(right - cols).max()) > _TOLERANCE + 1e-6:
        raise SourceError(
            f"{mask} does not lie over {image} on the ground: {_describe_shift(own, other)}; warp the mask to the grid "
            "of the image, or remove the place from the file that has it wrong"
        )


def _describe_shift(own: Grid, other: Grid) -> str:
    if own.crs is not None and other.crs is not None and not own.crs.equals(other.crs, ignore_axis_order=True):
        return f"the mask is in {other.crs.name}, the image in {own.crs.name}"
    scale = abs(other.transform.determinant / own.transform.determinant) ** 0.5
    if abs(scale - 1) * max(own.shape) > _TOLERANCE:
        return f"a pixel of the mask is {format_number(scale)} times as large as one of the image"
    east, north = other.transform.c - own.transform.c, other.transform.f - own.transform.f
    return f"the mask lies {east:+.4g} east and {north:+.4g} north of it, in units of the CRS"


def _move(east: np.ndarray, north: np.ndarray, source: Grid, target: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Map coordinates in the CRS of another grid, which may be the same in other words; infinite outside of it."""
    if source.crs is None or target.crs is None or source.crs == target.crs:
        return east, north
    try:
        return transform(east, north, source.crs, target.crs)
    except GridError:
        return np.full_like(east, np.inf), np.full_like(north, np.inf)
