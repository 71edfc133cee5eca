from __future__ import annotations

import pytest

from geoglot.errors import ClassesError
from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import known_colours


def test_expected_colours_and_no_two_alike() -> None:
    legend = Legend(("Water", "river", "roof tiles", "quux", "quuz"))
    assert legend.colours[0] == known_colours()["water"]
    assert len(set(legend.colours)) == 5


def test_many_classes_need_two_bytes() -> None:
    few, many = Legend(("a",) * 254), Legend(("a",) * 255)
    assert (few.dtype, few.nodata) == ("uint8", 255)
    assert (many.dtype, many.nodata) == ("uint16", 65535)


def test_three_hundred_colours_differ() -> None:
    assert len(set(Legend(tuple(f"kind {number}" for number in range(300))).colours)) == 300


def test_twenty_thousand_colours_differ_and_a_map_holds_no_more_classes_than_its_bytes() -> None:
    names = tuple(f"kind {number}" for number in range(20_000))
    assert len(set(Legend(names).colours)) == len(names)
    assert len(Legend(("kind",) * 65_534).names) == 65_534
    with pytest.raises(ClassesError, match="at most 65,534 classes, not 65,535"):
        Legend(("kind",) * 65_535)
