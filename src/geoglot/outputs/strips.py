"""Rows of a large array in files, strip by strip, read by any block: memory is bounded by the block."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Shaped


def encode_array(rows: np.ndarray) -> bytes:
    """Rows (the first axis) as the bytes of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()


def read_array(path: Path, rows: slice, cols: slice) -> np.ndarray:
    """A block of a .npy file, copied out of it: a file that stays mapped would count as memory in use."""
    return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[rows, cols])


#: The part of some rows and columns that a file holds, counted from its first row
ReadBlock = Callable[[Path, slice, slice], np.ndarray]


class Strips:
    """Strips that a journal wrote, from the top, in files of one kind; each file's name ends with its first row."""

    def __init__(self, paths: Sequence[Path], read_block: ReadBlock) -> None:
        self._paths, self._read_block = list(paths), read_block

    @cached_property
    def _starts(self) -> list[int]:
        return [int(path.stem.rpartition("-")[2]) for path in self._paths]

    def read(self, rows: slice, cols: slice) -> Shaped[np.ndarray, "rows cols *rest"]:
        """A block; IndexError where no strip holds a row of it."""
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
