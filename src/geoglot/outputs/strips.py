"""Rows of a large array in files, strip by strip, read by any block: memory is bounded by the block."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Shaped


def encode_array(rows: np.ndarray) -> bytes:
    """Rows (the first axis) as the bytes of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()


class Strips:
    """Strips that a journal wrote, from the top; each file's name ends with its first row."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)

    @cached_property
    def _starts(self) -> list[int]:
        return [int(path.stem.rpartition("-")[2]) for path in self._paths]

    def read(self, rows: slice, cols: slice) -> Shaped[np.ndarray, "rows cols *rest"]:
        """A block, copied out of the files: a file that stays mapped would count as memory in use."""
        parts, row = [], rows.start
        while row < rows.stop:
            index = bisect_right(self._starts, row) - 1
            strip = np.load(self._paths[index], mmap_mode="r", allow_pickle=False)
            first = row - self._starts[index]
            part = np.array(strip[first : first + rows.stop - row, cols])
            if not len(part):
                raise IndexError(f"no strip holds row {row}")
            parts.append(part)
            row += len(part)
        return np.concatenate(parts)
