"""Three dates, tables, maps of classes, polygons, and what a user may ask."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from click.testing import CliRunner
from PIL import Image

import geoglot.models.zoo as zoo
from geoglot.cli.main import cli
from geoglot.errors import ClassesError, InputError
from geoglot.options import ChangeOptions, ReadOptions
from geoglot.sources.scene_day import period_of
from geoglot.tasks.change import change_files
from geoglot.tasks.change.change import change
from geoglot.tasks.change.legends import GAINED, LOST, STAYS
from geoglot.tasks.change.time_series import chart_of
from stubs import ColourScorer
from worlds import UTM, class_field, paint, write_scene

NAMES = ("water", "forest", "roof")
DAYS = ("2010-06-29", "2015-07-01", "2021-05-30")


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A roof comes on the second date and is there on the third, when water comes, too."""
    folder, field = tmp_path_factory.mktemp("series"), class_field((256, 256), 2, seed=5)
    paths = []
    for place, day in enumerate(DAYS):
        if place == 1:
            field[32:80, 32:80] = 2
        if place == 2:
            field[160:224, 160:224] = 0
        paths.append(write_scene(folder / f"scene_{day}.tif", paint(field, NAMES)))
    return paths


def test_each_date_has_a_row_and_each_step_a_map(series: list[Path], tmp_path: Path) -> None:
    result = change(
        series, None, tmp_path / "change.tif", model=ColourScorer(NAMES), table=tmp_path / "areas.csv",
        options=ChangeOptions(by_class=True),
    )  # fmt: skip
    assert result.dates == DAYS
    rows = list(csv.reader((tmp_path / "areas.csv").read_text().splitlines()))
    assert rows[0] == ["date", "day", "water (m²)", "forest (m²)", "roof (m²)"]
    assert [row[:2] for row in rows[1:]] == [[day, day] for day in DAYS]
    roof = next(each for each in result.classes if each.name == "roof")
    assert [float(row[4]) for row in rows[1:]] == pytest.approx(roof.area_m2, rel=1e-5)
    assert roof.area_m2[0] < 10 < 400 < roof.area_m2[1] == pytest.approx(roof.area_m2[2], abs=20)
    assert [counts["appeared"] for counts in roof.objects] == [1, 0]
    steps = {(each.before, each.after) for each in result.transitions if each.target == "roof"}
    assert steps == {(DAYS[0], DAYS[1])}
    maps = {}
    for name in ("change", "change.step1", "change.step2", "change.3-roof"):
        with rasterio.open(tmp_path / f"{name}.tif") as dataset:
            maps[name] = dataset.read(1)
    assert maps["change.step1"][56, 56] and not maps["change.step2"][56, 56]
    flood = np.s_[160:224, 160:224]
    assert maps["change.step2"][flood].any() and not maps["change.step1"][flood].any()
    assert maps["change"][56, 56] and (maps["change"][flood] == maps["change.step2"][flood]).all()
    assert maps["change.3-roof"][56, 56] == GAINED and not (maps["change.3-roof"] == LOST).any()
    assert STAYS not in maps["change.3-roof"]


