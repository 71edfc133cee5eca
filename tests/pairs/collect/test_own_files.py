"""A user's own photos and rasters, by the command line alone: no service, no key, no places."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
from affine import Affine
from click.testing import CliRunner, Result
from PIL import Image

from conftest import MakeGeotiff
from geoglot.cli.main import cli
from geoglot.pairs.collect.collect_run import collect_pairs
from geoglot.pairs.pair_store import PairSet
from geoglot.sources.imagery.scene_folder import LocalImagery
from pairsets import make_batch
from tinyclip import store_clip

CORNER = (690_000.0, 5_700_000.0)
SIDE_M, PHOTOS = 300, 60
RECIPE = """
name = "mine"
output = "pairs"
[photos.local]
folder = "photos"
licence = "CC BY 4.0"
[tiles]
side = 64
[imagery.local]
folder = "rasters"
[split]
block_km = 0.2
validation = 0.2
test = 0.2
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def collected(mine: Path, *more: str) -> Result:
    return run("pairs", "collect", mine / "mine.toml", "--json", "-q", *more)


def tags_of(lon: float, lat: float, day: int) -> Image.Exif:
    def parts(degrees: float) -> tuple[float, float, float]:
        return float(int(degrees)), float(int(degrees * 60 % 60)), round(degrees * 3600 % 60, 4)

    tags = Image.Exif()
    tags.get_ifd(0x8825).update({1: "N", 2: parts(lat), 3: "E", 4: parts(lon)})
    tags.get_ifd(0x8769)[0x9003] = f"2021:06:{day:02d} 12:00:00"
    tags[0x013B] = f"user {day % 5}"
    return tags


@pytest.fixture
def mine(tmp_path: Path, make_geotiff: MakeGeotiff) -> Path:
    """60 photos with GPS tags, one without, one broken, two rasters side by side; a table of the same photos."""
    rng = np.random.default_rng(0)
    (tmp_path / "rasters").mkdir()
    for number, name in enumerate(("west-2021-06-30", "east-2021-07-05")):
        place = Affine(1, 0, CORNER[0] + number * SIDE_M, 0, -1, CORNER[1])
        pixels = rng.integers(1, 255, (3, SIDE_M, SIDE_M), dtype=np.uint8)
        make_geotiff(pixels, "EPSG:32631", place, path=tmp_path / f"rasters/{name}.tif")
    (tmp_path / "photos/walk").mkdir(parents=True)
    to_lonlat = pyproj.Transformer.from_crs(32631, "OGC:CRS84", always_xy=True)
    rows = []
    for number in range(PHOTOS):
        x, y = CORNER[0] + rng.uniform(20, 2 * SIDE_M - 20), CORNER[1] - rng.uniform(20, SIDE_M - 20)
        lon, lat = to_lonlat.transform(x, y)
        name = f"photos/{'walk/' if number % 3 else ''}{number:02d}.jpg"
        small = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8))
        small.resize((128, 96)).save(tmp_path / name, exif=tags_of(lon, lat, 1 + number % 28))
        rows.append({"path": name, "lon": lon, "lat": lat, "time": "2021-06-15", "user": f"u{number % 5}"})
    small.resize((128, 96)).save(tmp_path / "photos/untold.jpg")
    (tmp_path / "photos/broken.jpg").write_bytes(b"\xff\xd8 and no more")
    pd.DataFrame(rows).to_csv(tmp_path / "photos.csv", index=False)
    (tmp_path / "mine.toml").write_text(RECIPE)
    return tmp_path


