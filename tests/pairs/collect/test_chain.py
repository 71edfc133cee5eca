"""The recipes that ship, as README and docs print them: what collect makes is what train align begins with."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.recipe import read_recipe
from geoglot.training.train_align import AlignRecipe
from peers.country import Country
from tinyclip import store_clip

ROOT = Path(__file__).parents[3]
_CHAIN = ("geoglot pairs collect", "geoglot pairs info", "geoglot pairs validate", "geoglot train align recipes/")
# Sizes, steps, the model, and where the services are: nothing else is other than it ships.
SMALL_PAIRS = """base = "shipped-naip.toml"
[places]
count = 12
[photos]
radius_m = 200.0
[photos.flickr]
url = "{photos}/services/rest/"
hosts = ["127.0.0.1"]
[filters]
judge = "{clip}"
[tiles]
side = 64
spacing = 16
[imagery.stac]
url = "{stac}"
hosts = ["127.0.0.1"]
token_url = "{files}/token"
[split]
block_km = 0.15
validation = 0.2
test = 0.2
[web]
per_second = 2000.0
wait_s = 0.01
"""
SMALL_ALIGN = """base = "shipped-{name}.toml"
ground = "{clip}"
[sampling]
batch = 8
side = 64
[fit]
steps = 2
"""


def printed(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(_CHAIN)]


@pytest.fixture
def clone(country: Country, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recipes, of which the printed ones are made small by what stands over them."""
    assert country.photos and country.stac and country.files
    shutil.copytree(ROOT / "recipes/pairs", tmp_path / "recipes/pairs")
    shutil.copytree(ROOT / "recipes/graft", tmp_path / "recipes/graft")
    store_clip(tmp_path / "clip")
    urls = {"photos": country.photos.url, "stac": country.stac.url, "files": country.files.url}
    over = {"pairs/naip": SMALL_PAIRS.format(clip=tmp_path / "clip", **urls)}
    over |= {
        f"graft/{name}": SMALL_ALIGN.format(name=name, clip=tmp_path / "clip") for name in ("naip-pixel", "naip-image")
    }
    for name, text in over.items():
        path = tmp_path / f"recipes/{name}.toml"
        path.rename(path.with_name(f"shipped-{path.name}"))
        path.write_text(text)
    states = gpd.GeoDataFrame(
        {"STUSPS": ["CA", "CO", "IA", "NY", "TX", "WA"]},
        geometry=[shapely.box(*country.bounds)] * 5 + [shapely.box(0, 0, 1, 1)],
        crs=4269,
    )
    (tmp_path / "data").mkdir()
    states.to_file(tmp_path / "data/cb_2018_us_state_5m.shp")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_printed_chain_runs(clone: Path) -> None:
    lines = printed((ROOT / "README.md").read_text())
    assert [line.split()[1] for line in lines] == ["pairs", "pairs", "train"]
    lines += [line for line in printed((ROOT / "docs/pairs.md").read_text()) if line not in lines]
    lines.append("geoglot train align recipes/graft/naip-image.toml --device cpu")
    for line in lines:
        result = CliRunner().invoke(cli, [*shlex.split(line, comments=True)[1:], "-q"])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    for name in ("naip-pixel", "naip-image"):
        metrics = [json.loads(line) for line in (clone / f"runs/graft-{name}/metrics.jsonl").read_text().splitlines()]
        assert metrics and (clone / f"runs/graft-{name}/model").is_dir()


@pytest.mark.parametrize("path", sorted((ROOT / "recipes/graft").glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_begins_with_what_its_collection_makes(path: Path) -> None:
    align = read_recipe(path, AlignRecipe)
    collects = re.findall(r"recipes/pairs/\w+\.toml", path.read_text())
    pairs = read_recipe(ROOT / collects[0], PairsRecipe)
    assert Path(align.pairs) == pairs.output / "train"
    assert align.validation is not None and Path(align.validation) == pairs.output / "validation"
    assert pairs.tiles.side >= align.sampling.side and f"{pairs.tiles.resolution:g} m" in path.read_text()
