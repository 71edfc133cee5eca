"""One layer of the polygons of all scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from affine import Affine

import geoglot
from geoglot.errors import InputError, OutputError
from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import hex_of
from geoglot.tasks.batch.batch import batch
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")
WORDS = "water, forest, roof"
ZONES = {"west": 32631, "east": 32632}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes in different zones of UTM, one that is no raster, and one that has no place on Earth."""
    folder = tmp_path_factory.mktemp("scenes")
    for seed, (name, code) in enumerate(ZONES.items()):
        place = Affine(0.5, 0, 500_000, 0, -0.5, 5_700_000)
        write_scene(folder / f"{name}.tif", paint(class_field((96, 112), 3, seed), NAMES), crs=code, transform=place)
    (folder / "oops.tif").write_text("no raster")
    write_scene(folder / "nowhere.tif", paint(class_field((96, 112), 3), NAMES), crs=None, transform=place)
    return folder


@pytest.mark.parametrize(("door", "more"), [
    (geoglot.segment, {"polygons": ".fgb"}), (geoglot.segment, {"polygons": ".geojson"}), (geoglot.find, {}),
])  # fmt: skip
def test_all_polygons_are_in_one_layer_with_the_name_of_their_scene(
    scenes: Path, tmp_path: Path, door: Any, more: dict[str, str]
) -> None:
    for _ in range(2):  # the second run passes over the scenes, and its layer replaces that of the first
        result = batch(door, scenes, WORDS, tmp_path / "out", together=tmp_path / "all.gpkg", **more)
    assert result.together == tmp_path / "all.gpkg" and result.to_json()["together"] == str(tmp_path / "all.gpkg")
    every = gpd.read_file(tmp_path / "all.gpkg", layer=0)
    assert every.crs.to_epsg() == 4326 and set(every["scene"]) == set(ZONES)
    assert any(note.startswith("nowhere is not in all.gpkg: it has no CRS") for note in result.notes)
    for name in ZONES:
        own = gpd.read_file(tmp_path / "out" / f"{name}{more.get('polygons', '.gpkg')}", layer=0)
        part = every[every["scene"] == name]
        assert set(own.columns) == set(every.columns) - {"scene"} and len(own) == len(part)
        assert part["area_m2"].sum() == pytest.approx(own["area_m2"].sum())
        assert part.total_bounds == pytest.approx(own.to_crs(4326).total_bounds, abs=1e-6)
    colours = dict(zip(NAMES, map(hex_of, Legend(NAMES).colours), strict=True))
    assert (every["colour"] == every["name"].map(colours)).all()


def test_a_layer_without_any_polygon_is_there(scenes: Path, tmp_path: Path) -> None:
    options = geoglot.FindOptions(min_area=1e9)
    batch(
        geoglot.find, scenes / "*st.tif", "roof", tmp_path / "out", together=tmp_path / "all.geojson", options=options
    )
    assert gpd.read_file(tmp_path / "all.geojson").empty


def test_what_cannot_be_joined_is_refused_before_any_work(scenes: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gpkg"
    mine.write_text("mine")
    out, whole = tmp_path / "out", tmp_path / "all.gpkg"
    for door, output, settings, said in (
        (geoglot.segment, out, {"together": whole}, "give --polygons .gpkg"),
        (geoglot.segment, out, {"together": whole, "polygons": ".pmtiles"}, "must end in .gpkg"),
        (geoglot.find, None, {"together": whole}, "give a folder"),
        (geoglot.find, out, {"together": tmp_path / "all.docx"}, "cannot be written as"),
        (geoglot.find, out, {"together": mine}, "another program"),
        (geoglot.find, out, {"together": out / "west.gpkg"}, "is the file of the scene west"),
        (geoglot.change, out, {"together": whole}, "is for segment and find"),
    ):
        sources = [scenes, scenes] if door is geoglot.change else scenes
        with pytest.raises((InputError, OutputError), match=said):
            batch(door, sources, WORDS, output, **settings)
    assert not out.exists() and mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["west", "all"])
def test_files_of_a_batch_may_share_a_name_with_each_other_and_with_a_scene(
    scenes: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    own = {"table": out / f"{name}.csv", "together": out / f"{name}.geojson"}
    states = []
    for _ in range(3):
        result = batch(geoglot.find, scenes / "*st.tif", WORDS, out, **own)
        states.append([each.state for each in result.outcomes])
        assert all(file.exists() for file in own.values())
    assert states == [["done"] * 2, ["there"] * 2, ["there"] * 2]


def test_a_batch_without_any_result_leaves_the_files_of_an_earlier_one(scenes: Path, tmp_path: Path) -> None:
    own = {"table": tmp_path / "all.csv", "together": tmp_path / "all.geojson"}
    batch(geoglot.find, scenes / "*st.tif", "roof", tmp_path / "out", **own)
    before = {path: path.read_bytes() for path in own.values()}
    other = batch(geoglot.find, scenes / "*st.tif", "water", tmp_path / "out", **own)
    assert {each.state for each in other.outcomes} == {"failed"}
    assert {path: path.read_bytes() for path in own.values()} == before
    assert [note for note in other.notes if "is left as an earlier run made it" in note]
    again = batch(geoglot.find, scenes / "*st.tif", "water", tmp_path / "out", overwrite=True, **own)
    assert {each.state for each in again.outcomes} == {"done"}
    assert all(path.read_bytes() != content for path, content in before.items())
