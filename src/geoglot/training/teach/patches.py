"""The patches of a scene that labels cover, and their vectors, which are encoded once and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
import torch
from jaxtyping import Bool, Float, Integer
from rasterio.features import rasterize
from safetensors.torch import save
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import PathLike, Progress
from geoglot.errors import ModelError, OutsideError
from geoglot.figures import format_count
from geoglot.hashing import fingerprint
from geoglot.models.model_files import read_tensors
from geoglot.options import ReadOptions
from geoglot.outputs.atomic import write_bytes
from geoglot.scene.area import Partial, read_area
from geoglot.scene.dense import WordDense, model_facts
from geoglot.scene.read import check_bands, open_scene, reading_facts, reading_notes
from geoglot.scene.stream import see
from geoglot.scene.vector_features import on_grid
from geoglot.scene.windows import WindowPlan
from geoglot.silence import ignore_library_warnings
from geoglot.sources.raster import Raster
from geoglot.training.teach.labels import LabelSet

_MOST = 200  # patches of one label, spread evenly over it: more of one place tell little
_PLACES = 24  # rows and columns of patches that stand for a scene as a whole
SURVEY = -1

Cells = Integer[np.ndarray, "patch 2"]
"""Row and column of patches on the lattice of a scene."""


@dataclass(frozen=True, eq=False)
class ScenePatches:
    """Patches of a scene with their vectors."""

    cells: Cells
    label: Integer[np.ndarray, " patch"]
    """Index of the label that covers a patch; -1 for patches that stand for the scene, labelled or not."""
    vectors: Float[np.ndarray, "patch dim"]
    labels: gpd.GeoDataFrame
    """The labels of this scene, with a column `class`, and in `number` their place among all labels."""
    blocks: Integer[np.ndarray, " patch"]
    """The square of ground in which the centre of the patch's label lies, or the patch itself without one."""
    new: int
    """Patches that were encoded now, and not kept before."""
    notes: tuple[str, ...]
    failed: tuple[str, ...]
    """Those of the notes that say what could not be read."""

    @property
    def surveyed(self) -> Float[np.ndarray, "patch dim"]:
        """Vectors of patches from all over the scene."""
        chosen: np.ndarray = self.vectors[self.label == SURVEY]
        return chosen

    @property
    def taught(self) -> Integer[np.ndarray, " label"]:
        """Numbers of the labels that have a patch here."""
        return np.asarray(self.labels["number"].to_numpy()[np.unique(self.label[self.label != SURVEY])])

    @property
    def free(self) -> Bool[np.ndarray, " patch"]:
        """Which patches no label covers."""
        covered = set(map(tuple, self.cells[self.label != SURVEY].tolist()))
        return np.array([tuple(cell) not in covered for cell in self.cells.tolist()])


def scene_patches(
    source: PathLike,
    labels: LabelSet,
    dense: WordDense,
    read: ReadOptions,
    kept: Path,
    progress: Progress | None,
    area: Path | None = None,
) -> ScenePatches | None:
    """The patches of a scene that labels cover; None if no label lies on it.

    Vectors are kept in the folder `kept`. With a file of polygons as `area`, only what lies in these polygons counts.
    """
    with open_scene(source, read, dense.card.resolution) as raster:
        check_bands(raster, dense.card.bands, dense.card.name)
        plan = dense.windows(raster.grid.shape, read.tile, read.overlap).on(raster.grid)
        own = on_grid(labels.on_scene(raster.uri), raster.grid, "the labels")
        inside = shapely.intersects(own.geometry.to_numpy(), shapely.box(0, 0, *raster.grid.shape[::-1]))
        own, survey = own[inside].reset_index(names="number"), _survey(plan.lattice)
        if area is not None and not own.empty:
            try:
                own, survey = _cut(own, survey, read_area(area, raster.grid), plan)
            except OutsideError:
                return None
        if own.empty:
            return None
        groups = [*(_cells_of(geometry, plan) for geometry in own.geometry), survey]
        cells = np.concatenate(groups)
        index = np.repeat([*range(len(own)), SURVEY], [len(group) for group in groups])
        facts = {**reading_facts(raster, plan), "model": model_facts(dense)}
        path = kept / f"{fingerprint(facts)}.safetensors"
        vectors, new, failed = _vectors(cells, path, (raster, plan, dense), read.at_once(plan.tile), progress)
        notes = (*reading_notes(raster, dense.card, read), *_crs_notes(labels, raster), *failed)
    known = ~np.isnan(vectors[:, 0])
    blocks = _blocks(own, cells, index, plan, dense.card.tile_size)
    return ScenePatches(cells[known], index[known], vectors[known], own, blocks[known], new, notes, failed)


def _crs_notes(labels: LabelSet, raster: Raster) -> Iterator[str]:
    """A sentence if labels could not be laid over the scene by their CRS."""
    if labels.features.crs is None and raster.grid.crs is not None:
        yield "the labels have no CRS and were taken to be in the coordinates of the scene"


def _cells_of(geometry: shapely.Geometry, plan: WindowPlan) -> Cells:
    """The patches whose centre a label covers; for smaller ones, points and lines those that it touches."""
    shift = np.array(plan.inset[::-1])
    on_lattice = shapely.transform(geometry, lambda xy: (xy + shift) / plan.patch)
    left, top, right, bottom = shapely.bounds(on_lattice)
    first = np.maximum(np.floor([top, left]).astype(int), 0)
    last = np.minimum(np.floor([bottom, right]).astype(int) + 1, plan.lattice)
    if (last <= first).any():
        return np.empty((0, 2), np.int64)
    local = shapely.transform(on_lattice, lambda xy: xy - first[::-1])
    with ignore_library_warnings():
        covered = rasterize([local], tuple(last - first), dtype="uint8")
        if shapely.get_dimensions(geometry) == 2 and not covered.any():
            local = shapely.point_on_surface(local)
        if not covered.any():
            covered = rasterize([local], tuple(last - first), all_touched=True, dtype="uint8")
    cells: np.ndarray = np.argwhere(covered) + first
    spread: np.ndarray = cells[np.unique(np.linspace(0, len(cells) - 1, min(len(cells), _MOST)).round().astype(int))]
    return spread


