from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from PIL import Image

from geoglot.cli.main import cli
from geoglot.demo import COUNTRY, GRAFT, SCENE
from geoglot.models.stored import card_of


def test_the_small_graft_is_small_and_says_what_it_is() -> None:
    card = card_of(GRAFT)
    assert (card.family, card.level, card.licence) == ("graft", "pixel", "Apache-2.0")
    assert "made-up country" in card.source
    assert sum(path.stat().st_size for path in GRAFT.parent.rglob("*") if path.is_file()) < 4e6


def test_the_demo_shows_map_heat_and_hits_and_finds_the_lake_beside_the_other_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    left = tmp_path / "demo-output" / SCENE.name  # by `geoglot demo`, which has a scene of its own
    left.parent.mkdir()
    shutil.copyfile(SCENE, left)
    run = CliRunner().invoke(cli, ["demo", "graft", "--json", "-q"])
    assert run.exit_code == 0, run.output
    assert left.read_bytes() == SCENE.read_bytes()
    document = json.loads(run.stdout)
    with Image.open(document["grid"]) as grid:
        assert grid.width > 6 * 150
    with rasterio.open(document["heat"]["output"]) as file, rasterio.open(COUNTRY) as scene:
        heat, lake = file.read(1 + file.descriptions.index("lake")), _lake(scene.shape[0])
        assert file.shape == scene.shape
    assert heat[lake].mean() > heat[~lake].mean() + 0.3
    strong = heat > np.quantile(heat, 1 - lake.mean())
    assert (strong & lake).sum() / lake.sum() > 0.7  # the warmest ground is the lake


def _lake(side: int) -> np.ndarray:
    from small_graft import ELSEWHERE
    from world import LAKE, World

    world = World(ELSEWHERE, side)
    return world.truth(world.grid.whole) == LAKE