def test_own_photos_and_rasters_become_a_set(mine: Path) -> None:
    told = collected(mine)
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    assert document["stages"]["photos"] == {
        "searches": 1, "photos found": PHOTOS + 2, "left: no place": 2, "photos with a picture": PHOTOS,
    }  # fmt: skip
    assert (
        document["stages"]["imagery"]["scenes"] == 2 and "data:image/jpeg" in (mine / "pairs/report.html").read_text()
    )
    sets = [PairSet.open(folder) for folder in document["sets"]]
    to_map = pyproj.Transformer.from_crs("OGC:CRS84", 32631, always_xy=True)
    for shard in (shard for one in sets for shard in one.shards):
        facts = shard.photo_table().to_pandas()
        x, y = to_map.transform(facts["lon"], facts["lat"])
        corners = np.array([(grid.transform.f, grid.transform.c) for grid in shard.grids])[shard.links.tile]
        assert np.allclose(shard.links.row, corners[:, 0] - y, atol=0.01)  # rows grow to the south
        assert np.allclose(shard.links.col, x - corners[:, 1], atol=0.01)
        assert set(facts["licence"]) == {"cc-by"}
    assert run("pairs", "validate", *document["sets"]).exit_code == 0
    assert "cc-by" in run("pairs", "info", document["sets"][0]).output
    assert run("pairs", "export", document["sets"][0], "-o", mine / "tars", "-q").exit_code == 0


def test_a_set_without_tiles_is_told(mine: Path) -> None:
    (mine / "mine.toml").write_text(RECIPE.replace("= 0.2\ntest = 0.2", "= 1e-9\ntest = 0.0"))
    told = run("pairs", "collect", mine / "mine.toml", "-q")
    assert told.exit_code == 0 and "note: no tile is in validation; make blocks smaller" in told.output
    again = json.loads(collected(mine).stdout)
    assert len(again["notes"]) == 1 and [Path(folder).name for folder in again["sets"]] == ["train"]


def test_a_set_of_own_files_trains(mine: Path) -> None:
    (mine / "mine.toml").write_text(RECIPE.replace("test = 0.2", "test = 0.0"))
    assert collected(mine).exit_code == 0
    store_clip(mine / "tiny")
    (mine / "align.toml").write_text(
        'name = "two-steps"\npairs = "pairs/train"\noutput = "run"\nground = "tiny"\n[sampling]\nbatch = 8\nside = 64\n'
        '[loss]\nlevel = "pixel"\n[fit]\nsteps = 2\nrate = 1e-3\n'
    )
    told = run("train", "align", mine / "align.toml", "--device", "cpu", "--json", "-q")
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    assert document["steps"] == 2 and np.isfinite(document["figures"]["loss"]) and (mine / "run/model").is_dir()


def test_a_table_is_as_good_as_tags(mine: Path) -> None:
    text = RECIPE.replace('folder = "photos"', 'table = "photos.csv"')
    (mine / "mine.toml").write_text(text)
    told = json.loads(collected(mine, "--until", "tiles").stdout)
    assert told["stages"]["filters"]["photos kept"] == PHOTOS


@pytest.mark.parametrize("source", ['folder = "photos"', 'table = "photos.csv"'])
def test_a_photo_that_changed_is_taken_anew(mine: Path, source: str) -> None:
    def stored() -> dict[str, bytes]:
        return {key: image for one in sets for shard in one.shards for key, image in shard.images().items()}

    (mine / "mine.toml").write_text(RECIPE.replace('folder = "photos"', source))
    sets = [PairSet.open(one) for one in json.loads(collected(mine).stdout)["sets"]]
    before = stored()
    key = min(before)
    path = mine / "photos" / key.removeprefix("local-").removeprefix("photos/")
    with Image.open(path) as image:
        turned, tags = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM), image.getexif()
    turned.save(path, exif=tags)
    assert collected(mine).exit_code == 0
    sets = [PairSet.open(one.folder) for one in sets]
    after = stored()
    assert before.keys() == after.keys() and [one for one in before if before[one] != after[one]] == [key]


