"""AlphaEarth Foundations: yearly vectors of 64 numbers at 10 m, as COGs of int8 (Brown et al. 2025, arXiv 2507.22291).

A file has 64 bands of int8, -128 is no data, and rows may go from the south. Sources disagree about what a number
means: the publisher says sign(q) (q / 127.5)^2, others read q / 127 or q / 128. The vectors have length 1, so the
lengths decide, and a file in which no reading gives length 1 is refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int8
from rasterio.windows import Window as RasterWindow

from geoglot.errors import SourceError
from geoglot.geo import Window
from geoglot.index.exchange.pixel_products import PixelProduct
from geoglot.index.store.archive import ModelFacts
from geoglot.sources.gdal import open_dataset
from geoglot.sources.georeferencing import locate

NAME, DIM, NO_DATA = "AlphaEarth Foundations", 64, -128
_SIDE = 64  # pixels of a sample
_TOLERANCE = 0.01  # of the mean length

Quantised = Int8[np.ndarray, "dim _rows _cols"]
Decoded = Float[np.ndarray, "dim _rows _cols"]


def decode_squared(stored: Quantised) -> Decoded:
    """sign(q) (q / 127.5)^2, as the publisher says."""
    share = stored.astype(np.float32) / 127.5
    return np.asarray(np.sign(share) * share**2)


def decode_127(stored: Quantised) -> Decoded:
    """q / 127."""
    return stored.astype(np.float32) / 127


def decode_128(stored: Quantised) -> Decoded:
    """q / 128."""
    return stored.astype(np.float32) / 128


DECODES: Mapping[str, Callable[[Quantised], Decoded]] = {
    "sign(q) (q / 127.5)^2": decode_squared,
    "q / 127": decode_127,
    "q / 128": decode_128,
}


def mean_length(vectors: Decoded, known: Bool[np.ndarray, "_rows _cols"]) -> float:
    """Mean length of the known vectors; NaN if there are none."""
    chosen = vectors[:, known].astype(np.float64)
    return float(np.linalg.norm(chosen, axis=0).mean()) if chosen.size else float("nan")


def check_length(vectors: Decoded, known: Bool[np.ndarray, "_rows _cols"], how: str) -> None:
    """SourceError if the vectors do not have length 1, which means that they were decoded in another way."""
    length = mean_length(vectors, known)
    if not abs(length - 1) <= _TOLERANCE:
        raise SourceError(f"read as {how}, the vectors have a mean length of {length:.3f} and not 1, so it is wrong")


def choose_decode(
    stored: Quantised, known: Bool[np.ndarray, "_rows _cols"], source: str
) -> Callable[[Quantised], Decoded]:
    """The reading that gives vectors of length 1; SourceError if none does."""
    lengths = {how: mean_length(decode(stored), known) for how, decode in DECODES.items()}
    how, length = min(lengths.items(), key=lambda each: abs(each[1] - 1))
    if not abs(length - 1) <= _TOLERANCE:
        tried = ", ".join(f"{length:.3f} by {how}" for how, length in lengths.items())
        raise SourceError(
            f"{source} does not hold unit vectors of {NAME}: their mean length is {tried}; get the published file"
        )
    return DECODES[how]


def is_alphaearth(dataset: Any) -> bool:
    """Whether an open raster has the layout."""
    return dataset.count == DIM and set(dataset.dtypes) == {"int8"}


@contextmanager
def open_alphaearth(path: str) -> Iterator[PixelProduct]:
    """Open a COG; SourceError if it has another layout, or holds no vectors of length 1."""
    with open_dataset(path) as dataset:
        if not is_alphaearth(dataset):
            raise SourceError(f"{path} must have {DIM} bands of int8, got {dataset.count} of {dataset.dtypes[0]}")
        grid = locate(dataset, path).grid
        decode = choose_decode(*_sample(dataset), path)

        def read(window: Window) -> tuple[Decoded, Bool[np.ndarray, "_rows _cols"]]:
            stored, known = _read(dataset, window)
            return decode(stored), known

        yield PixelProduct(ModelFacts(NAME, "", DIM), path, grid, year_of(path), read)


def _read(dataset: Any, window: Window) -> tuple[Quantised, Bool[np.ndarray, "_rows _cols"]]:
    stored = dataset.read(window=RasterWindow(window.col, window.row, window.width, window.height))
    return stored, np.asarray((stored != NO_DATA).all(0))


def _sample(dataset: Any) -> tuple[Quantised, Bool[np.ndarray, "_rows _cols"]]:
    """Pixels from a lattice of places all over the raster, side by side; the first with data are enough."""
    rows, cols = dataset.height, dataset.width
    places = [(row, col) for row in (2, 1, 3, 0, 4) for col in (2, 1, 3, 0, 4)]
    parts = list[np.ndarray]()
    for row, col in places:
        height, width = min(_SIDE, rows), min(_SIDE, cols)
        window = Window((rows - height) * row // 4, (cols - width) * col // 4, height, width)
        stored, known = _read(dataset, window)
        parts.append(stored[:, known])
        if sum(part.shape[1] for part in parts) >= _SIDE**2:
            break
    pixels = np.concatenate(parts, axis=1)[:, None]
    return pixels, np.ones(pixels.shape[1:], bool)


def year_of(path: str) -> datetime | None:
    """The first moment of the year that a folder or name in a path says."""
    found = re.findall(r"(?<!\d)(20[0-4]\d)(?!\d)", path)
    return datetime(int(found[-1]), 1, 1, tzinfo=UTC) if found else None
