"""What of the votes counts."""

from __future__ import annotations

import pytest
import torch

from geoglot.geo import Window
from geoglot.options import ReadOptions
from geoglot.training.words.surest import Surest, choose_surest
from geoglot.training.words.taught_card import describe, doubts
from geoglot.training.words.votes import Cell, Taught, Votes

CELLS = [Cell(0, Window(0, 0, 400, 400))]


class Told(Taught):
    """Votes that a test gives."""

    def __init__(self, given: Votes) -> None:
        super().__init__((), ReadOptions(), (1.0, 1.0))
        object.__setattr__(self, "given", given)

    def votes(self, cell: Cell, side: tuple[int, int] | None = None) -> Votes:
        return self.given  # type: ignore[attr-defined]


def votes(agree: float = 1.0) -> Votes:
    """A class of large margins on nine tenths of the ground, and one of small margins on the rest."""
    first = torch.rand(100, 100) * 0.2 + 0.8
    first[:10] = 0.4 + torch.rand(10, 100) * 0.05
    return Votes(torch.stack([first, 1 - first]), torch.full((100, 100), agree))


def test_each_class_keeps_its_own_surest_share() -> None:
    """One threshold for both would leave nothing of the second."""
    given = votes()
    surest = choose_surest(Told(given), CELLS, ("often", "rare"), 0.6, 0.75)
    often, rare = surest.classes
    assert often.found == pytest.approx(0.9) and rare.found == pytest.approx(0.1)
    assert often.kept == pytest.approx(0.6, abs=0.01) and rare.kept == pytest.approx(0.6, abs=0.05)
    assert rare.margin < 0.2 < 0.6 < often.margin
    kept = surest.keep(given)
    assert float(kept[10:].float().mean()) == pytest.approx(often.kept)
    assert float(given.margin[10:][kept[10:]].min()) >= float(given.margin[10:][~kept[10:]].max())


def test_what_looks_disagree_about_never_counts() -> None:
    given = votes()
    given.agreement[:, :50] = 0.5
    surest = choose_surest(Told(given), CELLS, ("often", "rare"), 0.9, 0.75)
    assert [entry.agreed for entry in surest.classes] == pytest.approx([0.5, 0.5])
    assert [entry.kept for entry in surest.classes] == pytest.approx([0.5, 0.5])
    assert not surest.keep(given)[:, :50].any() and surest.keep(given)[:, 50:].all()
    assert surest.cells.tolist() == [[4500, 500]]


def test_unknown_ground_neither_counts_nor_is_counted() -> None:
    given = votes()
    given.shares[:, :, :50] = torch.nan
    given.agreement[:, :50] = torch.nan
    surest = choose_surest(Told(given), CELLS, ("often", "rare"), 1.0, 0.75)
    assert surest.classes[0].found == pytest.approx(0.9)
    assert not surest.keep(given)[:, :50].any()


def test_a_class_that_is_not_there_is_told() -> None:
    shares = torch.stack([torch.ones(10, 10) * 0.7, torch.zeros(10, 10), torch.ones(10, 10) * 0.3])
    given = Votes(shares, torch.full((10, 10), 0.25))
    names = ("field", "elephant", "road")
    surest: Surest = choose_surest(Told(given), CELLS, names, 0.6, 0.75)
    assert surest.classes[1].found == 0
    assert any("no elephant at all" in note for note in doubts(surest))
    assert len(describe(surest)) == 4
