from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from click.testing import CliRunner

from foreign_vectors import write_earth_index
from geoglot.cli.main import cli
from geoglot.index.store.archive import Archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo scene by mini, in chips of 67 m."""
    folder = tmp_path_factory.mktemp("archive") / "tiles"
    scene = str(resources.files("geoglot") / "demo" / "scene.tif")
    run("index", "add", folder, scene, "--scale", "67m")
    return folder


@pytest.fixture(autouse=True)
def _concepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_CONCEPTS", str(tmp_path / "concepts"))


def run(*arguments: object, code: int = 0) -> Any:
    """The document that a command prints, or its message if it fails."""
    texts = list(map(str, arguments))
    result = CliRunner().invoke(cli, texts if code else [*texts, "--json"])
    assert result.exit_code == code, result.output
    return result.output if code else json.loads(result.stdout)


def places(archive: Path, path: Path, rows: list[int]) -> Path:
    """A file of the centres of some chips."""
    table = Archive.open(archive).shards[0].table(("geometry",))
    shapes = shapely.from_wkb(table["geometry"].take(rows).to_numpy(zero_copy_only=False))
    gpd.GeoDataFrame(geometry=shapely.centroid(shapes), crs=4326).to_file(path)
    return path


def test_a_concept_is_taught_and_is_a_word_for_search_and_find(archive: Path, tmp_path: Path) -> None:
    yes, no = places(archive, tmp_path / "yes.gpkg", [0, 3]), places(archive, tmp_path / "no.geojson", [5])
    taught = run("index", "teach", archive, "garden", "--yes", yes, "--no", no)
    assert (taught["concept"], taught["examples"], taught["model"]) == ("garden@mine", {"yes": 2, "no": 1}, "mini")
    again = run("index", "teach", archive, "garden@mine", "--yes", places(archive, tmp_path / "more.gpkg", [0, 7]))
    assert again["examples"] == {"yes": 3, "no": 1}
    hits = run("search", archive, "garden@mine", "--top", 3)["hits"]
    fits = [hit["fit"] for hit in hits]
    assert len(hits) == 3 and fits == sorted(fits, reverse=True)
    scene = str(resources.files("geoglot") / "demo" / "scene.tif")
    found = run("find", scene, "garden@mine", "-o", tmp_path / "gardens.gpkg")
    assert list(found["counts"]) == ["garden@mine"]


def test_what_was_marked_wrongly_is_marked_anew(archive: Path, tmp_path: Path) -> None:
    first, second = (places(archive, tmp_path / f"{row}.gpkg", [row]) for row in (0, 3))
    assert "--no marks 1 chip that --yes marks, too; mark each chip once" in run(
        "index", "teach", archive, "pond", "--yes", first, "--no", first, code=2
    )
    assert run("index", "teach", archive, "pond", "--yes", first, "--yes", second)["examples"] == {"yes": 2, "no": 0}
    assert run("index", "teach", archive, "pond", "--no", second)["examples"] == {"yes": 1, "no": 1}


def test_a_concept_that_nobody_taught_is_refused(archive: Path) -> None:
    assert "there is no concept 'pier@mine'" in run("search", archive, "pier@mine", code=2)
    assert "at least one example" in run("index", "teach", archive, "pier", code=2)


def test_watch_says_that_nothing_can_be_compared(archive: Path, tmp_path: Path) -> None:
    watched = run("index", "watch", archive, "houses", "--since", "2020", "--sheet", tmp_path / "a.png")
    assert (watched["rises"], watched["compared"]) == ([], 0) and not (tmp_path / "a.png").exists()


def test_an_archive_goes_out_and_comes_back(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "chips.parquet"
    written = run("index", "export", archive, "-o", out)
    back = run("index", "import", tmp_path / "back", out)
    assert back["chips"] == written["written"] == Archive.open(archive).rows and back["model"] == "mini"
    same = [run("search", place, "houses", "--top", 5)["hits"] for place in (archive, tmp_path / "back")]
    assert [hit["score"] for hit in same[0]] == [hit["score"] for hit in same[1]]


def test_other_vectors_are_searched_by_a_bridge(archive: Path, tmp_path: Path) -> None:
    """Others' vectors of the same places are ours, turned, so what is found must be what our words find."""
    ours = Archive.open(archive)
    vectors = np.concatenate([shard.vectors for shard in ours.shards]).astype(np.float32)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(vectors.shape[1], vectors.shape[1])))[0]
    write_earth_index(tmp_path / "others.parquet", vectors @ turn)
    frame = gpd.read_parquet(tmp_path / "others.parquet")
    shapes = np.concatenate(
        [shard.table(("geometry",))["geometry"].to_numpy(zero_copy_only=False) for shard in ours.shards]
    )
    frame.geometry = shapely.from_wkb(shapes)
    frame.set_crs(4326, allow_override=True).to_parquet(tmp_path / "placed.parquet")
    run("index", "import", tmp_path / "others", tmp_path / "placed.parquet", "--made-by", "others")
    made = run("index", "bridge", archive, "houses", "--onto", tmp_path / "others", "--top", 5)
    assert made["concept"] == "houses@bridged" and made["labelled"] >= 20 and len(made["hits"]) == 5
    hits = run("search", tmp_path / "others", "houses@bridged", "--top", 5)["hits"]
    assert [hit["score"] for hit in hits] == [hit["score"] for hit in made["hits"]]
    assert "reads no words" in run("search", tmp_path / "others", "houses", code=2)


@pytest.mark.parametrize("scale", ["0m", "wide", "2000km"])
def test_a_scale_must_be_metres(tmp_path: Path, scale: str) -> None:
    assert "must be metres from 1 to" in run("index", "import", tmp_path / "x", tmp_path, "--scale", scale, code=2)
