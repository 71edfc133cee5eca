"""The blended rows of a scene in files, which are read in blocks: memory is bounded by a block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from geoglot.geo import Window
from geoglot.outputs.journal import Journal
from geoglot.outputs.strips import Strips, encode_array, read_array
from geoglot.scene.stream import Row
from geoglot.scene.windows import WindowPlan

_VALUES = 4_000_000  # of a block
_SEEN, _VALID = "seen", "valid"


def store_rows(
    rows: Iterable[Row],
    journal: Journal,
    plan: WindowPlan,
    dtype: str,
    finished: Callable[[int], None] | None = None,
) -> None:
    """Add each row to a journal as soon as it is complete: its values as `dtype`, its valid mask as bits.

    `finished` is then called with the number of rows of the patch lattice that are stored.
    """
    for row in rows:
        journal.add_strip(_SEEN, row.first, encode_array(np.moveaxis(row.values, 0, 2).astype(dtype)), ".npy")
        journal.add_strip(_VALID, row.first * plan.patch, encode_array(np.packbits(row.valid, axis=1)), ".npy")
        if finished:
            finished(row.first + row.values.shape[1])


@dataclass(frozen=True, eq=False)
class StoredRows:
    """The values of patches and the valid mask of pixels of a whole scene."""

    plan: WindowPlan
    channels: int
    _values: Strips
    _valid: Strips

    @classmethod
    def of(cls, journal: Journal, plan: WindowPlan, channels: int) -> StoredRows:
        """The rows that `store_rows` added to a journal."""
        seen, valid = (Strips(journal.strips(kind), read_array) for kind in (_SEEN, _VALID))
        return cls(plan, channels, seen, valid)

    @classmethod
    def none(cls, plan: WindowPlan) -> StoredRows:
        """No rows, for a scene in which nothing is looked for."""
        return cls(plan, 1, Strips([], read_array), Strips([], read_array))

    def values(self, patches: Window) -> Float[np.ndarray, "channel rows cols"]:
        """The values of a block of the patch lattice; NaN where there is no data or a window failed."""
        block = self._values.read(*patches.slices)
        # numpy takes half as long again
        return torch.from_numpy(block).movedim(2, 0).contiguous().float().numpy()

    def blocks(self) -> Iterator[Window]:
        """The patch lattice from the top, in blocks of whole rows whose values fit in memory."""
        height, width = self.plan.lattice
        rows = max(1, _VALUES // (width * self.channels))
        for first in range(0, height, rows):
            yield Window(first, 0, min(rows, height - first), width)

    def valid(self, window: Window) -> Bool[np.ndarray, "rows cols"]:
        """Which pixels of a window inside the scene have data; none of those that only the lattice reaches."""
        rows, cols = window.within(self.plan.lattice_window).slices
        first = cols.start // 8
        bits = self._valid.read(rows, slice(first, -(-cols.stop // 8)))
        pixels = np.unpackbits(bits, axis=1).astype(bool)
        return pixels[:, cols.start - 8 * first : cols.stop - 8 * first]