def test_what_arrives_during_a_run_is_taken_by_the_next(mine: Path, make_geotiff: MakeGeotiff) -> None:
    photo, raster = mine / "photos/late.jpg", mine / "rasters/late-2023-01-01.tif"

    def arrive(what: str, done: int, total: int) -> None:
        if what == "pictures":
            photo.write_bytes((mine / "photos/00.jpg").read_bytes())
        elif what == "tiles" and not raster.exists():
            pixels, place = np.full((3, SIDE_M, SIDE_M), 9, np.uint8), Affine(1, 0, CORNER[0], 0, -1, CORNER[1])
            make_geotiff(pixels, "EPSG:32631", place, path=raster)

    first = collect_pairs(mine / "mine.toml", progress=arrive)
    assert photo.exists() and raster.exists() and not first.failed
    second = collect_pairs(mine / "mine.toml")
    assert second.outcomes["photos"].counts["photos found"] == first.outcomes["photos"].counts["photos found"] + 1
    assert raster.name in set(pd.read_parquet(mine / "pairs/imagery.parquet")["scene"])
    told = list[str]()
    assert collect_pairs(mine / "mine.toml", progress=lambda what, *_: told.append(what)).outcomes == second.outcomes
    assert not told


def test_a_folder_is_listed_a_few_times_however_many_neighbourhoods(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, identity = list[str](), LocalImagery.identity

    def counted(self: LocalImagery) -> str:
        listed.append(identity(self))
        return listed[-1]

    monkeypatch.setattr(LocalImagery, "identity", counted)
    monkeypatch.setattr("geoglot.pairs.collect.imagery._NEIGHBOURHOOD", 0.001)
    collect_pairs(mine / "mine.toml", until="imagery")
    assert len(list((mine / "pairs/scenes").glob("*/*.json"))) > 8
    assert len(listed) == 2  # for the record of the stage, and for the names of its pieces


def test_names_that_are_no_text_are_told_and_the_rest_goes_on(mine: Path) -> None:
    for name in (b"photos/00.jpg", b"rasters/west-2021-06-30.tif"):
        there = os.fsencode(mine) + b"/" + name
        try:
            shutil.copyfile(there, there.replace(b"/00", b"/caf\xe9").replace(b"/west", b"/caf\xe9"))
        except OSError:
            pytest.skip("a file system whose names are text")
    told = collected(mine)
    document = json.loads(told.stdout)
    assert told.exit_code == 0, told.output
    assert document["stages"]["photos"]["photos found"] == PHOTOS + 2 and document["stages"]["imagery"]["scenes"] == 2
    report = (mine / "pairs/report.html").read_text()
    for line, name in zip(document["unused"], (r"caf\xe9.jpg", r"caf\xe9-2021-06-30.tif"), strict=True):
        assert f"{name} has a name that is not UTF-8" in line and name in report
    again = run("pairs", "collect", mine / "mine.toml", "-q")
    assert again.exit_code == 0 and "2 could not be used" in again.output


def test_rasters_that_cannot_be_used_are_told_and_the_rest_goes_on(mine: Path, make_geotiff: MakeGeotiff) -> None:
    (mine / "rasters/broken.tif").write_text("no raster")
    make_geotiff(np.full((3, 64, 64), 9, np.uint8), None, None, path=mine / "rasters/plain.tif")
    newer = mine / "rasters/newer-2022-01-01.tif"
    place = Affine(1, 0, CORNER[0], 0, -1, CORNER[1])
    make_geotiff(np.full((3, SIDE_M, SIDE_M), 9, np.uint8), "EPSG:32631", place, path=newer, tiled=False)
    whole = newer.read_bytes()
    newer.write_bytes(whole[: len(whole) // 2])  # GDAL opens it, and cannot read its end
    for _ in range(2):  # nothing has changed: it is told again
        told = collected(mine)
        document = json.loads(told.stdout)
        assert told.exit_code == 3 and len(document["sets"]) == 3
        first, second = sorted(document["failed"])
        assert "broken.tif cannot be opened" in first and "newer-2022-01-01.tif is damaged inside" in second
        assert len(document["unused"]) == 1 and "plain.tif has no CRS" in document["unused"][0]
        assert document["stages"]["imagery"]["scenes"] == 3  # its whole half is used
    manifest, report = json.loads((mine / "pairs/manifest.json").read_text()), (mine / "pairs/report.html").read_text()
    for line in document["failed"] + document["unused"]:
        assert line in manifest["failed"] + manifest["unused"] and Path(line.split(" ")[0]).name in report
    (mine / "rasters/broken.tif").unlink()
    newer.write_bytes(whole)
    told = run("pairs", "collect", mine / "mine.toml", "-q")
    assert told.exit_code == 0 and "1 could not be used" in told.output and "failed" not in told.output


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("side = 64", "sides = 64", "mine.toml: tiles: there is no key 'sides'"),
        ('folder = "photos"', 'folder = "elsewhere"', "there is no folder"),
        ('folder = "photos"', 'folder = "rasters"', "no photo is left of 2 (no place: 2)"),
        ('[photos.local]\nfolder = "photos"', '[photos]\nlicences = ["pd"]\n[photos.local]\nfolder = "photos"',
         "(licence: 60, no place: 2)"),
        ('folder = "rasters"', 'folder = "photos"', "can be read and has a CRS"),
        ('folder = "rasters"', 'folder = "far"', "no tile has pixels (no scene covers it: "),
        ('[photos.local]\nfolder = "photos"\nlicence = "CC BY 4.0"', "[photos.flickr]", "GEOGLOT_FLICKR_KEY"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_a_sentence(
    mine: Path, make_geotiff: MakeGeotiff, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    monkeypatch.delenv("GEOGLOT_FLICKR_KEY")
    (mine / "far").mkdir()
    far = Affine(1, 0, 100_000, 0, -1, 4_000_000)
    make_geotiff(np.full((3, 64, 64), 90, np.uint8), "EPSG:32631", far, path=mine / "far/x.tif")
    (mine / "mine.toml").write_text(RECIPE.replace(old, new))
    result = run("pairs", "collect", mine / "mine.toml", "-q")
    assert result.exit_code == 2 and message in result.output and result.output.count("\n") == 1


def test_what_somebody_else_made_is_not_replaced(mine: Path) -> None:
    (mine / "pairs").mkdir()
    (mine / "pairs/photos.parquet").write_text("a table of one's own")
    told = run("pairs", "collect", mine / "mine.toml", "-q")
    assert told.exit_code == 1 and "holds files that no collection made" in told.output
    assert (mine / "pairs/photos.parquet").read_text() == "a table of one's own"
    (mine / "pairs/photos.parquet").unlink()
    (mine / "mine.toml").write_text(RECIPE.replace("= 0.2\ntest = 0.2", "= 0.0\ntest = 0.0"))
    assert run("pairs", "collect", mine / "mine.toml", "-q", "--until", "imagery").exit_code == 0
    (mine / "pairs/test").mkdir()
    (mine / "pairs/test/mine.txt").write_text("mine")
    told = run("pairs", "collect", mine / "mine.toml", "-q")
    assert told.exit_code == 1 and "test was not made by this collection" in told.output
    (mine / "pairs/test/mine.txt").rename(mine / "mine.txt")
    (mine / "pairs/test").rmdir()
    assert run("pairs", "collect", mine / "mine.toml", "-q").exit_code == 0
    pairs = PairSet.open(mine / "pairs/train")
    pairs.append(make_batch(2, side=64))
    assert run("pairs", "collect", mine / "mine.toml", "-q").exit_code == 0  # nothing changed: nothing is made anew
    (mine / "mine.toml").write_text(RECIPE)
    told = run("pairs", "collect", mine / "mine.toml", "-q")
    assert told.exit_code == 1 and "holds 1 shards that others added" in told.output
    assert PairSet.open(mine / "pairs/train").tiles == pairs.tiles + 2
