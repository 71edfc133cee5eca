from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from drawn import FIELD, NAMES, TAUGHT, points, save
from geoglot.errors import InputError, ModelError, OutputError, SourceError
from geoglot.models.taught import Taught
from geoglot.models.zoo import load_model, load_word_model
from geoglot.outputs.own import MARK, mark
from geoglot.scene.class_words import parse_classes
from geoglot.training.teach.held_out import Figures
from geoglot.training.teach.labels import read_labels
from geoglot.training.teach.teach import teach
from worlds import UTM, paint, write_scene


def test_few_labels_and_labels_in_one_place_are_told(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 6)
    near = [shapely.Point(UTM["transform"] @ (3 + index, 3)) for index in range(3)]
    local = gpd.GeoDataFrame({"Class": ["corner"] * 3}, geometry=near, crs=UTM["crs"])
    files = [save(labels, tmp_path / "a.gpkg"), save(local, tmp_path / "b.geojson")]
    result = teach(scene, files, tmp_path / "mine", model=base)
    told = " ".join(result.notes)
    assert "few labels of corner (3)" in told and "all labels of corner lie in one place" in told
    assert "shed" not in told
    assert {each.name: each.iou is None for each in result.classes}["corner"]


@pytest.mark.parametrize(("by_words", "told"), [(0.6, True), (0.4, False)])
def test_labels_that_do_worse_than_the_names_are_told(
    scene: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_words: float, told: bool
) -> None:
    figures = Figures((0.5,) * 3, (0.5,) * 3, (by_words,) * 3, 0.5, by_words)
    monkeypatch.setattr("geoglot.training.teach.teach.hold_out", lambda examples: figures)
    result = teach(scene, save(points(FIELD, 6), tmp_path / "a.gpkg"), tmp_path / "mine", model=base)
    assert any("class names alone do better (IoU 60.0%)" in note for note in result.notes) == told


@pytest.mark.parametrize(("accuracy", "told"), [((0.2, 0.5, None), True), ((0.9, 0.4, 0.2), False)])
def test_labels_that_do_no_better_than_a_guess_are_told(
    scene: Path,
    base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    accuracy: tuple[float | None, ...],
    told: bool,
) -> None:
    figures = Figures((0.5,) * 3, accuracy, (0.1,) * 3, 0.5, 0.1)
    monkeypatch.setattr("geoglot.training.teach.teach.hold_out", lambda examples: figures)
    result = teach(scene, save(points(FIELD, 6), tmp_path / "a.gpkg"), tmp_path / "mine", model=base)
    guesses = [note for note in result.notes if "no better than a guess (accuracy 35% in the mean" in note]
    assert bool(guesses) == told


def test_what_cannot_be_taught_is_refused(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 3)
    drawn = save(labels, tmp_path / "labels.gpkg")
    away = labels.set_geometry(labels.geometry.translate(1e5), crs=labels.crs)
    with pytest.raises(InputError, match="no label lies on a scene"):
        teach(scene, save(away, tmp_path / "away.gpkg"), tmp_path / "mine", model=base)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="no taught model"):
        teach(scene, drawn, foreign, model=base)
    with pytest.raises(InputError, match="has the columns Class and no 'kind'"):
        teach(scene, drawn, tmp_path / "mine", model=base, class_column="kind")
    plain = save(labels.drop(columns="Class"), tmp_path / "plain.geojson")
    with pytest.raises(InputError, match="--class-column"):
        teach(scene, plain, tmp_path / "mine", model=base)
    teach(scene, drawn, tmp_path / "mine", model=base)
    with pytest.raises(InputError, match="was taught itself"):
        teach(scene, drawn, tmp_path / "other", model=tmp_path / "mine")


