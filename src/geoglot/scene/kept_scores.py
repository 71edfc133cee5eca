"""Scores of several names for all patches of a scene, computed in one pass over its embeddings."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Float

from geoglot.geo import Window
from geoglot.outputs.atomic import disk_errors
from geoglot.scene.score_field import ScoreField

_TYPE = np.dtype(np.float32)
_IN_MEMORY = 2**24  # bytes; larger files lie on the disk


@contextmanager
def open_scratch() -> Iterator[IO[bytes]]:
    """An empty file for `keep_scores`."""
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 see below
    try:
        yield file
    finally:
        with suppress(OSError):  # closing writes again what did not fit on a full disk
            file.close()


@dataclass(frozen=True, eq=False)
class KeptScores:
    """What a name scores, in a file, since a scene may have any size; rows follow each other."""

    file: IO[bytes]
    start: int
    """In bytes."""
    parts: int
    width: int
    """Patches across the scene."""

    def write(self, row: int, scores: Float[np.ndarray, "part rows cols"]) -> None:
        """Keep whole rows of the patch lattice, of which the first is `row`."""
        self.file.seek(self.start + row * self.parts * self.width * _TYPE.itemsize)
        self.file.write(np.moveaxis(scores, 0, 1).astype(_TYPE).tobytes())

    def read(self, block: Window) -> Float[np.ndarray, "part rows cols"]:
        """The scores of a block of the patch lattice."""
        row_bytes = self.parts * self.width * _TYPE.itemsize
        self.file.seek(self.start + block.row * row_bytes)
        rows = np.frombuffer(self.file.read(block.height * row_bytes), _TYPE).reshape(-1, self.parts, self.width)
        return np.moveaxis(rows[:, :, block.col : block.col + block.width], 1, 0).copy()


def keep_scores(fields: Sequence[ScoreField], file: IO[bytes]) -> list[ScoreField]:
    """The same fields of one scene, which read their scores from an open file that is empty; OutputError."""
    if not fields:
        return []
    scene, start, stores = fields[0].scene, 0, list[KeptScores]()
    height, width = scene.plan.lattice
    for field in fields:
        stores.append(KeptScores(file, start, field.parts, width))
        start += height * width * field.parts * _TYPE.itemsize
    for block in scene.blocks():
        seen = scene.values(block)
        with disk_errors(Path(tempfile.gettempdir())):
            for field, store in zip(fields, stores, strict=True):
                store.write(block.row, field.by_words(seen))
            file.flush()
    return [replace(field, kept=store) for field, store in zip(fields, stores, strict=True)]
