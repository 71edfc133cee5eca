"""The states of all pixels on all dates in strips on disk, from the first decision to what holds for whole regions.

A strip has a band for each date, one for the steady state, and one for the score of each step. Strips are decided block
by block, each with a margin, so that they do not depend on the blocks. Then regions of change are joined across strips,
and those that are too small to be told from noise get the steady state on all dates.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Shaped, UInt8

from geoglot.aliases import Progress
from geoglot.geo import Window
from geoglot.outputs.journal import Journal
from geoglot.outputs.strips import encode_strip, read_strip
from geoglot.tasks.change.decide import Gate, decide
from geoglot.tasks.change.posterior import Posterior
from geoglot.tasks.change.regions import Labelled, find_regions

UNKNOWN = 255
"""State of a pixel that is not known on all dates."""
SCORE_STEPS = 250
"""The stored score of a change that is certain."""
_DECIDED, _KEPT = "decided", "kept"
_NUMBERS = 16_000_000  # probabilities of a block, which bound memory
_ROWS, _COLS = 256, 1024


@dataclass(frozen=True)
class Strip:
    """Full rows of the history of all pixels; `row` is the scene's row of the first."""

    row: int
    states: UInt8[np.ndarray, "date rows cols"]
    """UNKNOWN where a pixel is not known."""
    scores: UInt8[np.ndarray, "step rows cols"]
    """Of the change to the next date, of SCORE_STEPS; 0 where nothing changes."""

    @property
    def known(self) -> Bool[np.ndarray, "rows cols"]:
        """Which pixels are known on all dates."""
        return np.asarray(self.states[0] != UNKNOWN)


@dataclass(frozen=True)
class History:
    """The strips of one run in its journal."""

    journal: Journal
    shape: tuple[int, int]
    dates: int
    progress: Progress | None = None

    def decide(self, posterior: Posterior, gate: Gate) -> None:
        """Add the strips that the journal lacks, from the probabilities of the pixels."""
        height, width = self.shape
        per_pixel = self.dates * posterior.states
        rows = min(_ROWS, max(16, _NUMBERS // (per_pixel * _COLS)))
        for row in range(len(self.journal.strips(_DECIDED)) * rows, height, rows):
            strip = np.empty((2 * self.dates, min(rows, height - row), width), np.uint8)
            for col in range(0, width, _COLS):
                block = Window(row, col, strip.shape[1], min(_COLS, width - col))
                strip[:, :, col : col + block.width] = _decide_block(posterior, gate, block, self.shape)
            self.journal.add_strip(_DECIDED, row, encode_strip(strip))
            self._tell("changes", row + strip.shape[1], height)

    def keep(self, least: int) -> None:
        """Give pixels the steady state whose change belongs to a region of fewer than `least` pixels."""
        paths = self.journal.strips(_DECIDED)
        small = [self._small(step, least) for step in range(self.dates - 1)]
        row = 0
        for index, path in enumerate(paths):
            bands = read_strip(path)
            states, steady, scores = np.split(bands, [self.dates, self.dates + 1])
            lost = np.zeros(states.shape[1:], bool)
            for step in range(self.dates - 1):
                lost |= small[step][index][_changed(states, step).labels]
            states[:, lost], scores[:, lost] = steady[0][lost], 0
            self.journal.add_strip(_KEPT, row, encode_strip(np.concatenate([states, scores])))
            row += states.shape[1]
            self._tell("regions", row, self.shape[0])

    def strips(self, what: str) -> Iterator[Strip]:
        """What is kept, from the top."""
        row = 0
        for path in self.journal.strips(_KEPT):
            bands = read_strip(path)
            yield Strip(row, bands[: self.dates], bands[self.dates :])
            row += bands.shape[1]
            self._tell(what, row, self.shape[0])

    def add(self, kind: str, strip: Strip, values: Shaped[np.ndarray, "rows cols"]) -> None:
        """Add a strip of what was made of a strip."""
        self.journal.add_strip(kind, strip.row, encode_strip(values[None]))

    def _small(self, step: int, least: int) -> list[Bool[np.ndarray, " _label"]]:
        """For each strip, which of its regions of change in a step are parts of small ones."""
        flags: list[np.ndarray] = []

        def labelled() -> Iterator[Labelled]:
            for path in self.journal.strips(_DECIDED):
                strip = _changed(read_strip(path)[: self.dates], step)
                flags.append(np.zeros(len(strip.values), bool))
                yield strip

        for region in find_regions(labelled()):
            if region.pixels < least:
                for index, number in region.members:
                    flags[index][number] = True
        return flags

    def _tell(self, what: str, done: int, total: int) -> None:
        if self.progress:
            self.progress(what, done, total)


def _changed(states: UInt8[np.ndarray, "date rows cols"], step: int) -> Labelled:
    changed = states[step] != states[step + 1]
    return Labelled.of(changed.astype(np.int32), changed)


def _decide_block(
    posterior: Posterior, gate: Gate, block: Window, shape: tuple[int, int]
) -> UInt8[np.ndarray, "band rows cols"]:
    """The bands of a block: the states, the steady state, and the scores."""
    around = block.grown(gate.margin).intersection(Window(0, 0, *shape))
    assert around is not None, "the block lies inside the scene"
    shares, known = posterior.read(around)
    course = decide(shares, gate)
    steps = np.rint(course.scores * SCORE_STEPS).astype(np.uint8)
    states = np.concatenate([course.states, course.steady[None]])
    states[:, ~known], steps[:, ~known] = UNKNOWN, 0
    return np.concatenate([states, steps])[(slice(None), *block.within(around).slices)]