def test_wrong_labels_end_in_one_sentence_and_leave_nothing(scene: Path, base: Path, tmp_path: Path) -> None:
    labels, output = points(FIELD, 3), tmp_path / "mine"
    degrees = labels.to_crs(4326).set_crs(None, allow_override=True)
    wrong = {
        "no label lies on a scene; is the CRS": labels.set_geometry(labels.geometry.translate(1e5), crs=labels.crs),
        "no label lies on a scene; they have no CRS": degrees,
        "no label lies on a scene; their column of sources names other.tif": labels.assign(source="other.tif"),
        "no label of .* has a class in 'Class'": labels.assign(Class=None),
        "all labels are of 'other'": labels.assign(Class="Background"),
        "'shed@town' cannot be taught": labels.assign(Class=labels["Class"].replace("shed", "shed@town")),
        "columns id, and none that holds a text": labels.drop(columns="Class").assign(id=list(map(str, labels.index))),
        "has no columns; write the class of each label into one called class, or name the column of classes: "
        "--class-column": labels.drop(columns="Class"),
    }
    for said, frame in wrong.items():
        drawn = tmp_path / "wrong.parquet"
        frame.to_parquet(drawn)
        with pytest.raises(InputError, match=said):
            teach(scene, drawn, output, model=base)
        assert not output.exists()
    with pytest.raises(SourceError):
        teach(tmp_path / "missing.tif", save(labels, tmp_path / "labels.gpkg"), output, model=base)
    assert not output.exists()


def test_labels_without_a_crs_are_in_the_coordinates_of_the_scene(scene: Path, base: Path, tmp_path: Path) -> None:
    plain = points(FIELD, 5).set_crs(None, allow_override=True)
    plain.to_parquet(tmp_path / "labels.parquet")
    result = teach(scene, tmp_path / "labels.parquet", tmp_path / "mine", model=base)
    assert result.patches == 15 and any("no CRS" in note for note in result.notes)


def test_the_folder_of_another_run_is_refused(scene: Path, base: Path, tmp_path: Path) -> None:
    drawn, run = save(points(FIELD, 3), tmp_path / "labels.gpkg"), tmp_path / "run"
    run.mkdir()
    mark(run)
    (run / "round-1").mkdir()
    with pytest.raises(OutputError, match="no taught model"):
        teach(scene, drawn, run, model=base)
    assert sorted(path.name for path in run.iterdir()) == [MARK, "round-1"]


def test_a_failed_call_leaves_the_model_and_what_was_kept(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 3)
    drawn, output = save(labels, tmp_path / "labels.gpkg"), tmp_path / "mine"
    teach(scene, drawn, output, model=base)
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    away = save(labels.set_geometry(labels.geometry.translate(1e5), crs=labels.crs), tmp_path / "away.gpkg")
    with pytest.raises(InputError, match="no label lies on a scene"):
        teach(scene, away, output, model=base)
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before


