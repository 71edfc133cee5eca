from __future__ import annotations

from geoglot.outputs.legend import Legend


def test_expected_colours_and_no_two_alike() -> None:
    legend = Legend(("Water", "river", "roof tiles", "quux", "quuz"))
    assert legend.colours[0] == (45, 120, 200)
    assert len(set(legend.colours)) == 5


def test_many_classes_need_two_bytes() -> None:
    few, many = Legend(("a",) * 254), Legend(("a",) * 255)
    assert (few.dtype, few.nodata) == ("uint8", 255)
    assert (many.dtype, many.nodata) == ("uint16", 65535)


def test_three_hundred_colours_differ() -> None:
    assert len(set(Legend(tuple(f"kind {number}" for number in range(300))).colours)) == 300