def _survey(lattice: tuple[int, int]) -> Cells:
    """Patches that are spread evenly over a scene."""
    rows, cols = (np.unique(((np.arange(_PLACES) + 0.5) / _PLACES * side).astype(int)) for side in lattice)
    return np.stack(np.meshgrid(rows, cols, indexing="ij"), -1).reshape(-1, 2)


def _cut(
    labels: gpd.GeoDataFrame, survey: Cells, area: BaseGeometry, plan: WindowPlan
) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """What of the labels, and of the patches that stand for the scene, lies in an area."""
    cut = labels.set_geometry(shapely.intersection(labels.geometry.to_numpy(), area))
    rows, cols = ((survey + 0.5) * plan.patch - np.array(plan.inset)).T
    return cut[~cut.geometry.is_empty].reset_index(drop=True), survey[shapely.contains_xy(area, cols, rows)]


def _blocks(
    labels: gpd.GeoDataFrame, cells: Cells, index: Integer[np.ndarray, " patch"], plan: WindowPlan, side: int
) -> Integer[np.ndarray, " patch"]:
    """The block of each patch: squares of a side as the pictures of the model's training, row by row."""
    centres = shapely.get_coordinates(shapely.centroid(labels.geometry.to_numpy()))[:, ::-1]
    at = np.concatenate([centres, np.zeros((1, 2))])[index]
    at[index == SURVEY] = (cells[index == SURVEY] + 0.5) * plan.patch - np.array(plan.inset)
    rows, cols = np.floor(at.clip(0, plan.shape) / side).astype(int).T
    return np.asarray(rows * (plan.shape[1] // side + 1) + cols)


def _vectors(
    cells: Cells, path: Path, scene: tuple[Raster, WindowPlan, WordDense], batch: int, progress: Progress | None
) -> tuple[Float[np.ndarray, "patch dim"], int, tuple[str, ...]]:
    """The vectors of patches, NaN without data; how many were encoded, and a note if windows failed."""
    _, plan, dense = scene
    known_cells, known = _read_kept(path, dense.channels)
    flat = np.ravel_multi_index(tuple(cells.T), plan.lattice)
    stored = np.ravel_multi_index(tuple(known_cells.T), plan.lattice)
    missing = np.setdiff1d(flat, stored)
    notes: tuple[str, ...] = ()
    if len(missing):
        wanted = np.stack(np.unravel_index(missing, plan.lattice), 1)
        fresh, notes = _encode(wanted, scene, batch, progress)
        stored, known = np.concatenate([stored, missing]), np.concatenate([known, fresh])
        order = np.argsort(stored)
        stored, known = stored[order], known[order]
        if not notes:
            kept = {"cells": torch.from_numpy(np.stack(np.unravel_index(stored, plan.lattice), 1).astype(np.int32)),
                    "vectors": torch.from_numpy(known).half()}  # fmt: skip
            write_bytes(path, save(kept))
        known = known.astype(np.float16).astype(np.float32)
    return known[np.searchsorted(stored, flat)], len(missing), notes


def _read_kept(path: Path, dim: int) -> tuple[Cells, Float[np.ndarray, "patch dim"]]:
    """What an earlier call kept; nothing if the file is missing or damaged, since it can be made again."""
    try:
        kept = read_tensors(path) if path.is_file() else {}
        cells, vectors = kept["cells"].long().numpy(), kept["vectors"].numpy()
        if vectors.shape == (len(cells), dim) and cells.shape[1:] == (2,):
            return cells, vectors
    except (ModelError, KeyError):
        pass
    return np.empty((0, 2), np.int64), np.empty((0, dim), np.float32)


def _encode(
    cells: Cells, scene: tuple[Raster, WindowPlan, WordDense], batch: int, progress: Progress | None
) -> tuple[Float[np.ndarray, "patch dim"], tuple[str, ...]]:
    """The vectors of patches as a map of the whole scene has them, from those windows alone that see one of them."""
    raster, plan, dense = scene
    centres = (cells[:, ::-1] + 0.5) * plan.patch - np.array(plan.inset[::-1])
    area = shapely.MultiPoint(centres)
    shapely.prepare(area)
    vectors = np.full((len(cells), dense.channels), np.nan, np.float32)
    rows = see(Partial(raster, area), dense, plan, batch=batch, progress=progress)
    for row in rows:
        mine = (cells[:, 0] >= row.first) & (cells[:, 0] < row.first + row.values.shape[1])
        vectors[mine] = row.values[:, cells[mine, 0] - row.first, cells[mine, 1]].T
    raster.check_unchanged()
    if not rows.failed:
        return vectors, ()
    what = format_count(len(rows.failed), "window")
    why = rows.failed[0].reason
    return vectors, (f"{what} of {raster.uri} could not be read, and labels there were passed over: {why}",)


def count_doubles(parts: Iterable[ScenePatches]) -> int:
    """Patches that labels of two classes cover."""
    count = 0
    for part in parts:
        own = part.label != SURVEY
        names = part.labels["class"].to_numpy()[part.label[own]]
        pairs = {(*cell, name) for cell, name in zip(map(tuple, part.cells[own].tolist()), names, strict=True)}
        count += len(pairs) - len({pair[:2] for pair in pairs})
    return count