def test_a_taught_model_knows_its_base(scene: Path, base: Path, tmp_path: Path) -> None:
    teach(scene, save(points(FIELD, 3), tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    path = tmp_path / "mine" / "card.json"
    card = json.loads(path.read_text())
    assert card["config"]["base"]["place"] == str(base)
    card["config"]["base"]["sha256"] = "f" * 64
    path.write_text(json.dumps(card))
    with pytest.raises(ModelError, match=r"another .*colours than the one that is here"):
        load_model(tmp_path / "mine")
    card["config"]["base"]["place"] = str(tmp_path / "mine")
    path.write_text(json.dumps(card))
    with pytest.raises(ModelError, match="was taught itself"):
        load_model(tmp_path / "mine")
    card["config"]["classes"] = ["shed"]
    path.write_text(json.dumps(card))
    with pytest.raises(ModelError, match="at least two names"):
        load_model(tmp_path / "mine")


def test_labels_that_teach_nothing_are_told(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 6)
    away = [shape if number else shapely.affinity.translate(shape, 1e5) for number, shape in enumerate(labels.geometry)]
    lost = gpd.GeoDataFrame({"Class": ["pier"]}, geometry=[away[0]], crs=labels.crs)
    files = [save(labels.set_geometry(away, crs=labels.crs), tmp_path / "a.gpkg"), save(lost, tmp_path / "b.gpkg")]
    result = teach([scene, scene], files, tmp_path / "mine", model=base)
    told = "2 of 19 labels taught nothing: no scene has data there; nothing else was drawn of pier"
    assert told in result.notes and "pier" not in [each.name for each in result.classes]


def test_a_class_of_which_nothing_can_be_seen_is_left_out(base: Path, tmp_path: Path) -> None:
    pixels = paint(FIELD, NAMES)
    pixels[:, :100, :100] = 0
    scene = write_scene(tmp_path / "scene.tif", pixels, nodata=0)
    drawn = points(np.where(np.arange(320) < 120, -1, FIELD), 5)[:10]
    corner = gpd.GeoDataFrame({"Class": ["shed"]}, geometry=[shapely.Point(UTM["transform"] @ (50, 50))], crs=drawn.crs)
    result = teach(scene, save(pd.concat([drawn, corner]), tmp_path / "l.gpkg"), tmp_path / "mine", model=base)
    assert [each.name for each in result.classes] == ["lagoon", "thicket"]
    assert any("nothing else was drawn of shed" in note for note in result.notes)
    only = save(corner, tmp_path / "only.gpkg")
    with pytest.raises(InputError, match="no data there"):
        teach(scene, only, tmp_path / "none", model=base)


def test_names_that_mean_one_class_are_one(scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 6)
    labels.loc[labels.index[0], "Class"] = "Lagoons"
    result = teach(scene, save(labels, tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    assert [each.name for each in result.classes] == sorted(TAUGHT)
    assert "'Lagoons' is read as 'lagoon'" in result.notes


def test_a_name_that_means_another_model_is_refused(
    scene: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = save(points(FIELD, 6), tmp_path / "labels.gpkg")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="mini is the name of a model"):
        teach(scene, drawn, "mini", model=base)
    assert not Path("mini").exists()


def test_ground_without_data_costs_labels_and_never_the_run(scene: Path, base: Path, tmp_path: Path) -> None:
    """Whatever was kept before, and whatever the other scenes hold."""
    pixels = paint(FIELD, NAMES)
    pixels[:, :100, :100] = 0
    holed = write_scene(tmp_path / "holed.tif", pixels, nodata=0)
    empty = write_scene(tmp_path / "empty.tif", np.zeros_like(pixels), nodata=0)
    beside = points(np.where(np.arange(320) < 120, -1, FIELD), 5)
    corner = gpd.GeoDataFrame(
        {"Class": ["shed"]}, geometry=[shapely.Point(UTM["transform"] @ (50, 50))], crs=UTM["crs"]
    )
    first, both = save(beside, tmp_path / "a.gpkg"), save(pd.concat([beside, corner]), tmp_path / "b.gpkg")
    teach(holed, first, tmp_path / "mine", model=base)
    again = teach([holed, empty], both, tmp_path / "mine", model=base)
    assert again.patches == len(beside) and any("1 of 16 labels taught nothing" in note for note in again.notes)


def test_scenes_with_little_more_data_than_labels_teach(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geoglot.training.teach.patches._PLACES", 1)  # one patch stands for the scene, without data
    pixels, labels = paint(FIELD, NAMES), points(FIELD, 2)
    cells = [tuple(np.floor(~UTM["transform"] @ (at.x, at.y)).astype(int)) for at in labels.geometry]
    seen = np.zeros(FIELD.shape, bool)
    for column, row in cells:
        seen[row // 8 * 8 : row // 8 * 8 + 8, column // 8 * 8 : column // 8 * 8 + 8] = True
    islands = write_scene(tmp_path / "islands.tif", pixels * seen, nodata=0)
    result = teach(islands, save(labels, tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    assert len(result.classes) == 3 and result.patches == 6


@pytest.mark.parametrize("name", ["shed, small", "shed: small"])
def test_a_name_that_no_list_of_classes_can_hold_is_told(name: str, scene: Path, base: Path, tmp_path: Path) -> None:
    labels = points(FIELD, 5)
    labels["Class"] = labels["Class"].replace("shed", name)
    result = teach(scene, save(labels, tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    assert any("divide the words of --classes" in note and name in note for note in result.notes)


@pytest.mark.parametrize(
    ("drawn", "asked"),
    [("'t veld", "'t veld"), ('"shed" ', "shed"), ("Da\u0308cher", "D\u00e4cher"), ("D\u00e4cher", "da\u0308cher")],
)
def test_a_taught_name_is_known_by_whoever_writes_it(
    drawn: str, asked: str, scene: Path, base: Path, tmp_path: Path
) -> None:
    """Doors drop quotes around a name, and systems write an umlaut as one character or as two."""
    labels = points(FIELD, 5)
    labels["Class"] = labels["Class"].replace("shed", drawn)
    teach(scene, save(labels, tmp_path / "labels.gpkg"), tmp_path / "mine", model=base)
    mine = load_word_model(tmp_path / "mine", device="cpu")
    assert isinstance(mine, Taught) and mine.class_of(parse_classes(asked)[0].name)


def test_a_name_of_quotes_alone_is_no_class(tmp_path: Path) -> None:
    labels = points(FIELD, 5)
    labels["Class"] = labels["Class"].replace("shed", "' _ '")
    assert read_labels([save(labels, tmp_path / "labels.gpkg")]).notes == ("5 labels without a class passed over",)
