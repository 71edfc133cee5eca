"""Two plain ways to find changes, which `geoglot change` must beat: two maps compared, and embeddings compared.

Both see the later date resampled onto the grid of the first, by the place that its file states.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.warp import Resampling, reproject

from geoglot.evaluation.segmentation import class_map
from geoglot.models.base import VisionLanguageModel
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import WordDense
from geoglot.scene.stream import see
from geoglot.scene.word_scores import WordScores
from geoglot.sources.raster import open_raster

BATCH = 8


@dataclass(frozen=True)
class Found:
    """What a way says of two dates, at the pixels of the first."""

    before: NDArray[np.integer]
    """Classes from 0."""
    after: NDArray[np.integer]
    changed: NDArray[np.bool_]
    known: NDArray[np.bool_]
    """Where both dates have data."""
    moved: NDArray[np.float64] | None = None
    """By how much the later date was moved against the first, metres east and north, if the way estimates it."""


@dataclass(frozen=True)
class Seen:
    """One date on the grid of the first."""

    classes: NDArray[np.integer]
    """From 0, and -1 where there is no data."""
    vectors: NDArray[np.float32]
    """Unit embeddings of patches (dim, rows, cols)."""
    patch: int


def warp_onto(path: Path, first: Path, out: Path) -> Path:
    """Resample a raster onto the grid of another."""
    with rasterio.open(path) as file, rasterio.open(first) as target:
        pixels = np.zeros((file.count, *target.shape), file.dtypes[0])
        reproject(
            rasterio.band(file, file.indexes), pixels, dst_transform=target.transform, dst_crs=target.crs,
            dst_nodata=0, init_dest_nodata=True, resampling=Resampling.bilinear,
        )  # fmt: skip
        profile = {**target.profile, "count": file.count, "dtype": file.dtypes[0], "nodata": 0}
    with rasterio.open(out, "w", **profile) as file:
        file.write(pixels)
    return out


def look(path: Path, model: VisionLanguageModel, names: tuple[str, ...]) -> Seen:
    """Map a raster by words that compete, and embed its patches."""
    dense = WordDense(model)
    with open_raster(path) as raster:
        classes = class_map(raster, WordScores(model, tuple(ClassWords(name, (name,)) for name in names)), names, BATCH)
        plan = dense.windows(raster.grid.shape).on(raster.grid)
        vectors = np.concatenate([row.values for row in see(raster, dense, plan, batch=BATCH)], 1)
    return Seen(np.where(classes > len(names), -1, classes.astype(np.int64) - 1), vectors, plan.patch)


def compare_maps(before: Seen, after: Seen) -> Found:
    """Change is where two maps differ."""
    known = (before.classes >= 0) & (after.classes >= 0)
    return Found(before.classes, after.classes, known & (before.classes != after.classes), known)


def distances(before: Seen, after: Seen) -> NDArray[np.float32]:
    """1 - cosine of the embeddings of both dates, at every pixel, as AnyChange compares (Zheng et al., 2024)."""
    cosines = (before.vectors * after.vectors).sum(0)
    rows, cols = before.classes.shape
    wide = (1 - cosines).repeat(before.patch, 0).repeat(before.patch, 1)
    return np.nan_to_num(wide[:rows, :cols])


def compare_vectors(before: Seen, after: Seen, threshold: float) -> Found:
    """Change is where embeddings differ; its kind is that of the maps."""
    maps = compare_maps(before, after)
    return Found(maps.before, maps.after, maps.known & (distances(before, after) > threshold), maps.known)


def best_threshold(distance: NDArray[np.float32], changed: NDArray[np.bool_]) -> float:
    """The threshold with the highest F1 of changed pixels."""
    steps = np.quantile(distance, np.linspace(0.5, 0.999, 200))
    hits = np.array([(changed & (distance > step)).sum() for step in steps])
    called = np.array([(distance > step).sum() for step in steps])
    return float(steps[(2 * hits / (called + changed.sum())).argmax()])
