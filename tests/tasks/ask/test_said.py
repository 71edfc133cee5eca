"""Sentences that can be quoted, words about time, and the order of forms."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from geoglot.errors import AnswerError, InputError
from geoglot.figures import choose_area_unit, format_area
from geoglot.nouns import counted
from geoglot.options import FindOptions
from geoglot.tasks.ask.answer import sentence_of
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.grammar.forms import FORMS
from geoglot.tasks.ask.grammar.normalise import plain
from geoglot.tasks.ask.grammar.noun import NotUnderstood
from geoglot.tasks.ask.rules import Rules
from geoglot.tasks.ask.view import Reply
from stubs import PooledColours
from worlds import paint, write_scene

NAMES = ("roof", "water")
OPTIONS = AskOptions(FindOptions(overlay=False, background="sand, forest, road"))


def two_dates(folder: Path) -> tuple[Path, Path]:
    """A roof that grows from 32 to 64 pixels a side, at 0.5 m; water around it."""
    paths = []
    for name, side in (("before.tif", 32), ("after.tif", 64)):
        field = np.ones((128, 128), int)
        field[:side, :side] = 0
        paths.append(write_scene(folder / name, paint(field, NAMES)))
    return paths[0], paths[1]


@pytest.mark.parametrize(
    ("areas", "said"),
    [
        ([3_011.0, 39_500.0, None], ["0.301 ha", "3.95 ha", "-"]),
        ([3_011.0, 950.5], ["3,010 m²", "950 m²"]),
        ([2.5e7, 1e4, 0.0], ["25.0 km²", "0.0100 km²", "0 km²"]),
        ([], []),
    ],
)
def test_areas_of_one_table_have_one_unit(areas: list[float | None], said: list[str]) -> None:
    assert [format_area(area, choose_area_unit(areas)) for area in areas] == said


def test_numbers_of_things_are_english() -> None:
    said = [counted(number, name) for number, name in ((0, "house"), (1, "house"), (2, "house"), (12_000, "city"))]
    assert said == ["no house", "1 house", "2 houses", "12,000 cities"]
    assert counted(2, "car and truck or bus") == "2 cars and trucks or buses"
    assert [counted(number, "water") for number in (0, 1, 3)] == ["no water", "1 area of water", "3 areas of water"]


def test_no_sentence_has_an_exponent() -> None:
    assert sentence_of(Reply(1.74512e6, "m²", "", ())) == "1,750,000 m²."
    assert sentence_of(Reply(1.0, "m²", "about 1.74512e+06 m² of e1 in house 2e", ())) == (
        "About 1,750,000 m² of e1 in house 2e."
    )


def test_value_and_sentence_agree_in_sign_and_unit(tmp_path: Path) -> None:
    before, after = two_dates(tmp_path)
    with Asker.open(after, before, model=PooledColours(), options=OPTIONS) as asker:  # the roof shrinks
        lost, change = asker.ask("How much roof was lost?"), asker.ask("What is the change in roof?")
        assert lost.value == -change.value and lost.value == pytest.approx(768, abs=40)
        assert lost.text == change.text and "m² less than before" in lost.text and "-" not in lost.text
        kilometres = asker.ask("How far is the water from the roof in km?")
        assert kilometres.unit == "km" and " km between" in kilometres.text
    with Asker.open(before, after, model=PooledColours(), options=OPTIONS) as asker:
        assert "m² more than before" in asker.ask("What is the change in roof?").text


def test_no_change_has_no_sign(tmp_path: Path) -> None:
    before, _ = two_dates(tmp_path)
    with Asker.open(before, before, model=PooledColours(), options=OPTIONS) as asker:
        lost = asker.ask("How much roof was lost?")
        assert str(lost.value) == "0.0" and lost.text == "Roofs cover no more and no less than before."
        assert all("-0" not in argument for call in lost.calls for argument in call["arguments"])
        assert asker.ask("How much roof is there on each date?").text.endswith(": no more and no less.")


def test_an_answer_is_a_line_and_draws_itself(tmp_path: Path) -> None:
    before, after = two_dates(tmp_path)
    with Asker.open(before, model=PooledColours(), options=OPTIONS) as asker:
        roofs, water = asker.ask("How many roofs are there?"), asker.ask("Is there water?")
        assert len(repr(roofs).splitlines()) == 1 and len(repr(roofs)) < 200 and "roof" in repr(roofs)
        pictures = {}
        for answer in (roofs, water, roofs):
            _, picture = asker.write_evidence(answer, tmp_path / "evidence.geojson", overwrite=True)
            pictures.setdefault(answer.question, set()).add(picture.read_bytes())
        assert [len(drawn) for drawn in pictures.values()] == [1, 1]
        assert pictures[roofs.question] != pictures[water.question]
        written = json.loads((tmp_path / "evidence.geojson").read_text("utf-8"))
        assert {feature["properties"]["name"] for feature in written["features"]} == {"roof"}
    with Asker.open(after, model=PooledColours(), options=OPTIONS) as other, pytest.raises(InputError, match="about"):
        other.write_evidence(roofs, tmp_path / "evidence.geojson")


@pytest.mark.parametrize(
    "question",
    [
        "What new buildings are there?", "Show me the new buildings", "Show me new buildings", "Find new buildings",
        "List the new buildings", "Which buildings are new?", "Where are the new buildings?",
        "Is there a new building?",
        "How many newly built buildings are there?", "Is there a recently constructed building?",
        "How much area do new buildings cover?", "What is the area of new buildings?", "How many buildings are new?",
    ],
)  # fmt: skip
def test_new_is_a_word_about_time(question: str) -> None:
    assert 'appeared("building")' in Rules().plan(question).program


@pytest.mark.parametrize(
    "question",
    [
        "How many former houses are there?", "How many existing buildings are there?", "Find old buildings",
        "What is the largest new building?", "Are the new houses near the road?",
        "How many houses were built since 2015?",
        "How many recent roads are there?", "Is there a demolished building?",
    ],
)  # fmt: skip
def test_what_was_when_is_no_name(question: str) -> None:
    with pytest.raises(AnswerError):
        Rules().plan(question)


@pytest.mark.parametrize(
    ("question", "called"),
    [
        ("What is the land cover?", "which_is_larger(shares)"),
        ("Land cover", "which_is_larger(shares)"),
        ("Which land cover classes are there?", "which_is_larger(shares)"),
        ("Which class covers most?", "which_is_larger(shares)"),
        ("What covers most of the image?", "which_is_larger(shares)"),
        ("urban or rural", 'classify(["urban area", "rural area"])'),
        ("Show me the houses", 'where(found)'),
        ("Map the houses", 'where(found)'),
        ("Is there water", 'exists(found)'),
        ("What is here?", "theme()"),
    ],
)  # fmt: skip
def test_short_questions_mean_what_people_mean(question: str, called: str) -> None:
    assert called in Rules().plan(question).program


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("Is it a rural or an urban area?", "Is it a rural or an urban area?", "Is this a forest, a lake or a town?"),
        ("Is this an urban area?", "Is this an urban area?", "Is this an airport?"),
        (
            "Is there more water than forest?", "Is the forest larger than the lake?",
            "Are there more buildings than roads?",
        ),
        (
            "Where is the nearest school to the river?", "Which school is nearest to the river?",
            "Where is the largest building?",
        ),
        (
            "Does this image show a forest, a lake or a town?", "Is this a forest, a lake or a town?",
            "Is there a ship in this picture?",
        ),
    ],
)  # fmt: skip
def test_of_forms_that_overlap_the_first_in_the_tuple_reads(question: str, first: str, second: str) -> None:
    reading = []
    for form in FORMS:
        with contextlib.suppress(NotUnderstood):
            reading += [form.example] if form.read(plain(question)) is not None else []
    assert reading[:2] == [first, second]
