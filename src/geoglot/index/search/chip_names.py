"""Names for chips as they are now: a chip whose file has changed has another name."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from geoglot.index.search.hit import Hit
from geoglot.index.store.archive import Archive
from geoglot.sources.listing import SUFFIXES, file_state
from geoglot.sources.raster_guard import is_local


@dataclass(eq=False)
class ChipNames:
    """Names chips of an archive for one search.

    A name tells the vectors and tables of the chip's shard, its place in that, and the state of its picture and of the
    files beside it that may say how to read it: all but pictures.
    """

    archive: Archive
    _beside: dict[Path, str] = field(default_factory=dict)

    def name(self, hit: Hit) -> str:
        """Of the chip of a hit; empty for one that is not of a picture file here, whose changes are not seen."""
        path = Path(hit.source)
        if path.suffix.lower() not in SUFFIXES or not is_local(hit.source) or not (state := file_state(path)):
            return ""
        if path.parent not in self._beside:
            self._beside[path.parent] = _state_of_others(path.parent)
        [shard], [row] = self.archive.locate(np.array([hit.row]))
        stored = (self.archive.shards[shard].name, int(row), self.archive.keeps_patches)
        facts = (*stored, hit.source, state, self._beside[path.parent])
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _state_of_others(folder: Path) -> str:
    """Hash of names, sizes and times of the files in a folder that are no pictures."""
    states = sorted(
        (entry.name, (stat := entry.stat()).st_size, stat.st_mtime_ns)
        for entry in os.scandir(folder)
        if entry.is_file() and Path(entry.name).suffix.lower() not in SUFFIXES
    )
    return hashlib.sha256(repr(states).encode()).hexdigest()
