from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from PIL import Image
from polygons import StubScene, grid_of

import geoglot
from geoglot.crs import transform
from geoglot.errors import AnswerError, InputError, SourceError
from geoglot.options import ChangeOptions, FindOptions, ReadOptions
from geoglot.sources.raster import read_grid
from geoglot.tasks.ask.ask import Asker, ask
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.ask.scenes import RasterScene, SceneOptions
from geoglot.tasks.find.find import find
from scenes import plant
from stubs import PooledColours
from worlds import crop_demo, paint, write_scene

THINGS = [
    ("roof", 40, 40, 12), ("roof", 64, 130, 20), ("water", 150, 60, 28), ("roof", 190, 190, 16), ("roof", 128, 256, 24),
]  # fmt: skip
READ = ReadOptions(tile=64, overlap=16)
LOOKS = FindOptions(background="sand, forest", templates=("{}",), overlay=False)
OPTIONS = AskOptions(LOOKS)


class Counting(PooledColours):
    """Counts the windows that go through it."""

    windows = 0

    def encode_patches(self, pixels):  # type: ignore[no-untyped-def]
        type(self).windows += len(pixels)
        return super().encode_patches(pixels)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", plant((260, 300), THINGS).pixels)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("later") / "later.tif", plant((260, 300), THINGS[1:]).pixels)


def test_a_raster_is_asked(scene: Path, tmp_path: Path) -> None:
    answer = geoglot.ask(
        scene,
        "How many roofs are there?",
        model=PooledColours(),
        read=READ,
        options=replace(OPTIONS, evidence=tmp_path / "roofs.geojson"),
    )
    assert (answer.value, answer.unit, answer.text) == (4, None, "There are 4 roofs.")
    assert answer.confidence is not None and 0.9 < answer.confidence < 1  # calibrated: it is never certain
    assert "roof: 4 found" in answer.reason
    drawn = gpd.read_file(tmp_path / "roofs.geojson")
    assert len(drawn) == 4
    assert drawn.crs.to_epsg() == 4326
    with Image.open(tmp_path / "roofs.png") as picture:
        assert picture.size[0] == 2 * 300


