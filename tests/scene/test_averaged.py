"""Looking at a window several times."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from geoglot.errors import InputError
from geoglot.scene.averaged import Averaged, average
from stubs import ColourScorer

COLOURS = ("water", "forest", "roof")


def window() -> Tensor:
    torch.manual_seed(0)
    return torch.rand(2, 3, 32, 48)


def test_flips_change_nothing_for_a_scorer_that_sees_no_directions() -> None:
    plain = ColourScorer(COLOURS)
    looks = Averaged(plain, "all", (1.0,))
    torch.testing.assert_close(looks(window()).softmax(1), plain(window()).softmax(1))
    assert plain.calls == 4 + 1


def test_a_scorer_that_favours_the_right_favours_neither_side() -> None:
    class Right(ColourScorer):
        def __call__(self, pixels: Tensor) -> Tensor:
            scores = super().__call__(pixels)
            scores[:, 0, :, scores.shape[3] // 2 :] += 3
            return scores

    blank = torch.zeros(1, 3, 32, 32)
    shares = Averaged(Right(COLOURS), "horizontal", (1.0,))(blank).softmax(1)[0, 0]
    torch.testing.assert_close(shares, shares.flip(1))
    assert Right(COLOURS)(blank).softmax(1)[0, 0, 0, 0] < shares[0, 0]


def test_scales_are_seen_in_whole_patches_and_come_back_to_the_lattice() -> None:
    sides: list[tuple[int, ...]] = []

    class Watched(ColourScorer):
        def __call__(self, pixels: Tensor) -> Tensor:
            sides.append(tuple(pixels.shape[2:]))
            return super().__call__(pixels)

    scores = Averaged(Watched(COLOURS), "none", (0.5, 1.0, 1.3))(window())
    assert sides == [(16, 24), (32, 48), (40, 64)]
    assert scores.shape == (2, 3, 4, 6)
    torch.testing.assert_close(scores.exp().sum(1), torch.ones(2, 4, 6))


def test_nothing_asked_is_the_scorer_itself() -> None:
    plain = ColourScorer(COLOURS)
    assert average(plain, "none", (1.0,)) is plain
    with pytest.raises(InputError, match="scales must be numbers"):
        average(plain, "none", ())
