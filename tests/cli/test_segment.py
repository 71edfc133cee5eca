from __future__ import annotations

import json
from pathlib import Path

import pytest
import rasterio
from click.testing import CliRunner, Result

from geoglot.cli.main import cli
from geoglot.figures import format_area
from worlds import class_field, paint, scribble, write_scene

NAMES = ("water", "forest", "roof")


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", paint(class_field((300, 260), 3), NAMES))


def segment(source: Path, output: Path, *more: str) -> Result:
    arguments = ["segment", str(source), "-o", str(output), "--classes", "water,forest,roof", *more]
    return CliRunner().invoke(cli, arguments)


def test_json_is_one_document_with_the_agreed_keys(scene: Path, tmp_path: Path) -> None:
    polygons = tmp_path / "map.gpkg"
    result = segment(scene, tmp_path / "map.tif", "--polygons", str(polygons), "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {"model", "output", "polygons", "manifest", "classes", "windows", "seconds"} <= set(document)
    assert set(document["classes"][0]) == {"name", "pixels", "area_m2", "share"}
    assert document["windows"] == {
        "total": document["windows"]["total"],
        "done": document["windows"]["total"],
        "failed": [],
    }
    assert sum(row["pixels"] for row in document["classes"]) == 300 * 260
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("scene")) == [
        "map.gpkg", "map.manifest.json", "map.overlay.png", "map.qml", "map.tif", "map.tif.aux.xml",
    ]  # fmt: skip


def test_people_see_areas_and_files(scene: Path, tmp_path: Path) -> None:
    result = segment(scene, tmp_path / "map.tif", "--background", "snow")
    assert result.exit_code == 0
    assert "ha" in result.stdout or "m²" in result.stdout
    assert str(tmp_path / "map.tif") in result.stdout
    with rasterio.open(tmp_path / "map.tif") as mapped:
        assert mapped.tags()["CLASS_2"] == "forest"


def test_failed_windows_exit_with_3(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((1024, 64), 3), NAMES))
    scribble(source, block=15)
    result = segment(source, tmp_path / "map.tif", "--tile", "224", "--overlap", "0", "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert [one["window"] for one in document["windows"]["failed"]] == [[800, 0, 224, 224]]
    assert "1 windows failed" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.tif", "-o", "m.tif", "--classes", "a,b"], 1, "missing.tif"),
        (["text.tif", "-o", "m.tif", "--classes", "a,b"], 1, "cannot be opened"),
        (["scene.tif", "-o", "m.tif", "--classes", ""], 2, "no names were given"),
        (["scene.tif", "-o", "m.tif", "--classes", "none.txt"], 2, "no class file"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,a"], 2, "more than once"),
        (["scene.tif", "-o", "m.tif", "--classes", "a"], 2, "--background"),
        (["scene.tif", "-o", "no/m.tif", "--classes", "a,b"], 1, "mkdir -p"),
        (["scene.tif", "-o", "m.jpg", "--classes", "a,b"], 2, ".tif"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,b", "--polygons", "m.kml"], 2, ".gpkg"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,b", "--model", "none"], 1, "geoglot models list"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,b", "--tile", "100"], 2, "multiples"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,b", "--tile", "4"], 2, "at least one patch"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,b", "--template", "x"], 2, "template"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,b", "--bands", "9"], 2, "9"),
        (["local.tif", "-o", "m.tif", "--classes", "a,b"], 2, "CRS"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,other"], 2, "another name"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,b", "--background", "b,c"], 2, "b cannot be a class and"),
        (["scene.tif", "-o", "m.tif", "--classes", "names.csv,b"], 2, "looks like a file"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,b", "--gsd", "1e9"], 2, "choose a finer resolution"),
        (["scene.tif", "-o", "m.tif", "--classes", "a,b", "--gsd", "0.001"], 2, "100 times as coarse"),
        (["scene.tif", "--classes", "a,b"], 2, "--output"),
        (["scene.tif", "-o", "./scene.tif", "--classes", "a,b"], 2, "is the source"),
    ],
)
def test_wrong_input_gets_one_sentence_and_leaves_nothing(
    scene: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(scene.parent)
    Path("text.tif").write_text("not an image")
    local = 'LOCAL_CS["site grid",UNIT["metre",1]]'
    write_scene(Path("local.tif"), paint(class_field((64, 64), 3), NAMES), crs=local)
    before = sorted(scene.parent.rglob("*"))
    result = CliRunner().invoke(cli, ["segment", *arguments])
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert sorted(scene.parent.rglob("*")) == before


def test_the_demo_ends_with_areas_and_a_picture(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["demo", "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "trees" in result.stdout and "ha" in result.stdout
    assert (tmp_path / "out" / "map.overlay.png").stat().st_size > 100_000


def test_classify_by_json(scene: Path) -> None:
    result = CliRunner().invoke(cli, ["classify", str(scene), "--classes", "water,forest", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["model"] == "mini" and len(document["results"]) == 4
    plain = CliRunner().invoke(cli, ["classify", str(scene), "--classes", "water,forest", "--whole"])
    assert len(plain.stdout.splitlines()) == 1


def test_small_words() -> None:
    assert [format_area(area) for area in (None, 950.4, 25_000.0, 123_456_789.0)] == [
        "-",
        "950 m²",
        "2.50 ha",
        "123 km²",
    ]
