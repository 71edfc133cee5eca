"""The country that is made up, from services on loopback to a pair set whose truth is known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from world import CLASSES

from geoglot.cli.main import cli
from geoglot.errors import InputError, OutputError
from geoglot.geo import Window
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.pairs.collect.collect_run import NAMES, Collected, _hold_own, collect_pairs
from geoglot.pairs.pair_store import PairSet
from geoglot.recipe import read_recipe
from peers.country import Country, write_recipe
from peers.files import TOKEN
from peers.flickr import KEY
from peers.kept import digests, half_files
from tinyclip import store_clip

SETS = ("train", "validation", "test")


def sets(collected: Collected) -> list[PairSet]:
    return [PairSet.open(collected.output / name) for name in SETS]


def test_links_agree_with_the_truth(country: Country, reference: Collected) -> None:
    links = 0
    for pairs in sets(reference):
        for shard in pairs.shards:
            for photo, tile, row, col in zip(
                shard.links.photo, shard.links.tile, shard.links.row, shard.links.col, strict=True
            ):
                true_row, true_col = country.points[photo.removeprefix("flickr-")]
                x, y = shard.grids[tile].to_map(row, col)
                there = country.world.grid.to_pixel(x, y)
                assert np.allclose(there, (true_row + 0.5, true_col + 0.5), atol=0.02)
                links += 1
            titles = shard.photo_table()["title"].to_pylist()
            for photo, title in zip(shard.links.photo, titles, strict=True):
                pixel = Window(*country.points[photo.removeprefix("flickr-")], 1, 1)
                assert title.startswith(CLASSES[country.world.truth(pixel)[0, 0]])
    assert links == sum(pairs.photos for pairs in sets(reference)) > 40


def test_pixels_are_the_newest_scene_untouched(country: Country, reference: Collected) -> None:
    for pairs in sets(reference):
        assert pairs.resolution == 1.0 and pairs.bands == ("red", "green", "blue")
        for shard in pairs.shards:
            for pixels, grid in zip(shard.pixels, shard.grids, strict=True):
                assert grid.transform.a == -grid.transform.e == 1.0
                row, col = (
                    round(float(axis)) for axis in country.world.grid.to_pixel(grid.transform.c, grid.transform.f)
                )
                assert np.array_equal(pixels, country.scene[:, row : row + 64, col : col + 64])
            facts = shard.tile_table().to_pandas()
            assert set(facts["scene"]) == {"new"} and (facts["nodata"] == 0).all() and facts["cloud"].isna().all()


def test_every_photo_of_a_tile_belongs_to_it(country: Country, reference: Collected) -> None:
    for pairs in sets(reference):
        for shard in pairs.shards:
            for number, grid in enumerate(shard.grids):
                inside = {
                    f"flickr-{record.id}"
                    for record in country.records
                    if all(0 <= axis < 64 for axis in grid.from_lonlat(record.lon, record.lat))
                }
                own = [photo for photo, tile in zip(shard.links.photo, shard.links.tile, strict=True) if tile == number]
                assert set(own) <= inside and len(own) == min(25, len(inside))


def test_counts_add_up(reference: Collected) -> None:
    counts = reference.to_json()["stages"]
    assert list(counts) == list(NAMES) and not reference.failed
    assert counts["tiles"]["tiles"] == sum(number for name, number in counts["imagery"].items() if name != "scenes")
    assert counts["imagery"]["tiles with pixels"] == sum(
        number for name, number in counts["split"].items() if name.startswith(("tiles in", "left"))
    )


def test_the_sets_pass_validate_and_train(country: Country, reference: Collected, tmp_path: Path) -> None:
    folders = [str(reference.output / name) for name in SETS]
    result = CliRunner().invoke(cli, ["pairs", "validate", *folders, "--json"], catch_exceptions=False)
    assert result.exit_code == 0 and json.loads(result.stdout)["sets"][0]["tiles"] == PairSet.open(folders[0]).tiles
    copy = tmp_path / "train"
    shutil.copytree(folders[0], copy)
    store_clip(tmp_path / "tiny")
    recipe = tmp_path / "align.toml"
    recipe.write_text(
        'name = "one-step"\npairs = "train"\noutput = "run"\nground = "tiny"\n[sampling]\nbatch = 4\nside = 64\n'
        '[loss]\nlevel = "pixel"\n[fit]\nsteps = 1\nrate = 1e-3\n'
    )
    result = CliRunner().invoke(cli, ["train", "align", str(recipe), "--device", "cpu"], catch_exceptions=False)
    assert result.exit_code == 0 and (tmp_path / "run/model").is_dir()


def test_a_finished_collection_asks_nobody(country: Country, reference: Collected) -> None:
    def asked() -> list[int]:
        assert country.photos and country.stac and country.files
        scenes = [one for one in country.files.requests if one.path.endswith(".tif")]
        return [len(country.photos.requests), len(country.stac.searches), len(scenes)]

    before = asked()
    again = collect_pairs(reference.output.parent / "pairs.toml")
    assert asked() == before and min(before) > 0
    assert again.outcomes == reference.outcomes


def test_another_rule_of_tiles_keeps_photos(country: Country, reference: Collected, tmp_path: Path) -> None:
    assert country.photos
    shutil.copytree(reference.output, tmp_path / "pairs")
    recipe = write_recipe(country, tmp_path)
    recipe.write_text(recipe.read_text().replace("side = 64", "side = 64\nmost_photos = 1"))
    before = len(country.photos.requests)
    collected = collect_pairs(recipe)
    assert len(country.photos.requests) == before
    assert all(pairs.photos == pairs.tiles for pairs in sets(collected))


def test_secrets_are_nowhere(
    country: Country, reference: Collected, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert country.photos
    wrong = "another-secret-that-is-wrong"
    for key, exit_code in ((KEY, 0), (wrong, 2)):
        recipe = write_recipe(country, tmp_path, f"out-{exit_code}")
        recipe.write_text(recipe.read_text().replace("count = 12", "count = 2"))
        with pytest.MonkeyPatch.context() as patch, caplog.at_level("DEBUG"):
            patch.setenv("GEOGLOT_FLICKR_KEY", key)
            result = CliRunner().invoke(cli, ["pairs", "collect", str(recipe), "--until", "photos", "-v"])
        assert result.exit_code == exit_code, result.output
        assert KEY not in result.output and wrong not in result.output
    assert "GEOGLOT_FLICKR_KEY" in result.output  # what to do
    kept = [path for root in (reference.output, tmp_path) for path in root.rglob("*") if path.is_file()]
    everything = caplog.text.encode() + b"".join(path.read_bytes() for path in kept)
    for secret in (KEY, wrong, TOKEN, "a-signature", "sig="):
        assert secret.encode() not in everything
    assert not any(KEY in request.url_query or KEY in request.path for request in country.photos.requests)


def test_a_folder_is_collected_into_by_one_run_alone(country: Country, tmp_path: Path) -> None:
    recipe = write_recipe(country, tmp_path)
    with _hold_own(tmp_path / "pairs"), pytest.raises(OutputError, match="another run"):
        collect_pairs(recipe)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[photos.flickr]", "[photos.flicker]", "flicker"),
        ("[places]", "[place]", "place"),
        ("count = 12", "count = 12\narea = 'x.geojson'", "bounds"),
        ('preset = "naip"', 'preset = "spot"', "naip"),
        ("block_km = 0.15", "block_km = 0.01", "split.block_km"),
    ],
)
def test_wrong_recipes_are_told(country: Country, tmp_path: Path, old: str, new: str, message: str) -> None:
    recipe = write_recipe(country, tmp_path)
    recipe.write_text(recipe.read_text().replace(old, new).replace("count = 12", "count = 3"))
    with pytest.raises(InputError, match=message):
        collect_pairs(recipe)


def test_no_key_is_told_before_anything_else(country: Country, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOGLOT_FLICKR_KEY")
    with pytest.raises(InputError, match="set GEOGLOT_FLICKR_KEY"):
        collect_pairs(write_recipe(country, tmp_path))
    assert not (tmp_path / "pairs").exists()


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[3] / "recipes/pairs").glob("*.toml")), ids=lambda path: path.stem
)
def test_recipes_are_read(path: Path) -> None:
    recipe = read_recipe(path, PairsRecipe)
    assert recipe.tiles.spacing_m == 112 * recipe.tiles.resolution and recipe.tiles.most_photos == 25
    assert recipe.imagery.stac and recipe.photos.flickr and recipe.places and recipe.places.seed == 42


def test_the_recipes_of_the_guide_are_some(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs/pairs.md").read_text()
    recipes = []
    for part in guide.split("```toml\n")[1:]:
        (tmp_path / "guide.toml").write_text(part.split("```")[0])
        recipes.append(read_recipe(tmp_path / "guide.toml", PairsRecipe))
    services, own = recipes
    assert services.photos.wikimedia and own.photos.local and own.imagery.local


def test_redo_asks_again_and_keeps_pictures(country: Country, reference: Collected, tmp_path: Path) -> None:
    assert country.photos
    shutil.copytree(reference.output, tmp_path / "pairs")
    before = len(country.photos.asked("/services")), len(country.photos.asked("/pictures"))
    collected = collect_pairs(write_recipe(country, tmp_path), redo="photos")
    assert len(country.photos.asked("/services")) == before[0] + 12
    assert len(country.photos.asked("/pictures")) == before[1]
    assert digests(collected.output) == digests(reference.output)
    collect_pairs(write_recipe(country, tmp_path), until="imagery", redo="imagery")
    assert digests(collected.output) == digests(reference.output)


def test_the_command_knows_the_stages() -> None:
    from geoglot.cli.pairs import _STAGES

    assert _STAGES == NAMES


def test_the_report_shows_and_loads_nothing(reference: Collected) -> None:
    text = (reference.output / "report.html").read_text()
    assert (
        len(text) < 1_000_000
        and "<script" not in text
        and "http" not in text.split("base64,")[0].replace("http-equiv", "")
    )
    for heading in ("Where", "Counts at every stage", "Photos a tile", "Days between", "Licences", "Tiles and their"):
        assert f"<h2>{heading}" in text
    assert not half_files(reference.output) and digests(reference.output)
