import pytest

from geoglot.figures import (
    choose_area_unit,
    format_area,
    format_areas,
    format_count,
    format_duration,
    format_list,
    format_number,
)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1_745_120.0, "1,750,000"),
        (27_661, "27,700"),
        (558, "558"),
        (17.25, "17.2"),
        (0.3, "0.3"),
        (0.012345, "0.0123"),
        (-42.04, "-42"),
        (0, "0"),
        (2999.9999999999995, "3,000"),
        (999.6, "1,000"),
        (float("inf"), "inf"),
        (1e-7, "0.0000001"),
        (3.4e-310, "3.4e-310"),
        (-1.797e308, "-1.8e+308"),
    ],
)
def test_three_significant_digits(value: float, told: str) -> None:
    assert format_number(value) == told


def test_lists_of_names_read_as_a_sentence() -> None:
    lists = [format_list(names) for names in ([], ["forest"], ["forest", "water"], ["forest", "water", "farmland"])]
    assert lists == ["", "forest", "forest and water", "forest, water and farmland"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "1 s"), (89.0, "89 s"), (90.0, "2 min"), (720.0, "12 min"), (5399.0, "90 min"), (12_240.0, "3.4 h")],
)
def test_durations_have_the_unit_that_suits_them(seconds: float, told: str) -> None:
    assert format_duration(seconds) == told


@pytest.mark.parametrize(("number", "told"), [(0, "0 tiles"), (1, "1 tile"), (2, "2 tiles"), (1200, "1,200 tiles")])
def test_counts_have_the_number_of_their_noun(number: int, told: str) -> None:
    assert format_count(number, "tile") == told


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_an_area_that_is_not_known_is_a_dash_and_decides_no_unit(unknown: float | None) -> None:
    assert format_area(unknown) == format_area(unknown, "ha") == "-"
    assert format_areas([unknown, 25_000.0, unknown]) == ["-", "2.50 ha", "-"]
    assert choose_area_unit([unknown]) == "m²"