def test_the_picture_names_what_its_map_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows the first date against the last; what became water in between, and then a roof, is a roof in a wood."""
    field, paths, drawn = np.ones((192, 192), int), [], []
    for day, state in zip(DAYS, (1, 0, 2), strict=True):
        field[64:128, 64:128] = state
        paths.append(write_scene(tmp_path / f"scene_{day}.tif", paint(field, NAMES)))

    def overlay(*arguments: Any) -> tuple[str, ...]:
        drawn.extend(arguments[3])
        return ()

    monkeypatch.setattr(change_files, "write_overlay", overlay)
    result = change(paths, None, tmp_path / "change.tif", model=ColourScorer(NAMES))
    assert {(each.source, each.target) for each in result.transitions} == {("forest", "water"), ("water", "roof")}
    assert drawn[1:] == ["forest to roof"]


def test_years_lie_on_a_chart_as_far_apart_as_they_are() -> None:
    names = ("1990.tif", "scene_2010-06-29.tif", "2020.tif")
    first, middle, last = chart_of([], names, [period_of(name, None) for name in names]).places
    assert (middle - first) / (last - first) == pytest.approx(2 / 3, abs=0.01)
    assert chart_of([], names, [None, *(period_of(name, None) for name in names[1:])]).places == [0, 1, 2]


def test_maps_of_an_earlier_run_do_not_stay(series: list[Path], tmp_path: Path) -> None:
    """Those of more dates, or of other classes, would lie beside a map that they do not belong to."""
    output, table, own = tmp_path / "change.tif", tmp_path / "areas.csv", tmp_path / "change.2-forest.tif"
    every = {"options": ChangeOptions(by_class=True), "model": ColourScorer(NAMES)}
    change(series, None, output, table=table, **every)
    own.write_bytes(b"mine")
    change(series[1:], ["roof", "water"], output, overwrite=True, **every)
    left = {path.name for path in tmp_path.glob("*.tif")}
    assert left == {"change.tif", "change.1-roof.tif", "change.2-water.tif", own.name}
    assert own.read_bytes() == b"mine" and table.exists()
    assert not list(tmp_path.glob("change.step*"))


def test_an_area_limits_what_counts(series: list[Path], tmp_path: Path) -> None:
    with rasterio.open(series[0]) as dataset:
        left, top = dataset.transform @ (0, 0)
        right, bottom = dataset.transform @ (128, 128)
    area = tmp_path / "area.geojson"
    gpd.GeoDataFrame(geometry=[shapely.box(left, bottom, right, top)], crs="EPSG:32631").to_crs(4326).to_file(area)
    result = change(series[::2], None, model=ColourScorer(NAMES), options=ChangeOptions(area=area))
    assert sum(each.pixels[0] for each in result.classes) == pytest.approx(128 * 128, rel=0.02)
    assert {each.target for each in result.transitions} == {"roof"}
    assert result.changes is not None and set(result.changes["gain"]) == {"appeared"} and not result.outputs


def test_the_command_prints_what_python_gives(
    series: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "load_model", lambda *_, **__: ColourScorer(NAMES))
    asked = ["change", *map(str, series[:2]), "-o", str(tmp_path / "c.tif"), "--classes", "water,roof", "--json"]
    done = CliRunner().invoke(cli, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["dates"] == list(DAYS[:2]) and document["shift_m"] == [0.0, 0.0]
    assert [each["name"] for each in document["classes"]] == ["other", "water", "roof"]
    roof = document["classes"][2]
    assert roof["area_m2"][1] - roof["area_m2"][0] == pytest.approx(roof["gain_m2"] - roof["loss_m2"], abs=0.1)
    assert Path(document["outputs"]["map"]).exists() and Path(document["outputs"]["chart svg"]).exists()
    assert "+" in document["summary"]
    again = CliRunner().invoke(cli, [*asked[:-1], "--overwrite"], catch_exceptions=False)
    assert again.exit_code == 0 and DAYS[0] in again.stdout and "roof" in again.stdout


def test_a_note_says_which_date_it_is_about(series: list[Path], tmp_path: Path) -> None:
    fine = paint(class_field((256, 256), 2, seed=5), NAMES)
    coarse = write_scene(
        tmp_path / "2021-01-01.tif", fine[:, ::2, ::2], transform=UTM["transform"] @ Affine.scale(2), photometric="RGB"
    )
    notes = change([series[0], coarse], None, model=ColourScorer(NAMES)).notes
    assert [note for note in notes if "and was read at" in note] == [
        f"{DAYS[0]}: the scene is at 0.5 m and was read at 1 m; colours understands 0.1 to 30 m"
    ]


def test_a_ground_resolution_that_was_given_is_not_asked_for(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        Image.fromarray(paint(class_field((128, 128), 2), NAMES).transpose(1, 2, 0)).save(path)
    scorer = ColourScorer(NAMES)
    assert any("say it with --gsd" in note for note in change(paths, None, model=scorer).notes)
    told = change(paths, None, model=scorer, read=ReadOptions(resolution=0.5)).notes
    assert not any("--gsd" in note for note in told)


def test_refusals_say_what_to_do(series: list[Path], tmp_path: Path) -> None:
    scorer = ColourScorer(NAMES)
    with pytest.raises(ClassesError, match="another name"):
        change(series, ["other", "water"], model=scorer)
    with pytest.raises(InputError, match=r"must end in \.csv"):
        change(series, None, tmp_path / "c.tif", model=scorer, table=tmp_path / "c.xlsx")
    with pytest.raises(InputError, match="give an output"):
        change(series, None, model=scorer, polygons=tmp_path / "c.gpkg")
    with pytest.raises(InputError, match="knows no 'tree'"):
        change(series, ["tree"], model=scorer)
