"""How the recipe of change counts what is right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from later import KINDS, years_later
from measure_change import Dates, count, f1
from plain_ways import Found
from world import World


@pytest.fixture(scope="module")
def dates() -> Dates:
    world = World(0, 384)
    later = years_later(world, 0).truth(world.grid.whole)
    return Dates(world, Path("first"), Path("changed"), Path("same"), later, np.zeros(2))


def say(dates: Dates, after: np.ndarray) -> Found:
    """What a way says that believes in the true classes before, and in other ones after."""
    before = dates.world.truth(dates.world.grid.whole)
    return Found(before, after, before != after, np.ones(before.shape, bool))


def test_the_truth_is_right_and_nothing_found_is_not(dates: Dates) -> None:
    right = count(say(dates, dates.later), dates)
    nothing = count(say(dates, dates.world.truth(dates.world.grid.whole)), dates)
    assert set(KINDS) < set(right)
    assert all(f1(counts) == 1 for counts in right.values()) and all(f1(counts) == 0 for counts in nothing.values())


def test_a_wrong_kind_is_a_change_and_not_that_kind(dates: Dates) -> None:
    wrong = dates.later.copy()
    house = KINDS["new buildings"].after
    new = KINDS["new buildings"].mask(dates.world.truth(dates.world.grid.whole), wrong)
    assert house is not None and new.any()
    wrong[new] = KINDS["new pools"].after
    counts = count(say(dates, wrong), dates)
    assert f1(counts["new buildings"]) == 0 and f1(counts["any"]) == 1 and f1(counts["new pools"]) < 1


def test_edges_of_changes_are_left_out(dates: Dates) -> None:
    """A change called a pixel too wide costs where every pixel counts, and nothing else."""
    first = dates.world.truth(dates.world.grid.whole)
    beside = np.roll(first != dates.later, 1, 1) & (first == dates.later)
    beside[:, 0] = False  # what is rolled over the border
    found = say(dates, dates.later)
    counts = count(replace(found, changed=found.changed | beside), dates)
    assert f1(counts["any"]) == 1 > f1(counts["any, every pixel"])


def test_what_is_unknown_does_not_count(dates: Dates) -> None:
    found = say(dates, dates.later)
    half = Found(found.before, found.after, found.changed, np.arange(384)[None] < 192 + np.zeros((384, 1)))
    counts = count(half, dates)
    assert f1(counts["any"]) == 1 and counts["any"][2] < count(found, dates)["any"][2]
