from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from archives import MODEL, make_batch, unit
from geoglot.cli.main import cli
from geoglot.index.search.query import Questioner
from geoglot.index.search.watch import Watched, watch
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_table import ChipBatch

WORD = np.eye(MODEL.dim, dtype=np.float32)[0]
FIRST = datetime(2022, 5, 1, tzinfo=UTC)
CELLS = 200


def chips(levels: np.ndarray, year: int) -> ChipBatch:
    """The same cells on one date; `levels` are their cosines with the word."""
    batch = make_batch(CELLS)
    rest = np.random.default_rng(year).normal(size=(CELLS, MODEL.dim))
    rest[:, 0] = 0
    vectors = levels[:, None] * WORD + np.sqrt(1 - levels[:, None] ** 2) * unit(rest).astype(np.float32)
    time = pa.array([FIRST + timedelta(days=365 * year)] * CELLS, pa.timestamp("us", tz="UTC"))
    table = batch.chips.set_column(batch.chips.column_names.index("time"), "time", time)
    return ChipBatch(vectors.astype(np.float16), table, batch.sources)


def look(folder: Path, dates: list[np.ndarray], since: int, top: int = 20) -> Watched:
    archive = Archive.create(folder, MODEL)
    for year, levels in enumerate(dates):
        archive = archive.append(chips(levels, year))
    return watch(archive, WORD, datetime(2022 + since, 1, 1, tzinfo=UTC), top)


@pytest.fixture
def levels() -> list[np.ndarray]:
    """Four dates of places that differ; the light of each date differs too."""
    random = np.random.default_rng(3)
    places = random.normal(0.2, 0.08, CELLS)
    return [places + light + random.normal(0, 0.01, CELLS) for light in (0.0, 0.15, -0.1, 0.05)]


def cell_of(index: int) -> str:
    name: str = make_batch(CELLS).chips["cell"][index].as_py()
    return name


def test_planted_events_come_first_with_the_date_since_which_they_last(
    tmp_path: Path, levels: list[np.ndarray]
) -> None:
    for index in range(10):
        for date in levels[2:]:
            date[index] += 0.3
    levels[3][10] += 0.3
    found = look(tmp_path / "a", levels, since=1)
    assert {rise.cell for rise in found.rises} == {cell_of(index) for index in range(11)}
    assert [rise.rise for rise in found.rises] == sorted((rise.rise for rise in found.rises), reverse=True)
    first = next(rise for rise in found.rises if rise.cell == cell_of(0))
    assert (first.before.time.year, first.after.time.year) == (2023, 2024)
    assert first.after.score > first.before.score and first.rise == pytest.approx(0.3, abs=0.06)
    last = next(rise for rise in found.rises if rise.cell == cell_of(10))
    assert (last.before.time.year, last.after.time.year) == (2024, 2025)
    assert (found.compared, found.searched) == (CELLS, 4 * CELLS)
    assert len(look(tmp_path / "b", levels, since=1, top=3).rises) == 3


def test_the_same_command_replaces_its_sheet(
    tmp_path: Path, levels: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    levels[3][0] += 0.3
    look(tmp_path / "a", levels, since=1)
    monkeypatch.setattr(Questioner, "read", lambda *_: WORD)
    for place in (str(tmp_path / "a"), f"{tmp_path / 'a'}/"):
        sheet = tmp_path / "sheet.png"
        result = CliRunner().invoke(cli, ["index", "watch", place, "roof", "--since", "2023", "--sheet", str(sheet)])
        assert result.exit_code == 0 and sheet.exists(), result.output


def test_what_comes_and_goes_or_was_there_before_is_no_event(tmp_path: Path, levels: list[np.ndarray]) -> None:
    levels[2][0] += 0.3  # for one date
    for date in levels[1:]:
        date[1] += 0.3  # before the date that was asked
    assert not look(tmp_path / "a", levels, since=2).rises
    assert {rise.cell for rise in look(tmp_path / "b", levels, since=1).rises} == {cell_of(1)}


def test_the_light_of_a_date_is_no_event_even_if_it_shows_other_cells(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    places = random.normal(0.2, 0.08, CELLS)
    dates = [places + random.normal(0, 0.01, CELLS), places + 0.4 + random.normal(0, 0.01, CELLS)]
    assert not look(tmp_path / "a", dates, since=1).rises


def test_one_date_alone_has_nothing_to_compare(tmp_path: Path, levels: list[np.ndarray]) -> None:
    assert look(tmp_path / "a", levels[:1], since=0) == Watched((), 0, CELLS)
    assert look(tmp_path / "b", levels, since=9) == Watched((), 0, 4 * CELLS)
    assert watch(Archive.create(tmp_path / "c", MODEL), WORD, FIRST) == Watched((), 0, 0)


def test_its_json_names_both_chips(tmp_path: Path, levels: list[np.ndarray]) -> None:
    levels[3][4] += 0.4
    (rise,) = look(tmp_path / "a", levels, since=1).rises
    document = rise.to_json()
    assert document["cell"] == cell_of(4) and len(document["bounds"]) == 4
    assert document["before"]["source"] == document["after"]["source"] == "/scenes/scene-0-0.tif"
    assert document["after"]["window"] == [4, 0, 224, 224] and document["after"]["time"].startswith("2025")
