"""Image files of a data set as they are stored: grid, pixels, EXIF orientation, digest."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import ExifTags, Image, UnidentifiedImageError
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from geoglot.errors import ReadError, SourceError
from geoglot.geo import Grid
from geoglot.settings import load_settings
from geoglot.silence import ignore_library_warnings
from geoglot.sources.gdal import open_dataset
from geoglot.sources.listing import file_state
from geoglot.sources.photos.decoding import formats
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.truncated import check_not_truncated

_CAMERAS = (".jpg", ".jpeg", ".png", ".webp")
_STRIP = 512  # rows that are read at a time
_FREE = 2**17  # pixels per MB of GEOGLOT_READ_MB that an image may have whatever the size of its file
_GAIN = 200  # pixels per byte of a file, beyond

#: Reads one picture: RGB, float32, 0..1, (3, rows, cols)
Picture = Callable[[], Float[np.ndarray, "3 rows cols"]]
#: By EXIF orientation, for those that swap rows and columns: turns a picture as it is shown into the stored one
UNTURN: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    5: lambda shown: shown.T,
    6: lambda shown: np.rot90(shown, 1),
    7: lambda shown: shown[::-1, ::-1].T,
    8: lambda shown: np.rot90(shown, -1),
}


def open_native(path: Path, coarser: float = 1.0) -> Raster:
    """Open a raster in its own pixels, as its mask has them, or in pixels `coarser` times as large."""
    raster = open_raster(path)
    check_size(raster.native.shape, path)
    rows, cols = (max(1, round(side / coarser)) for side in raster.native.shape)
    return replace(raster, grid=raster.native if coarser == 1 else raster.native.resized((rows, cols)))


def check_size(shape: tuple[int, int], *files: Path) -> None:
    """SourceError for more pixels than the files explain: data sets are read image by image, each as a whole."""
    size = sum(path.stat().st_size for path in files)
    if shape[0] * shape[1] > max(load_settings().read_mb * _FREE, size * _GAIN):
        raise SourceError(
            f"{files[0]} declares {shape[0]:,} x {shape[1]:,} px in {size:,} bytes, and images of a data set are read "
            "whole; cut it into tiles, or raise GEOGLOT_READ_MB if you trust it"
        )


def read_picture(path: Path) -> Float[np.ndarray, "3 rows cols"]:
    """A whole image file as RGB 0..1."""
    with open_native(path) as raster:
        return raster.read(raster.grid.whole).pixels


def grid_of(image: Path) -> Grid:
    """The grid of a file's own pixels."""
    return _read_grid(image, file_state(image))


@lru_cache(maxsize=4096)
def _read_grid(image: Path, state: str) -> Grid:
    """The grid, cached by the state of the file, so that a changed file is read again."""
    with open_native(image) as raster:
        return raster.native


def shown_shape(image: Path) -> tuple[int, int]:
    """Rows and columns of a picture as viewers show it: turned by its EXIF orientation."""
    rows, cols = grid_of(image).shape
    return (cols, rows) if orientation_of(image) in UNTURN else (rows, cols)


def orientation_of(image: Path) -> int:
    """EXIF orientation of a picture, 1 to 8; 1 (upright) if the file has none."""
    if image.suffix.lower() not in _CAMERAS:
        return 1
    try:
        with ignore_library_warnings(), Image.open(image, formats=formats()) as picture:
            turn = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 1  # a damaged file is reported where its pixels are read
    return int(turn) if turn in range(1, 9) else 1


def digest_of(path: Path) -> str:
    """Digest of the stored pixels of an image file, independent of compression; SourceError if it is truncated."""
    check_not_truncated(path)
    digest = hashlib.sha256()
    with open_dataset(str(path)) as dataset:
        rows, cols = dataset.shape
        check_size(dataset.shape, path)
        digest.update(f"{dataset.count} {rows} {cols} {dataset.dtypes[0]}".encode())
        for row in range(0, rows, _STRIP):
            part = RasterioWindow(0, row, cols, min(_STRIP, rows - row))
            try:
                digest.update(dataset.read(window=part).tobytes())
            except RasterioError as error:
                raise ReadError(f"{path}, row {row} and on: {error.__cause__ or error}") from error
    return digest.hexdigest()[:32]
