"""A raster through a scorer, a row of windows at a time, with every failed window accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.aliases import Progress
from geoglot.geo import Window
from geoglot.scene.batch import compute
from geoglot.scene.blend import Blender
from geoglot.sources.read_ahead import FailedWindow, Readable, read_ahead
from geoglot.sources.tile import Tile


@dataclass(frozen=True)
class ScoredRow:
    """Blended scores of the lattice rows that one row of windows completes."""

    scores: Float[np.ndarray, "channel rows lattice_cols"]
    valid: Bool[np.ndarray, "pixel_rows cols"]
    failed: tuple[FailedWindow, ...]


def score_rows(
    raster: Readable,
    scorer: Callable[[Tensor], Tensor],
    blender: Blender,
    *,
    batch: int,
    progress: Progress | None = None,
) -> Iterator[ScoredRow]:
    """Stream the rows of windows that `blender` has not finished yet.

    A window that cannot be read or computed, after retries, adds nothing: what no other window covers is
    no data, and the window is in `failed`.
    """
    plan = blender.plan
    tiles = read_ahead(raster, plan.windows(blender.row), depth=2 * batch)
    columns = len(plan.col_starts)
    for index in range(blender.row, len(plan.row_starts)):
        failed: list[FailedWindow] = []
        for start in range(0, columns, batch):
            group = list(islice(tiles, min(batch, columns - start)))
            failed += _score_group(group, scorer, blender)
            if progress:
                progress("windows", index * columns + start + len(group), len(plan))
        yield ScoredRow(*blender.finish_row(), tuple(failed))


def _score_group(
    group: list[tuple[Window, Tile | FailedWindow]], scorer: Callable[[Tensor], Tensor], blender: Blender
) -> list[FailedWindow]:
    """Add one batch to the blender; returns what failed. Windows without a valid pixel are not computed."""
    failed = [tile for _, tile in group if isinstance(tile, FailedWindow)]
    good = [(window, tile) for window, tile in group if isinstance(tile, Tile) and tile.valid.any()]
    answers = compute(scorer, [(window, tile.pixels) for window, tile in good])
    for (window, tile), scores in zip(good, answers, strict=True):
        if isinstance(scores, FailedWindow):
            failed.append(scores)
        else:
            blender.add(window, scores, tile.valid)
    return failed
