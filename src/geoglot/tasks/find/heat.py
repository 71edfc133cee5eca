"""Heat: the scores of names all over a scene, written from the top while the scene is encoded."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from geoglot.geo import Grid, Window
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.question import Question
from geoglot.scene.score_field import ScoreField, score_fields
from geoglot.scene.spectral_evidence import SpectralEvidence
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster
from geoglot.tasks.find.heat_map import LEAST, STEPS, HeatFile, create_heat, rows_at_once

_MOST_PIXELS = 25_000_000  # of a scene whose heat has its pixels; that of a larger one has a value per patch


@dataclass
class Heat:
    """Writes the heat of names. `fill` is called again and again, with a scene of which more is encoded each time."""

    folder: Path
    question: Question
    evidence: SpectralEvidence | None
    hidden: frozenset[str] = frozenset()
    """Names that are not looked for, and stay unknown."""
    _rows: int = 0
    _file: HeatFile | None = field(default=None, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the question, in the order of the file."""
        return self.question.names

    def fill(self, scene: EncodedScene, lattice_rows: int) -> None:
        """Write what the first rows of the patch lattice decide, and is not written yet."""
        by_pixel = _is_by_pixel(scene.plan)
        grid = heat_grid(scene.raster, scene.plan)
        if self._file is None:
            self._file = create_heat(self.folder, self.names, grid)
        stop = _decided_rows(scene.plan, lattice_rows) if by_pixel else lattice_rows
        fields = score_fields(scene, self.question, self.evidence, self.hidden)
        step = rows_at_once(grid)
        for row in range(self._rows, stop, step):
            part = Window(row, 0, min(step, stop - row), grid.shape[1])
            for index, each in enumerate(fields):
                if each is not None:
                    self._file[(index, *part.slices)] = _to_bytes(each, part, by_pixel)
        self._file.flush()
        self._rows = max(self._rows, stop)


def heat_grid(raster: Raster, plan: WindowPlan) -> Grid:
    """The grid of the heat of a scene: its own, or the patch lattice of a large one."""
    if _is_by_pixel(plan):
        return raster.grid
    return raster.grid.window(plan.lattice_window).coarser(plan.patch)


def _is_by_pixel(plan: WindowPlan) -> bool:
    return math.prod(plan.shape) <= _MOST_PIXELS


def _decided_rows(plan: WindowPlan, lattice_rows: int) -> int:
    """Rows of pixels above the centres of the last of these rows of patches; the next row moves those below."""
    height = plan.shape[0]
    if lattice_rows >= plan.lattice[0]:
        return height
    return min(height, max(0, lattice_rows * plan.patch - plan.patch // 2 - plan.inset[0]))


def _to_bytes(field: ScoreField, part: Window, by_pixel: bool) -> UInt8[np.ndarray, "rows cols"]:
    if by_pixel:
        scores, known = field.read(part), field.scene.valid(part)
    else:
        scores = field.patches(part)
        known = ~np.isnan(scores)
    steps = np.round(np.nan_to_num(scores) * STEPS).astype(np.uint8)
    return np.where(known, steps + np.uint8(LEAST), np.uint8(0))
