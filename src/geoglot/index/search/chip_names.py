"""Names for chips as they are now: a chip whose file has changed has another name."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from geoglot.index.search.hit import Hit
from geoglot.index.store.archive import Archive
from geoglot.sources.listing import SUFFIXES
from geoglot.sources.raster_guard import is_local


@dataclass(eq=False)
class ChipNames:
    """Names chips of an archive for one search.

    A name tells the vectors and tables of the chip's shard, its place in that, and the state of its picture and of the
    files beside it that may say how to read it: all but pictures.
    """

    archive: Archive
    _beside: dict[str, str] = field(default_factory=dict)
    """State of the files beside the pictures of a folder."""

    def name(self, hit: Hit) -> str:
        """Of the chip of a hit; empty for one that is not of a picture file here, whose changes are not seen."""
        if not (_is_picture(hit.source) and is_local(hit.source)):
            return ""
        path = Path(hit.source)
        folder = str(path.parent)
        try:
            state = path.stat()
            if folder not in self._beside:
                self._beside[folder] = _state_of_others(folder)
        except (OSError, ValueError):  # ValueError: a name that no file can have
            return ""
        [shard], [row] = self.archive.locate(np.array([hit.row]))
        stored = (self.archive.shards[shard].name, int(row), self.archive.keeps_patches)
        facts = (*stored, hit.source, state.st_size, state.st_mtime_ns, self._beside[folder])
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - asked for every file of a folder


def _state_of_others(folder: str) -> str:
    """Hash of names, sizes and times of the files in a folder that are no pictures."""
    with os.scandir(folder) as entries:
        others = [entry for entry in entries if not _is_picture(entry.name) and entry.is_file()]
        states = sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in others)
    return hashlib.sha256(repr(states).encode()).hexdigest()
