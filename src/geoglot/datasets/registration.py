"""Whether labels lie over their image: as many pixels, the same way up, and the same ground where both say theirs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Int32
from PIL import ExifTags, Image, UnidentifiedImageError

from geoglot.crs import transform
from geoglot.datasets.image_files import open_native
from geoglot.errors import GridError, SourceError
from geoglot.figures import format_number
from geoglot.geo import Grid
from geoglot.silence import ignore_library_warnings
from geoglot.sources.listing import file_state

_OFF = 0.5  # pixels: what rounding, and a pixel's centre for its corner, may make
_CAMERAS = (".jpg", ".jpeg", ".png", ".webp")
#: EXIF's orientations that make rows of columns: from how the picture is looked at to how it is stored
_BACK = {
    5: lambda seen: seen.T,
    6: lambda seen: np.rot90(seen, 1),
    7: lambda seen: seen[::-1, ::-1].T,
    8: lambda seen: np.rot90(seen, -1),
}


def grid_of(image: Path) -> Grid:
    """The grid of a file's own pixels."""
    return _grid(image, file_state(image))


@lru_cache(maxsize=4096)
def _grid(image: Path, state: str) -> Grid:
    """`state` is that of the file: another file is asked anew."""
    with open_native(image) as raster:
        return raster.native


def shown_shape(image: Path) -> tuple[int, int]:
    """Rows and columns of a picture as it is looked at, turned by its tag of orientation."""
    rows, cols = grid_of(image).shape
    return (cols, rows) if orientation_of(image) in _BACK else (rows, cols)


def fitted(ids: Int32[np.ndarray, "rows cols"], image: Path) -> Int32[np.ndarray, "rows2 cols2"]:
    """Labels on the stored pixels of their image; SourceError where they have another size.

    A camera's tag of orientation (EXIF) turns a picture when it is looked at, so labels that were drawn on it may lie
    turned to its stored pixels. The size says which it is, and turns them back; where it does not, they are refused.
    """
    shape, turn = grid_of(image).shape, orientation_of(image)
    if turn in _BACK and shape[0] != shape[1] and ids.shape == shape[::-1]:
        return np.ascontiguousarray(_BACK[turn](ids))
    if ids.shape != shape:
        raise SourceError(
            f"{image} has {shape[0]} x {shape[1]} px, its mask {ids.shape[0]} x {ids.shape[1]}; "
            "they must lie over each other"
        )
    if turn > 1 and (turn not in _BACK or shape[0] == shape[1]):
        raise SourceError(
            f"{image} is stored turned or mirrored (EXIF orientation {turn}), and its labels may be drawn on it as "
            "stored or as shown; save it upright, for instance with: magick mogrify -auto-orient"
        )
    return ids


def orientation_of(image: Path) -> int:
    """EXIF's orientation of a picture of a camera, 1 to 8; 1, upright, where it says none."""
    if image.suffix.lower() not in _CAMERAS:
        return 1
    try:
        with ignore_library_warnings(), Image.open(image) as picture:
            turn = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 1  # what is damaged is told by who reads the pixels
    return int(turn) if turn in range(1, 9) else 1


def check_ground(mask: Path, image: Path) -> None:
    """SourceError where both say where on Earth they lie and it is not the same place."""
    own, other = grid_of(image), grid_of(mask)
    if own.shape != other.shape or own.transform.is_identity or other.transform.is_identity:
        return
    rows, cols = (np.array([0, 0, side, side]) for side in own.shape)
    cols = np.roll(cols, 1)  # the four corners in turn
    east, north = other.to_map(rows, cols)
    down, right = own.to_pixel(*_moved(east, north, other, own))
    if max(np.abs(down - rows).max(), np.abs(right - cols).max()) <= _OFF + 1e-6:
        return
    if own.crs is not None and other.crs is not None and not own.crs.equals(other.crs, ignore_axis_order=True):
        raise _apart(mask, image, f"the mask is in {other.crs.name}, the image in {own.crs.name}")
    scale = abs(other.transform.determinant / own.transform.determinant) ** 0.5
    if abs(scale - 1) * max(own.shape) > _OFF:
        raise _apart(mask, image, f"a pixel of the mask is {format_number(scale)} times as large as one of the image")
    x, y = own.to_map(rows, cols)
    how = f"the mask lies {east[0] - x[0]:+.4g} east and {north[0] - y[0]:+.4g} north of it, in units of the CRS"
    raise _apart(mask, image, how)


def _moved(east: np.ndarray, north: np.ndarray, source: Grid, target: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Map coordinates of one grid in the CRS of another: programs write one CRS in many ways. Infinite where none."""
    if source.crs is None or target.crs is None or source.crs == target.crs:
        return east, north
    try:
        return transform(east, north, source.crs, target.crs)
    except GridError:
        return np.full_like(east, np.inf), np.full_like(north, np.inf)


def _apart(mask: Path, image: Path, how: str) -> SourceError:
    return SourceError(
        f"{mask} does not lie over {image} on the ground: {how}; warp the mask to the grid of the image, "
        "or take the place away from the file that has it wrong"
    )
