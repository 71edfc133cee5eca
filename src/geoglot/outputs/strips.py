"""A large array as files of some rows each, the strips; blocks across strips are read without holding the array.

A strip is a .npy file, or a compressed GeoTIFF for class maps.
"""

import io
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from jaxtyping import Shaped
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.windows import Window as RasterioWindow

from geoglot.errors import OutputError
from geoglot.silence import ignore_library_warnings

#: Reads a block of rows and columns from a strip; rows count from the strip's first, and may reach beyond its last.
ReadBlock = Callable[[Path, slice, slice], np.ndarray]

_ANYWHERE = Affine(2, 0, 0, 0, -2, 0)  # GDAL warns of a raster without a transform


class Strips:
    """Strips of one kind that a journal wrote, from the top; each file's name ends with its first row."""

    def __init__(self, paths: Sequence[Path], read_block: ReadBlock) -> None:
        self._paths, self._read_block = list(paths), read_block
        self._starts = [int(path.stem.rpartition("-")[2]) for path in self._paths]

    def read(self, rows: slice, cols: slice) -> Shaped[np.ndarray, "rows cols *rest"]:
        """Read a block; IndexError if no strip holds one of its rows."""
        parts, row = [], rows.start
        while row < rows.stop:
            index = bisect_right(self._starts, row) - 1
            first = row - self._starts[index]
            part = self._read_block(self._paths[index], slice(first, first + rows.stop - row), cols)
            if not len(part):
                raise IndexError(f"no strip holds row {row}")
            parts.append(part)
            row += len(part)
        return np.concatenate(parts)


def encode_array(rows: np.ndarray) -> bytes:
    """Rows (the first axis) as the bytes of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()


def read_array(path: Path, rows: slice, cols: slice) -> np.ndarray:
    """A `ReadBlock` for .npy files. The block is copied, since a mapped file would count as memory in use."""
    return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[rows, cols])


def encode_strip(pixels: np.ndarray) -> bytes:
    """Rows `(bands, rows, cols)` as a compressed GeoTIFF.

    It is encoded in memory, since GDAL may hide a failed write when it closes a file, and Python does not.
    """
    bands, rows, cols = pixels.shape
    profile = {"driver": "GTiff", "width": cols, "height": rows, "count": bands, "dtype": pixels.dtype.name}
    with MemoryFile() as memory:
        with memory.open(**profile, transform=_ANYWHERE, compress="zstd", zstd_level=1, interleave="band") as dataset:
            dataset.write(pixels)
        return bytes(memory.read())


def read_strip(path: Path) -> np.ndarray:
    """All of a GeoTIFF strip, `(bands, rows, cols)`; OutputError if it is damaged."""
    with _opened(path) as dataset:
        pixels: np.ndarray = dataset.read()
    return pixels


def read_block(path: Path, rows: slice, cols: slice) -> np.ndarray:
    """A `ReadBlock` for the first band of GeoTIFF strips; OutputError if one is damaged."""
    with _opened(path) as dataset:
        height, width = min(rows.stop, dataset.height) - rows.start, cols.stop - cols.start
        if height <= 0:
            return np.empty((0, width), dataset.dtypes[0])
        block: np.ndarray = dataset.read(1, window=RasterioWindow(cols.start, rows.start, width, height))
    return block


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    try:
        with ignore_library_warnings(), rasterio.open(path, driver="GTiff") as dataset:
            yield dataset
    except RasterioError as error:
        raise OutputError(
            f"{path.name}, which an earlier run left, is damaged; remove {path.parent} and run the same command again"
        ) from error
