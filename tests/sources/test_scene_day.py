from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from geoglot.sources.scene_day import day_of, moment_of, period_of

STATED = datetime(2015, 6, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "time", "said"),
    [
        ("m_4709963_se_14_1_20100629.tif", None, "2010-06-29"),
        ("scene-2021_06_30-b.tif", STATED, "2021-06-30"),  # the name is believed before the tags
        ("1990.tif", None, "1990"),
        ("Taizhou_2003TM.tif", None, "2003"),
        ("town_2015.tif", STATED, "2015-06-29"),  # the tags tell the day of the year in the name
        ("town_2010.tif", STATED, "2010"),  # made again in 2015
        ("from_2010_to_2015.tif", None, "None"),
        ("from_2010_to_2015.tif", STATED, "2015-06-29"),
        ("m_4709963.tif", None, "None"),
        ("20100231.tif", None, "None"),
        ("scene.2015", None, "None"),  # a suffix
        ("crop_2048.tif", STATED, "2015-06-29"),  # pixels
        ("town_2015_2048px.tif", None, "2015"),
    ],
)
def test_when_a_scene_was_taken(name: str, time: datetime | None, said: str) -> None:
    period = period_of(f"/scenes/1985/{name}", time)
    assert str(period) == said
    assert day_of(name, time) == (date.fromisoformat(said) if "-" in said else None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a_20150629.tif", "2015-06-29 08:30"),  # the hour is stated
        ("a_20120101.tif", "2012-01-01 12:00"),  # copied in 2015
        ("a_2015.tif", "2015-06-29 08:30"),
        ("a_2012.tif", None),
        ("a.tif", "2015-06-29 08:30"),
    ],
)
def test_the_moment_of_a_scene_is_on_its_day(name: str, said: str | None) -> None:
    moment = moment_of(name, datetime(2015, 6, 29, 8, 30))
    assert (moment and f"{moment:%Y-%m-%d %H:%M}") == said
