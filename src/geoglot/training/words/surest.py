"""Which votes count: of each class the surest share, never one threshold for all classes.

A threshold that suits one class is wrong for another in the opposite direction, so each class has its own, which keeps
the same share of what was found of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from geoglot.aliases import Progress
from geoglot.training.words.votes import Cell, Taught, Votes

_BINS = 4096  # of margins 0..1


@dataclass(frozen=True)
class ClassFound:
    """What the voters found of a class, and what of it counts."""

    name: str
    found: float
    """Share of all that could be seen."""
    agreed: float
    """Share of what was found about which enough looks agree."""
    kept: float
    """Share of what was found that is kept; the rest is ignored."""
    margin: float
    """The least margin to the next class that is kept."""


@dataclass(frozen=True)
class Surest:
    """What of the votes counts."""

    classes: tuple[ClassFound, ...]
    agree: float
    cells: Int[np.ndarray, "cell class"]
    """Squares of 4 px of each class in each cell that enough looks agree about."""

    def keep(self, votes: Votes) -> Bool[Tensor, "rows cols"]:
        """Where votes count."""
        best = votes.shares.nan_to_num(0).argmax(0)
        least = torch.tensor([entry.margin for entry in self.classes])[best]
        return (votes.agreement >= self.agree) & (votes.margin >= least)  # NaN is never at least

    def to_json(self) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self.classes]


def choose_surest(
    taught: Taught,
    cells: Sequence[Cell],
    names: Sequence[str],
    keep: float,
    agree: float,
    progress: Progress | None = None,
) -> Surest:
    """Keep the share `keep` of what was found of each class, by margin, of that about which the share `agree` agrees.

    Memory: a histogram a class, and a row of counts a cell.
    """
    found, margins = np.zeros(len(names), np.int64), np.zeros((len(names), _BINS), np.int64)
    agreed = np.zeros((len(cells), len(names)), np.int64)
    for index, cell in enumerate(cells):
        votes = taught.votes(cell)
        known = ~votes.agreement.isnan()
        best, sure = votes.shares[:, known].argmax(0).numpy(), (votes.agreement[known] >= agree).numpy()
        bins = (votes.margin[known].numpy() * _BINS).astype(int).clip(0, _BINS - 1)
        found += np.bincount(best, minlength=len(names))
        np.add.at(margins, (best[sure], bins[sure]), 1)
        agreed[index] = np.bincount(best[sure], minlength=len(names))
        if progress:
            progress("votes", index + 1, len(cells))
    classes = [_found(name, int(found[kind]), int(found.sum()), margins[kind], keep) for kind, name in enumerate(names)]
    return Surest(tuple(classes), agree, agreed)


def _found(name: str, found: int, seen: int, margins: Int[np.ndarray, " bin"], keep: float) -> ClassFound:
    """A class by the histogram of its margins; the border is a border of bins, so that a little more may be kept."""
    from_above: Float[np.ndarray, " bin"] = margins[::-1].cumsum()[::-1]
    wanted = min(keep * found, float(margins.sum()))
    border = int(np.flatnonzero(from_above >= wanted)[-1]) if found and wanted else 0
    return ClassFound(
        name, found / max(1, seen), float(margins.sum()) / max(1, found), float(from_above[border]) / max(1, found),
        border / _BINS,
    )  # fmt: skip
