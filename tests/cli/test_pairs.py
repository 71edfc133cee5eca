from __future__ import annotations

import csv
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from geoglot.cli import pairs as pairs_command
from geoglot.cli.main import cli
from geoglot.pairs.collect.collect_run import NAMES
from geoglot.pairs.pair_store import PairSet
from pairsets import make_pairs


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["pairs", *arguments])


def test_info_counts(tmp_path: Path) -> None:
    pairs = make_pairs(tmp_path / "set")
    told = json.loads(run("info", str(tmp_path / "set"), "--json").stdout)["sets"][0]
    assert (told["tiles"], told["links"], told["shards"], told["users"]) == (pairs.tiles, pairs.photos, 3, 3)
    assert f"{pairs.photos:,} links" in run("info", str(tmp_path / "set")).output


def test_validate_says_what_is_wrong(tmp_path: Path) -> None:
    make_pairs(tmp_path / "a")
    make_pairs(tmp_path / "b", seed=50)
    assert "share no photo and no ground" in run("validate", str(tmp_path / "a"), str(tmp_path / "b")).output
    same = run("validate", str(tmp_path / "a"), str(tmp_path / "a"))
    assert same.exit_code == 2 and "share" in same.output
    missing = run("validate", str(tmp_path / "c"))
    assert missing.exit_code == 1 and "not a pair set" in missing.output


@pytest.mark.parametrize("bands", [3, 4])
def test_archives_hold_every_tile_and_its_photos(tmp_path: Path, bands: int) -> None:
    pairs = make_pairs(tmp_path / "set", bands=bands)
    for name in ("one", "two"):
        assert run("export", str(tmp_path / "set"), "-o", str(tmp_path / name), "--tiles", "4", "-q").exit_code == 0
    archives = sorted((tmp_path / "one").iterdir())
    assert [path.name for path in archives] == [f"{number:06d}.tar" for number in range(4)]
    assert all(path.read_bytes() == (tmp_path / "two" / path.name).read_bytes() for path in archives)
    samples: dict[str, dict[str, bytes]] = {}
    for path in archives:
        with tarfile.open(path) as archive:
            for entry in archive:
                key, _, ending = entry.name.partition(".")
                content = archive.extractfile(entry)
                assert content is not None
                samples.setdefault(key, {})[ending] = content.read()
    assert sorted(samples) == [f"{number:08d}" for number in range(pairs.tiles)]
    assert sum(len(sample) - 2 for sample in samples.values()) == pairs.photos
    first, shard = samples["00000000"], pairs.shards[0]
    facts = json.loads(first["json"])
    assert facts["id"] == "tile-0-0" and facts["photos"][0]["row"] == shard.links.row[0]
    assert first["0.png"] == shard.images()[shard.links.photo[0]]
    assert ("tile.png" in first) == (bands == 3)
    assert run("export", str(tmp_path / "set"), "-o", str(tmp_path / "one")).exit_code == 1  # not empty


def test_the_released_layout_is_imported(tmp_path: Path) -> None:
    """A NAIP tile as the authors' code writes it, with its factor that is ten times too small."""
    centre, half, side = (-120.5, 40.1), 0.0021, 467
    (tmp_path / "naipimages/0000").mkdir(parents=True)
    ramp = np.mgrid[0:side, 0:side] * 255 // (side - 1)
    pixels = np.stack([ramp[0], ramp[1], np.zeros_like(ramp[0])], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "naipimages/0000/00000000.jpg", quality=98)
    places = {"1001": (0.0003, -0.0005), "1002": (-0.0008, 0.0009), "1003": (0.002, 0.0), "1004": (0.0, 0.0)}
    (tmp_path / "metadata").mkdir()
    with (
        (tmp_path / "offsets.csv").open("w", newline="") as offsets,
        (tmp_path / "metadata/x.csv").open("w", newline="") as metadata,
    ):
        rows, facts = csv.writer(offsets), csv.writer(metadata)
        facts.writerow(["id", "owner", "datetaken", "longitude", "latitude", "title"])
        for photo, (east, north) in places.items():
            folder = tmp_path / "images" / Path(*photo)
            folder.mkdir(parents=True)
            if photo != "1004":
                Image.new("RGB", (64, 64)).save(folder / f"{photo}.jpg")
            facts.writerow([photo, "owner", "2015-01-02 03:04:05", centre[0] + east, centre[1] + north, "t"])
            where = "/".join(photo)
            tile = "naipimages/0000/00000000.jpg"
            rows.writerow([tile, f"{where}/{photo}.jpg", 112 * east / 0.01, -112 * north / 0.01])
    options = ["--tiles", str(tmp_path), "--photos", str(tmp_path / "images"), "--metadata", str(tmp_path / "metadata")]
    result = run("import", str(tmp_path / "offsets.csv"), *options, "-o", str(tmp_path / "set"), "--json", "-q")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["left"] == {"photo without a file": 1, "photo outside its tile": 1} and told["photos"] == 2
    shard = PairSet.open(tmp_path / "set").shards[0]
    lon, lat = shard.grids[0].to_lonlat(shard.links.row, shard.links.col)
    assert np.allclose(lon, [centre[0] + 0.0003, centre[0] - 0.0008], atol=1e-8)
    assert np.allclose(lat, [centre[1] - 0.0005, centre[1] + 0.0009], atol=1e-8)
    for photo, row, col in zip(("1001", "1002"), shard.links.row, shard.links.col, strict=True):
        east, north = places[photo]
        seen = shard.pixels[0][:, int(row), int(col)]
        assert (
            abs(seen[0] - (half - north) / (2 * half) * 255) < 4 and abs(seen[1] - (half + east) / (2 * half) * 255) < 4
        )
    assert run("validate", str(tmp_path / "set")).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("collect", "nowhere.toml"), 2, "no recipe"),
        (("collect", "nowhere.toml", "--until", "lunch"), 2, "lunch"),
        (("import", "x.csv", "--tiles", ".", "--photos", ".", "--metadata", "none", "-o", "new"), 2, "no folder none"),
        (("info",), 2, "SETS"),
    ],
)
def test_wrong_use_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == code and said in result.output


def test_the_command_knows_every_stage() -> None:
    assert pairs_command._STAGES == NAMES
