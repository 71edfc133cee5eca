"""Maps of likeness: how much every place of a scene looks like one place of it, to a model, without any word."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
from jaxtyping import Float

from geoglot.aliases import PathLike, Progress
from geoglot.crs import transform
from geoglot.errors import GridError, InputError
from geoglot.geo import Grid, Window
from geoglot.options import FindOptions, ReadOptions
from geoglot.scene.dense import ModelLike, dense_of
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.patches_around import patches_around
from geoglot.scene.read import open_scene
from geoglot.scene.score_field import ScoreField
from geoglot.sources.raster import Raster
from geoglot.tasks.find.heat_files import HeatFiles, HeatResult


def map_likeness(
    source: PathLike | EncodedScene,
    place: str,
    output: PathLike,
    *,
    model: ModelLike = "mini",
    read: ReadOptions = ReadOptions(),
    options: FindOptions = FindOptions(),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> HeatResult:
    """Write how much every place of a raster looks like one of its places: a COG with one band, and a picture.

    `place` is "LON,LAT" in degrees, or "COLUMN,ROW" in pixels in a scene without a CRS. A score is the cosine of the
    vectors of two patches after the scene's mean vector is subtracted, and 0 where that is negative: 1 is the same, 0
    as alike as any ground of the scene. Otherwise as `map_heat`; of `options`, area, vectors and overlay count. Raises
    InputError for a place outside the scene or without data, and for a model that has classes in place of vectors.
    """
    files = HeatFiles(source, Path(output), read, options, overwrite)
    with ExitStack() as stack:
        dense = source.dense if isinstance(source, EncodedScene) else dense_of(model)
        if dense.labels:
            raise InputError(f"{dense.card.name} has classes in place of vectors; compare places by a model of words")
        given = source.raster if isinstance(source, EncodedScene) else source
        raster = stack.enter_context(open_scene(given, read, dense.card.resolution))
        pixel = find_pixel(raster, place)
        asked = {"place": place}
        scene = stack.enter_context(files.encode(raster, dense, asked, progress))
        question = ask_likeness(scene, pixel, place)
        return files.write(scene, {question.names[0]: ScoreField(scene, question, 0)}, ())


@dataclass(frozen=True)
class LikenessQuestion:
    """How alike patches are to one of them."""

    names: tuple[str]
    mean: Float[np.ndarray, " dim"]
    direction: Float[np.ndarray, " dim"]
    """The unit vector from the mean to the patch."""
    notes: tuple[str, ...] = ()
    knows_absence: bool = False

    def scores(self, seen: Float[np.ndarray, "dim rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        apart = seen - self.mean[:, None, None]
        along = np.tensordot(self.direction, apart, 1)
        cosines: np.ndarray = along / np.maximum(np.linalg.norm(apart, axis=0), 1e-12)
        return cosines.clip(0, 1).astype(np.float32)


def find_pixel(raster: Raster, place: str) -> Window:
    """The pixel of a place; InputError if the text is no place or the place lies outside the raster."""
    grid = raster.grid
    kind = "COLUMN,ROW in pixels, since the scene has no CRS" if grid.crs is None else "LON,LAT in degrees"
    try:
        x, y = map(float, place.split(","))
    except ValueError as error:
        raise InputError(f"a place must be {kind}, got {place!r}") from error
    col, row = (x, y) if grid.crs is None else _project(grid, grid.crs, x, y)
    if not (0 <= row < grid.shape[0] and 0 <= col < grid.shape[1]):
        raise InputError(f"the place {place} lies outside {raster.uri}; a place must be {kind}")
    return Window(int(row), int(col), 1, 1)


def _project(grid: Grid, crs: pyproj.CRS, lon: float, lat: float) -> tuple[float, float]:
    """Column and row of a place on Earth; NaN for one that the CRS of the grid does not reach."""
    try:
        x, y = transform(np.array([lon]), np.array([lat]), pyproj.CRS("OGC:CRS84"), crs)
    except GridError:
        return np.nan, np.nan
    col, row = ~grid.transform @ (float(x[0]), float(y[0]))
    return col, row


def ask_likeness(scene: EncodedScene, pixel: Window, place: str) -> LikenessQuestion:
    """What patches are compared with: the mean of those around a pixel. InputError if nothing is known of them."""
    block, _ = patches_around(scene.plan, pixel)
    near = scene.values(block).reshape(scene.dense.channels, -1)
    known = near[:, ~np.isnan(near).any(0)]
    if not known.size:
        raise InputError(f"nothing is known about the place {place}: it has no data, or lies outside the area")
    mean = _mean(scene)
    apart = known.mean(1) - mean
    return LikenessQuestion((f"like {place}",), mean, apart / max(float(np.linalg.norm(apart)), 1e-12))


def _mean(scene: EncodedScene) -> Float[np.ndarray, " dim"]:
    """The mean vector of all patches that are known."""
    total, count = np.zeros(scene.dense.channels), 0
    for block in scene.blocks():
        seen = scene.values(block).reshape(scene.dense.channels, -1)
        known = ~np.isnan(seen).any(0)
        total, count = total + seen[:, known].sum(1, dtype=np.float64), count + int(known.sum())
    return (total / max(count, 1)).astype(np.float32)
