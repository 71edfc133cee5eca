"""What the doors print of scenes of two dates whose notes differ in nothing but the file."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli
from worlds import class_field, paint, write_scene

SAID = "does not name its bands"


@pytest.fixture(scope="module")
def dates(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two dates whose four bands are told by the order of NAIP alone, so that each file has the same note."""
    folder, pixels = tmp_path_factory.mktemp("dates"), paint(class_field((128, 128), 2), ("water", "forest"))
    names = ("m_4709963_se_14_1_20150926.tif", "m_4709963_se_14_1_20200831.tif")
    bands = np.concatenate([pixels, pixels[:1]])
    return [str(write_scene(folder / name, bands, photometric="MINISBLACK")) for name in names]


def lines(*arguments: str) -> list[str]:
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return [line for line in done.stdout.splitlines() if SAID in line]


def check(told: list[str], dates: list[str]) -> None:
    (line,) = told
    assert line.split(maxsplit=1)[1].startswith(f"{dates[0]} {SAID}")
    assert line.endswith(f"; the same holds for {dates[1]}")


def test_change_says_once_what_holds_for_both_dates(dates: list[str], tmp_path: Path) -> None:
    check(lines("change", *dates, "--classes", "water, forest", "-o", str(tmp_path / "change.tif")), dates)


@pytest.mark.parametrize("since", [False, True])
def test_ask_says_once_what_holds_for_both_dates(dates: list[str], since: bool) -> None:
    asked = [*dates, "How much water was lost since 2015?"]
    if not since:
        asked = [dates[0], "--after", dates[1], "How much water was lost?"]
    check(lines("ask", *asked), dates)


def test_a_note_on_one_date_names_that_date_alone(dates: list[str], tmp_path: Path) -> None:
    named = write_scene(
        tmp_path / "2023-01-01.tif", paint(class_field((128, 128), 2), ("water", "forest")), photometric="RGB"
    )
    (line,) = lines("change", dates[0], str(named), "--classes", "water", "-o", str(tmp_path / "change.tif"))
    assert dates[0] in line and "the same holds" not in line and named.name not in line