def _bounds(answer: geoglot.Answer) -> np.ndarray:
    return gpd.GeoDataFrame.from_features(answer.evidence["features"]).total_bounds


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb", ".shp", ".zip", ".parquet", ".pmtiles"])
def test_evidence_is_written_in_every_format_with_its_style(scene: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roofs{suffix}"
    question = "How many roofs are there in the north half?"
    answer = geoglot.ask(
        scene, question, model=PooledColours(), read=READ, options=replace(OPTIONS, evidence=path)
    )  # fmt: skip
    frame = gpd.read_parquet(path) if suffix == ".parquet" else gpd.read_file(path, layer=0)
    roles = frame.drop_duplicates(["role", "id"])["role"].tolist()  # tiles cut what they share
    assert roles.count("object") == answer.value and roles.count("region") == 1
    assert frame.to_crs(4326).total_bounds == pytest.approx(_bounds(answer), abs=1e-5)
    drawn = answer.draw().shapes
    assert drawn is not None and set(frame["colour"]) == set(drawn["colour"])
    assert (tmp_path / "roofs.qml").exists() == (suffix not in (".gpkg", ".pmtiles"))


def test_a_refusal_says_what_is_not_there(tmp_path: Path) -> None:
    sea = write_scene(tmp_path / "sea.tif", paint(np.zeros((96, 96), np.intp), ("water",)))
    with Asker.open(sea, model=PooledColours(), read=READ, options=OPTIONS) as asker:
        for question in ("What is the average size of roofs?", "What percentage of the roofs is red?"):
            answer = asker.ask(question)
            assert answer.refused and answer.text.startswith("There is nothing to divide by")
            assert answer.presence["roof"] < 0.5 and any("no roof found" in note for note in answer.notes)


def test_many_questions_encode_the_scene_once(scene: Path) -> None:
    Counting.windows = 0
    with Asker.open(scene, model=Counting(), read=READ, options=OPTIONS) as asker:
        first = asker.ask("How many roofs are there?")
        once = Counting.windows
        assert once > 0
        assert asker.ask("What is the area of the largest roof?").value == pytest.approx(3.14159 * 24**2 / 4, rel=0.15)
        assert asker.ask("Is there water in the lower left quarter?").value is True
        assert asker.ask("What percentage of the image is water?").unit == "%"
        assert first.value == 4
        assert Counting.windows == once
        assert isinstance(asker.scene, RasterScene)
        assert asker.scene.encodings == 1


def test_the_document_has_all_keys_and_gives_the_same_answer_again(scene: Path) -> None:
    with Asker.open(scene, model=PooledColours(), read=READ, options=OPTIONS) as asker:
        answer = asker.ask("What is the area covered by roofs in the left half?")
        document = json.loads(json.dumps(answer.to_json(), allow_nan=False))
        assert {"question", "value", "unit", "text", "confidence", "program", "evidence", "planner", "seconds"} <= set(
            document
        )
        assert document["unit"] == "m²"
        assert document["model"]["sha256"] == "0" * 64
        assert [call["call"] for call in document["calls"]] == ["find", "part", "area_m2", "answer"]
        assert [one["properties"]["role"] for one in document["evidence"]["features"]] == ["object"] * 4 + ["region"]
        again = asker.replay(document)
        assert (again.value, again.text, again.confidence) == (answer.value, answer.text, answer.confidence)
        with pytest.raises(AnswerError, match="the answer is now"):
            asker.replay({**document, "value": 1.0})
        with pytest.raises(InputError, match="weights differ"):
            asker.replay({**document, "model": {"name": "other", "sha256": "1" * 64}})
        with pytest.raises(InputError, match="refusal"):
            asker.replay({**document, "value": None})
        with pytest.raises(InputError, match="not a document"):
            asker.replay({"question": "x"})
        for key in ("unit", "text"):
            with pytest.raises(InputError, match=f"not a document.*{key}"):
                asker.replay({name: value for name, value in document.items() if name != key})


def test_what_a_model_calls_likelier_than_not_is_in_no_doubt(tmp_path: Path) -> None:
    scene = crop_demo(tmp_path / "scene.tif")
    found = find(scene, "truck", options=FindOptions(overlay=False))
    assert found.thresholds["truck"].high > found.objects["score"].min()  # only their best pixel is sure
    answer = ask(scene, "How many trucks are there?")
    assert answer.value == len(found.objects)
    assert "none in doubt" in answer.reason
    assert answer.confidence == pytest.approx(found.presence["truck"], abs=1e-3)


def test_two_dates_of_one_place(scene: Path, later: Path) -> None:
    with Asker.open(scene, later, model=PooledColours(), read=READ, options=OPTIONS) as asker:
        gone = asker.ask("How many roofs have disappeared?")
        assert (gone.value, gone.after) == (1, str(later))
        assert asker.ask("How many roofs are in the first image?").value == 4
        assert asker.ask("How many roofs are there?").value == 3
        assert asker.ask("Has the number of roofs decreased?").value is True


def test_two_dates_are_compared_as_change_compares_them(scene: Path, later: Path) -> None:
    by_change = geoglot.change(
        [scene, later], {"roof": ["roof"]}, model=PooledColours(), read=READ,
        options=ChangeOptions(background="sand, forest", templates=("{}",)),
    )  # fmt: skip
    roofs = next(each for each in by_change.classes if each.name == "roof")
    before, after = roofs.area_m2
    assert before is not None and after is not None and before > after
    with Asker.open(scene, later, model=PooledColours(), read=READ, options=OPTIONS) as asker:
        lost = asker.ask("How much roof was lost?")
        assert (lost.value, lost.unit) == (pytest.approx(before - after), "m²")
        assert "less than before" in lost.text
        grown = asker.ask("By how much has the roof area grown?")
        assert grown.value == pytest.approx(after - before) and "less than before" in grown.text
        assert asker.ask("Has the roof area grown?").value is False
        assert asker.ask("Has the roof area shrunk?").value is True
        assert {feature["properties"]["when"] for feature in lost.evidence["features"]} == {"before"}
        assert asker.ask("How many new roofs are there?").value == 0
        both = asker.ask("How much roof is there on each date?")
        assert both.value == pytest.approx(after - before)
        assert both.text.startswith("Roofs cover ") and both.text.endswith(" less.")


def test_two_dates_are_compared_where_both_show_the_ground(scene: Path, tmp_path: Path) -> None:
    with rasterio.open(scene) as whole:
        pixels, transform = whole.read()[:, :, : whole.width // 2], whole.transform
    crop = write_scene(tmp_path / "crop.tif", pixels, transform=transform)
    with Asker.open(crop, scene, model=PooledColours(), read=READ, options=OPTIONS) as asker:
        new = asker.ask("How many roofs were built?")
        assert new.value == 0 and any("50% of the second" in note for note in new.notes)
        assert new.presence.keys() == {"roof (before)", "roof (after)"} == new.to_json()["presence"].keys()


def test_dates_of_different_crss_are_compared_in_that_of_the_later(scene: Path, later: Path, tmp_path: Path) -> None:
    zone, own = pyproj.CRS("EPSG:32632"), read_grid(scene)
    grid = own.covering(zone, 0.5)
    x, y = transform(*grid.to_map(*(np.indices(grid.shape) + 0.5)), zone, own.known_crs)
    with rasterio.open(scene) as dataset:
        rows, cols = (places.clip(0).astype(int) for places in own.to_pixel(x, y))
        pixels = np.pad(dataset.read(), [(0, 0), (0, 99), (0, 99)])[:, rows, cols]  # 0 beyond the scene
    other = write_scene(tmp_path / "zone.tif", pixels, crs=zone, transform=grid.transform, nodata=0)
    with Asker.open(other, later, model=PooledColours(), read=READ, options=OPTIONS) as asker:
        assert asker.scene.grid.crs == asker.after.grid.crs != zone
        assert asker.ask("How many roofs are in the first image?").value == 4
        assert asker.ask("How many roofs have disappeared?").value == 1
    with Asker.open(later, other, model=PooledColours(), read=READ, options=OPTIONS) as asker:
        assert asker.scene.grid.crs == zone
        assert asker.ask("How many roofs were built?").value == 1


def test_a_date_without_a_crs_beside_one_that_has_it_is_refused(scene: Path, tmp_path: Path) -> None:
    bare = write_scene(tmp_path / "bare.tif", plant((64, 64), []).pixels, crs=None)
    for dates in ((scene, bare), (bare, scene)):
        with pytest.raises(InputError, match=r"bare\.tif must have a CRS as the other date has"):
            Asker.open(*dates, model=PooledColours(), read=READ, options=OPTIONS)


def test_a_word_in_another_spelling_is_told() -> None:
    with Asker(StubScene({"building": [(1, 1, 5, 5)]})) as asker:
        answer = asker.ask("How many bilding are there?")
        assert answer.value == 1 and "'bilding' was read as 'building'" in answer.notes
        assert asker.ask("How many buildings are there?").notes == ()


def test_dates_of_different_places_are_refused(scene: Path, tmp_path: Path) -> None:
    away = write_scene(
        tmp_path / "away.tif", plant((64, 64), []).pixels, transform=Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000)
    )
    with pytest.raises(InputError, match="different places"):
        Asker.open(scene, away, model=PooledColours(), read=READ, options=OPTIONS)


def test_a_refusal_has_no_value_and_says_why(scene: Path) -> None:
    with Asker.open(scene, model=PooledColours(), read=READ, options=OPTIONS) as asker:
        unread = asker.ask("Why is the sky blue?")
        assert (unread.value, unread.confidence, unread.program) == (None, None, None)
        assert "nearest form" in unread.text
        with Asker(StubScene({"roof": [(1, 1, 5, 5)]})) as stub:
            nothing = stub.ask("How far is the roof from the river?")
        assert nothing.refused
        assert "none of these things was found" in nothing.text
        assert nothing.program is not None
        change = asker.ask("How many roofs were built?")
        assert "--after" in change.text
        with pytest.raises(InputError, match="empty"):
            asker.ask("  ")


def test_wrong_inputs_are_told_before_any_work(scene: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"^[^,]*\.gpkg, \.geojson, \.fgb, \.parquet, \.shp, \.zip, \.pmtiles, \.json$"
    ):
        ask(scene, "How many roofs are there?", model=PooledColours(), options=AskOptions(evidence=tmp_path / "x.kml"))
    with pytest.raises(SourceError):
        ask(tmp_path / "none.tif", "How many roofs are there?", model=PooledColours())


def test_words_of_the_whole_scene_are_asked_without_encoding_patches(scene: Path) -> None:
    Counting.windows = 0
    with Asker.open(scene, model=Counting(), read=READ, options=OPTIONS) as asker:
        answer = asker.ask("Is this sand or water?")
        assert answer.value == "sand"
        assert "the best fits with" in answer.reason
        assert asker.ask("Is this water or a forest?").value in ("water", "forest")
    assert Counting.windows == 0


def test_a_part_is_looked_at_in_any_size(scene: Path) -> None:
    with RasterScene(scene, PooledColours(), SceneOptions(READ, LOOKS)) as opened:
        small = opened.look(opened.grid.whole, 64)
        assert max(small.valid.shape) <= 64
        assert small.grid.bounds == pytest.approx(opened.grid.bounds, abs=3)
        picture, grid = opened.picture(100)
        assert picture.shape[1:] == grid.shape


def test_a_stub_scene_cannot_be_drawn(tmp_path: Path) -> None:
    scene = StubScene({"ship": [(1, 1, 5, 5)]}, grid_of())
    with Asker(scene) as asker:
        answer = asker.ask("Is there a ship?")
        assert answer.text == "Yes, there is 1 ship."
        with pytest.raises(InputError, match="only rasters"):
            asker.write_evidence(answer, tmp_path / "x.geojson")
        with pytest.raises(InputError, match="only rasters"):
            asker.ask("Is there a harbor?", evidence=tmp_path / "x.geojson")
    assert scene.looks == ["ship"]  # the second question was refused before any work


def test_outlines_are_refined_and_an_answer_says_how(scene: Path) -> None:
    question = "What is the area of the largest roof?"
    rough = geoglot.ask(scene, question, model=PooledColours(), read=READ, options=OPTIONS)
    with Asker.open(scene, model=PooledColours(), read=READ, options=OPTIONS, refiner="edges") as asker:
        fine = asker.ask(question)
        assert (rough.refiner, fine.refiner) == ("none", "edges")
        assert fine.value != rough.value
        assert fine.value == pytest.approx(3.14159 * 24**2 / 4, rel=0.15)
        assert asker.replay(json.loads(json.dumps(fine.to_json()))).value == fine.value
        with pytest.raises(InputError, match="--refine must be none, as in the document, got edges"):
            asker.replay(rough.to_json())


def test_the_evidence_of_an_earlier_answer_is_its_own(scene: Path, tmp_path: Path) -> None:
    with Asker.open(scene, model=PooledColours(), read=READ, options=OPTIONS) as asker:
        roofs, lakes = asker.ask("How many roofs are there?"), asker.ask("Is there water?")
        asker.write_evidence(roofs, tmp_path / "roofs.geojson")
        asker.write_evidence(lakes, tmp_path / "water.geojson")
    assert set(gpd.read_file(tmp_path / "roofs.geojson").name) == {"roof"}
    assert set(gpd.read_file(tmp_path / "water.geojson").name) == {"water"}


def test_threads_that_share_an_asker_get_their_own_answers(scene: Path) -> None:
    questions = ["How many roofs are there?", "Is there water in the lower left quarter?", "Is this sand or water?"] * 4
    with Asker.open(scene, model=Counting(), read=READ, options=OPTIONS) as asker, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(asker.ask, questions))
        assert isinstance(asker.scene, RasterScene) and asker.scene.encodings == 1
    assert [one.question for one in answers] == questions
    assert [one.value for one in answers] == [4, True, "sand"] * 4
