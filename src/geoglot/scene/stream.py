"""Run a dense model over a raster, a row of windows at a time: resumable, with every failure reported."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.aliases import Progress
from geoglot.geo import Window
from geoglot.outputs.journal import Journal
from geoglot.scene.blend import Blender
from geoglot.scene.lanes import Lanes, open_lanes
from geoglot.scene.windows import WindowPlan
from geoglot.sources.read_ahead import FailedWindow, Readable, make_ahead, read_ahead
from geoglot.sources.tile import Tile

log = logging.getLogger(__name__)
_Output = tuple[Window, Tile | FailedWindow, np.ndarray | str | None]
"""A window, what was read, and its values or why there are none; None if it was not computed."""
_AHEAD_BYTES = 2**25  # of the rows that are blended, up to which the next is computed while one is used


@dataclass(frozen=True)
class Row:
    """Blended values of the lattice rows that one row of windows completes."""

    first: int
    """The first of these lattice rows."""
    values: Float[np.ndarray, "channel rows lattice_cols"]
    """NaN means unknown: no data, or a window that failed."""
    valid: Bool[np.ndarray, "pixel_rows cols"]


@runtime_checkable
class Seer(Protocol):
    """What computes the values of patches: a dense model, or several views of one side by side."""

    @property
    def channels(self) -> int: ...

    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]: ...


@runtime_checkable
class Resumable(Protocol):
    """An object whose state is saved in a journal and restored from it."""

    def state(self) -> dict[str, np.ndarray]: ...

    def restore(self, state: dict[str, np.ndarray]) -> None: ...


class Rows(Iterator[Row]):
    """The rows of a scene that the journal does not hold yet. Closing it cancels the stream."""

    def __init__(self, rows: Generator[Row], failed: list[FailedWindow], restored: int) -> None:
        self._rows = rows
        self.failed = failed
        """Every window that failed so far, including those before the run resumed."""
        self.restored = restored
        """Number of windows that were finished before the run resumed."""

    def __next__(self) -> Row:
        return next(self._rows)

    def close(self) -> None:
        self._rows.close()


def see(
    raster: Readable,
    dense: Seer,
    plan: WindowPlan,
    *,
    batch: int,
    journal: Journal | None = None,
    also: Resumable | None = None,
    progress: Progress | None = None,
) -> Rows:
    """Read, compute and blend the windows of a scene, and yield each row as soon as it is complete.

    While the consumer is busy with a row, the next one is computed in a thread, unless rows are so large that two would
    need much memory. The state goes into the journal when the next row is asked for, that is, when the consumer is done
    with a row. A run that was killed or cancelled resumes there; `also` is saved and restored together with it. To
    cancel, close the rows or raise from `progress`: the threads end before the call returns, and the journal stays
    resumable.

    A window that cannot be read or computed, after retries, contributes nothing and is listed in `failed`.
    """
    blender, failed = Blender(plan, dense.channels), list[FailedWindow]()
    if journal and (stored := journal.load()):
        state, notes = stored
        with journal.damage_errors():
            failed += [FailedWindow(Window(*each["window"]), str(each["reason"])) for each in notes["failed"]]
            for part in filter(None, (blender, also)):
                part.restore(state)
    restored, filled = blender.row * len(plan.col_spans), _Filled(raster, plan.shape)
    if blender.bytes <= _AHEAD_BYTES:
        steps = _compute_steps(filled, dense, blender, batch, blender.snapshot)
        steps = make_ahead(steps, depth=-(-len(plan.col_spans) // batch))  # the batches of one row
    else:
        steps = _compute_steps(filled, dense, blender, batch, blender.state)
    return Rows(_stream(steps, len(plan), failed, journal, also, progress), failed, restored)


@dataclass(frozen=True)
class _Step:
    """A batch of windows that is computed, or a row that is complete."""

    done: int
    """Windows of the scene so far."""
    row: Row | None = None
    state: dict[str, np.ndarray] = field(default_factory=dict)
    """What the next rows need."""
    failed: Sequence[FailedWindow] = ()
    """Windows of this row."""


def _compute_steps(
    raster: Readable, dense: Seer, blender: Blender, batch: int, state: Callable[[], dict[str, np.ndarray]]
) -> Generator[_Step]:
    plan = blender.plan
    columns = len(plan.col_spans)
    with (
        closing(read_ahead(raster, plan.windows(blender.row), depth=2 * batch)) as tiles,
        open_lanes(1 if _has_gpu() else min(batch, columns)) as lanes,
    ):
        for index in range(blender.row, len(plan.row_spans)):
            failed, done = list[FailedWindow](), index * columns
            for group in _compute_row(islice(tiles, columns), dense, lanes, batch):
                failed += _add(group, blender)
                done += len(group)
                yield _Step(done)
            first = max(0, plan.row_spans[index][0] + plan.inset[0]) // plan.patch
            row = Row(first, *blender.finish_row())
            yield _Step(done, row, state(), failed)


def _has_gpu() -> bool:
    """Whether the model may be on a GPU, whose batches stay whole; a dense model does not tell where it is."""
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _compute_row(
    tiles: Iterator[tuple[Window, Tile | FailedWindow]], dense: Callable[[Tensor], Tensor], lanes: Lanes, batch: int
) -> Iterator[list[_Output]]:
    """The outputs of a row of windows, batch by batch; one is computed while the last is used.

    A window without a valid pixel is not computed.
    """
    begun = deque[Callable[[], list[_Output]]]()
    while group := list(islice(tiles, batch)):
        begun.append(_begin(group, dense, lanes))
        if len(begun) > 1:
            yield begun.popleft()()
    yield from (outputs() for outputs in begun)


def _begin(
    group: Sequence[tuple[Window, Tile | FailedWindow]], dense: Callable[[Tensor], Tensor], lanes: Lanes
) -> Callable[[], list[_Output]]:
    shown = [tile.pixels if isinstance(tile, Tile) and tile.valid.any() else None for _, tile in group]
    values = lanes.compute(dense, [pixels for pixels in shown if pixels is not None])

    def finish() -> list[_Output]:
        outputs = iter(values())
        return [(*read, None if pixels is None else next(outputs)) for read, pixels in zip(group, shown, strict=True)]

    return finish


def _stream(
    steps: Generator[_Step],
    total: int,
    failed: list[FailedWindow],
    journal: Journal | None,
    also: Resumable | None,
    progress: Progress | None,
) -> Generator[Row]:
    with closing(steps):
        for step in steps:
            if step.row is None:
                if progress:
                    progress("windows", step.done, total)
                continue
            failed += step.failed
            yield step.row
            if journal:
                state = step.state | (also.state() if also else {})
                journal.save(state, {"failed": [describe_failure(window) for window in failed]})


def _add(group: list[_Output], blender: Blender) -> list[FailedWindow]:
    """Add one batch to the blender; returns the windows that failed."""
    failed = list[FailedWindow]()
    for window, tile, values in group:
        if isinstance(tile, FailedWindow):
            failed.append(tile)
        elif isinstance(values, str):
            failed.append(FailedWindow(window, values))
        elif values is not None:
            blender.add(window, values, tile.valid)
    return failed


@dataclass(frozen=True)
class _Filled:
    """A raster whose no-data pixels get the brightness of the nearest valid pixel, and stay invalid.

    A model takes the rim of a black hole for an object. What lies beyond the scene stays its mirror image: pixels that
    repeat its last row are streaks to a model.
    """

    raster: Readable
    shape: tuple[int, int]
    """Rows and columns of the scene."""

    def read(self, window: Window) -> Tile:
        tile = self.raster.read(window)
        inside = window.intersection(Window(0, 0, *self.shape))
        if inside is None:
            return tile
        rows, cols = inside.within(window).slices
        valid = tile.valid[rows, cols]
        if valid.all() or not valid.any():
            return tile
        from scipy import ndimage  # most windows have no hole, and do without the time it takes to import

        nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
        filled = tile.pixels[:, rows, cols][:, nearest[0], nearest[1]]
        return replace(tile, pixels=np.pad(filled, ((0, 0), *window.rims(inside)), mode="symmetric"))


def split_rows(rows: Iterable[Row], patch: int, most: int) -> Iterator[Row]:
    """The same rows in parts of at most `most` lattice rows."""
    for row in rows:
        for top in range(0, row.values.shape[1], most):
            valid = row.valid[top * patch : (top + most) * patch]
            yield Row(row.first + top, row.values[:, top : top + most], valid)


def describe_failure(failed: FailedWindow) -> dict[str, Any]:
    """A failed window as a JSON value."""
    return {"window": list(failed.window), "reason": failed.reason}


def describe_windows(total: int, failed: Sequence[FailedWindow]) -> dict[str, Any]:
    """The windows of a result as a JSON value: how many there are, how many are done, and why others failed."""
    return {"total": total, "done": total - len(failed), "failed": [describe_failure(window) for window in failed]}


def resume_note(done: int, total: int, what: str) -> tuple[str, ...]:
    """A note on a run that resumes, which is logged too; empty for a new run."""
    if not done:
        return ()
    note = f"going on after {done} of {total} {what}, of a run that did not end"
    log.warning(note)
    return (note,)
