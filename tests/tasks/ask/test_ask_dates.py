from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio

import geoglot
from geoglot.errors import InputError
from geoglot.options import FindOptions, ReadOptions
from geoglot.tasks.ask.ask_dates import choose_dates, names_dates, read_period
from geoglot.tasks.ask.ask_options import AskOptions
from scenes import plant
from stubs import PooledColours
from worlds import write_scene

SCENES = ["m_20100629.tif", "town_2015-07-01.tif", "town-2018.tif", "late_20200115.tif"]


@pytest.mark.parametrize(
    ("question", "before", "after"),
    [
        ("How many buildings were built since 2015?", 1, 3),
        ("How many buildings were built since 2010?", 0, 3),
        ("new buildings since 1990", 0, 3),
        ("new buildings since 2016-12", 2, 3),  # 2018 begins a year later, and the other is older than that
        ("Where did new roads appear between 2010 and 2018?", 0, 2),
        ("Has the forest grown from 2015-01-01 to 2018-03?", 1, 2),
    ],
)
def test_dates_are_the_nearest_to_those_that_are_named(question: str, before: int, after: int) -> None:
    chosen = choose_dates(question, SCENES)
    assert (chosen.before, chosen.after) == (SCENES[before], SCENES[after])
    assert "between the two dates" in chosen.question and "20" not in chosen.question
    assert chosen.before in chosen.note and chosen.after in chosen.note


def test_a_year_a_month_and_a_day_are_periods() -> None:
    assert read_period("2016-02") == (date(2016, 2, 1), date(2016, 2, 29))
    assert read_period("2015") == (date(2015, 1, 1), date(2015, 12, 31))
    with pytest.raises(InputError, match="2015-13 is no date"):
        read_period("2015-13")


@pytest.mark.parametrize(
    "question", ["How many buildings are there?", "Are there houses between 1950 and 2000 m² in size?"]
)
def test_questions_without_dates_name_none(question: str) -> None:
    assert not names_dates(question)


def test_one_scene_for_both_dates_and_unknown_dates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two dates are needed"):
        choose_dates("new buildings since 2020", SCENES)
    bare = write_scene(tmp_path / "scene.tif", np.zeros((3, 64, 64), np.uint8))
    with pytest.raises(InputError, match=r"date of .*scene\.tif is not known"):
        choose_dates("new buildings since 2015", [bare, SCENES[0]])
    with rasterio.open(bare, "r+") as dataset:
        dataset.update_tags(TIFFTAG_DATETIME="2021:05:06 10:00:00")
    assert choose_dates("new buildings since 2015", [bare, SCENES[1]]).after == str(bare)


def test_a_question_is_asked_of_the_dates_that_it_names(tmp_path: Path) -> None:
    things = [("roof", 40, 40, 12), ("roof", 64, 130, 20), ("roof", 190, 190, 16)]
    scenes = [
        write_scene(tmp_path / f"{name}.tif", plant((260, 300), things[:count]).pixels)
        for name, count in (("2010", 1), ("2015", 2), ("2020", 3))
    ]
    options = AskOptions(FindOptions(background="sand, forest", templates=("{}",), overlay=False))
    answers = geoglot.ask_dates(
        scenes, ["How many roofs were built since 2015?", "New roofs since 2010"], model=PooledColours(),
        read=ReadOptions(tile=64, overlap=16), options=options,
    )  # fmt: skip
    later, all_ = answers
    assert (later.value, later.question) == (1, "How many roofs were built since 2015?")
    assert "2015" in later.notes[0] and "2020" in later.notes[0]
    assert all_.value == 2
