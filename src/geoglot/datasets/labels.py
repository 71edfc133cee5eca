"""Labels of one image, registered to it: the same size, orientation and place on the ground."""

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
"""The ignore index."""
_TOLERANCE = 0.5  # pixels, for rounding, and for programs that take a pixel's centre for its corner


@dataclass(frozen=True)
class LabelMap:
    """The class of each pixel of an image."""

    ids: Ids
    """Index of the class; NONE where a pixel does not count."""
    remarks: Counter[str] = field(default_factory=Counter)
    """How often something surprising was met: {"lines and points passed over": 3}."""


@dataclass(frozen=True)
class Labels(ABC):
    """Reads the labels of one image."""

    image: Path
    path: Path | None
    """The label file; None if the image has none because it shows no objects."""

    def __call__(self) -> Ids:
        """The class of each pixel, as `read`."""
        return self.read().ids

    def read(self) -> LabelMap:
        """The labels on the stored pixels of the image; SourceError if they are damaged or do not fit it."""
        labels = self.read_stored()
        return LabelMap(register(labels.ids, self.image), labels.remarks)

    @abstractmethod
    def read_stored(self) -> LabelMap:
        """The labels as their file has them, which may be turned."""


def register(ids: Ids, image: Path) -> Int32[np.ndarray, "rows2 cols2"]:
    """Turn labels to the stored pixels of their image; SourceError if they have another size.

    Viewers turn a picture by its EXIF orientation, so labels drawn in a viewer may be turned against the stored pixels.
    They are turned back if their size shows it, and refused if their size leaves it open.
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
    """SourceError if both files are georeferenced and lie in different places."""
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
    return f"the mask lies {east:+.4g} east and {north:+.4g} north of the image, in units of the CRS"


def _move(east: np.ndarray, north: np.ndarray, source: Grid, target: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Map coordinates in the CRS of another grid; infinite outside its area of use."""
    if source.crs is None or target.crs is None or source.crs == target.crs:
        return east, north
    try:
        return transform(east, north, source.crs, target.crs)
    except GridError:
        return np.full_like(east, np.inf), np.full_like(north, np.inf)
