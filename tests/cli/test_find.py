from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
from click.testing import CliRunner, Result

from geoglot.cli.main import cli
from scenes import plant
from worlds import scribble, write_scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    things = [("forest", 120, 120, 60), ("water", 120, 320, 50)]
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", plant((260, 420), things).pixels)


def find(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["find", *map(str, arguments)])


def test_json_is_one_document_with_the_agreed_keys(scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "found.geojson"
    result = find(scene, "trees", "lake", "-o", output, "--refine", "edges", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {"model", "output", "counts", "areas_m2", "objects", "thresholds", "summary", "windows"} <= set(document)
    assert set(document["counts"]) == set(document["areas_m2"]) == {"trees", "lake"}
    assert len(document["objects"]) == len(gpd.read_file(output)) == sum(document["counts"].values())
    for one in document["objects"]:
        assert {"id", "name", "score", "area_m2", "bounds"} <= set(one)


def test_people_see_counts_without_an_output(scene: Path) -> None:
    result = find(scene, "trees,lake")
    assert result.exit_code == 0, result.output
    assert "score from" in result.stdout and "windows by mini" in result.stdout
    assert "objects  " not in result.stdout


def test_failed_windows_exit_with_3(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", plant((1024, 64), []).pixels)
    scribble(source, block=15)
    result = find(source, "trees", "-o", tmp_path / "found.gpkg", "--tile", "224", "--overlap", "0", "--json")
    assert result.exit_code == 3
    assert [one["window"] for one in json.loads(result.stdout)["windows"]["failed"]] == [[800, 0, 224, 224]]
    assert (tmp_path / "found.gpkg").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.tif", "a"], 1, "missing.tif"),
        (["scene.tif"], 2, "--points"),
        (["scene.tif", "a", "a"], 2, "more than once"),
        (["scene.tif", "none.txt"], 2, "no class file"),
        (["scene.tif", "a", "-o", "a.kml"], 2, ".gpkg"),
        (["scene.tif", "a", "-o", "no/a.gpkg"], 1, "mkdir -p"),
        (["scene.tif", "a", "--refine", "sam"], 2, "--sam facebook/sam-vit-base"),
        (["scene.tif", "a", "--refine", "sam", "--sam", "./none"], 1, "cannot be loaded"),
        (["scene.tif", "a", "--refine", "magic"], 2, "magic"),
        (["scene.tif", "a", "--background", "a,b"], 2, "cannot be found and be the background"),
        (["scene.tif", "a", "--min-score", "2"], 2, "must be below 1, got 2"),
        (["scene.tif", "a", "--aoi", "none.gpkg"], 2, "cannot be read as points or polygons"),
        (["scene.tif", "a", "--model", "none"], 1, "geoglot models list"),
    ],
)
def test_wrong_input_gets_one_sentence_and_leaves_nothing(
    scene: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(scene.parent)
    before = sorted(scene.parent.rglob("*"))
    result = find(*arguments)
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert sorted(scene.parent.rglob("*")) == before
