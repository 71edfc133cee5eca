from __future__ import annotations

import numpy as np

from geoglot.tasks.change.decide import Gate, decide
from geoglot.tasks.change.posterior import Transitions

GATE = Gate(reach=2, grow=4)


def sure(*maps: np.ndarray, certainty: float = 0.96, states: int = 3) -> np.ndarray:
    """Probabilities (date, state, row, col) of maps of states that are seen with a certainty."""
    rest = (1 - certainty) / (states - 1)
    return np.stack(
        [np.stack([np.where(each == state, certainty, rest) for state in range(states)]) for each in maps]
    ).astype(np.float32)


def ground() -> np.ndarray:
    states = np.ones((60, 80), np.int64)
    states[:, 40:] = 2
    return states


def test_what_is_clearly_new_is_a_change() -> None:
    before, after = ground(), ground()
    after[20:32, 10:22] = 0
    course = decide(sure(before, after), GATE)
    assert (course.states[0] == before).all() and (course.states[1] == after).all()
    assert (course.scores[0] > 0.9).sum() == (before != after).sum()


def test_an_edge_that_lies_aside_is_no_change() -> None:
    before, after = ground(), np.roll(ground(), 2, axis=1)
    after[:, :2] = 1
    course = decide(sure(before, after), GATE)
    assert (course.states[0] == course.states[1]).all()
    moved = np.roll(ground(), 8, axis=1)  # farther than the doubt of the alignment
    moved[:, :8] = 1
    states = decide(sure(before, moved), GATE).states
    assert ((states[0] != states[1])[:, 40:48]).all()


def test_what_is_doubtful_stays() -> None:
    before, after = ground(), ground()
    after[20:32, 10:22] = 0
    course = decide(sure(before, after, certainty=0.5), GATE)
    assert not course.scores.any() and (course.states == course.steady).all()


def test_time_has_no_direction() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.dirichlet((0.1, 0.1, 0.1), (3, 10, 12)).transpose(0, 3, 1, 2)
    shares = coarse.repeat(6, axis=2).repeat(6, axis=3).astype(np.float32)
    there, back = decide(shares, Gate(1, 2)), decide(shares[::-1], Gate(1, 2))
    assert (there.states == back.states[::-1]).all() and (there.scores == back.scores[::-1]).all()
    assert (there.states[0] != there.states[1]).any()


def test_a_doubtful_date_between_two_clear_ones_follows_them() -> None:
    before = ground()
    middle, after = before.copy(), before.copy()
    middle[20:32, 10:22] = 0
    shares = sure(before, middle, after)
    shares[1, :, 20:32, 10:22] = np.array([0.6, 0.39, 0.01], np.float32)[:, None, None]
    assert (decide(shares, GATE).states == before).all()


def test_a_block_with_its_margin_is_decided_as_the_whole() -> None:
    rng = np.random.default_rng(1)
    coarse = rng.dirichlet((0.3, 0.3, 0.3), (2, 12, 14)).transpose(0, 3, 1, 2)
    shares = coarse.repeat(6, axis=2).repeat(6, axis=3).astype(np.float32)
    whole, margin = decide(shares, GATE), GATE.margin
    part = decide(shares[:, :, 20 - margin : 50 + margin, 24 - margin : 60 + margin], GATE)
    inner = slice(margin, margin + 30), slice(margin, margin + 36)
    assert (part.states[:, *inner] == whole.states[:, 20:50, 24:60]).all()


def test_transitions_are_numbered_row_by_row() -> None:
    pairs = Transitions(3)
    sides = [pairs.pair(number) for number in range(1, pairs.count + 1)]
    assert sides == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    before, after = np.array(sides).T
    assert pairs.number(before, after).tolist() == [1, 2, 3, 4, 5, 6]
    assert not pairs.number(before, before).any()
