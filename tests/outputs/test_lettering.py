from __future__ import annotations

import unicodedata

import pytest

from geoglot.outputs.lettering import explain_numbers, fit_labels, make_writable

WIDE = 500


def test_english_names_are_written_as_they_are() -> None:
    names = ("trees", "car park, covered", "Wi-Fi 6 (2.4 GHz)", "a/b & c")
    assert fit_labels(names, WIDE) == names and explain_numbers(names, fit_labels(names, WIDE)) == ()


def test_accents_go_where_names_stay_apart() -> None:
    assert fit_labels(("Wälder", "forêt", "piñon"), WIDE) == ("Walder", "foret", "pinon")
    assert fit_labels(("peche", "pêche", "pèche"), WIDE) == ("1", "2", "3")
    assert fit_labels((unicodedata.normalize("NFD", "Wälder"), "trees"), WIDE) == ("Walder", "trees")


@pytest.mark.parametrize(
    "name",
    [
        "森林",
        "도로",
        "林",
        "дорога",
        "غابة",
        "יער",
        "वन",
        "ป่า",
        "Straße",
        "🌳",
        "👩‍🌾",
        "\u200b",
        "two\nlines",
        "δάσος",
    ],
)
def test_what_no_letter_is_there_for_is_a_number_and_a_note(name: str) -> None:
    shown = fit_labels(("trees", name), WIDE)
    assert shown == ("trees", "2")
    (note,) = explain_numbers(("trees", name), shown)
    assert note.endswith(f"2 = {name}")


def test_a_name_that_finds_no_room_is_a_number() -> None:
    names = ("x" * 200, "y")
    assert fit_labels(names, WIDE) == ("1", "y") and "1 = xxx" in explain_numbers(names, fit_labels(names, WIDE))[0]


def test_a_name_that_is_a_number_needs_no_note() -> None:
    assert explain_numbers(("2019", "2020"), fit_labels(("2019", "2020"), WIDE)) == ()


def test_sentences_keep_what_can_be_written() -> None:
    assert make_writable("3 trees (27 m²) found.") == "3 trees (27 m2) found."
    assert make_writable("3 森林 found.") == "3 ... found."
