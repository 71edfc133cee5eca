from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from PIL import Image
from shapely import box

from geoglot.cli.main import cli
from geoglot.errors import EmptyError, InputError, OutputError
from geoglot.options import FindOptions
from geoglot.scene.encoded_scene import encode_scene
from geoglot.tasks.find import heat
from geoglot.tasks.find.map_heat import map_heat
from stubs import PooledColours
from worlds import paint, write_scene

NAMES = ("water", "forest", "sand")
ASKED = FindOptions(background="forest, road")


@pytest.mark.parametrize("by_patch", [False, True])
def test_heat_of_a_word_alone_is_high_where_it_is(
    scene: Path, field: np.ndarray, tmp_path: Path, by_patch: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_patch:
        monkeypatch.setattr(heat, "_MOST_PIXELS", 100)
    options = FindOptions(background="forest, sand")
    result = map_heat(scene, "water", tmp_path / "heat.tif", model=PooledColours(), options=options)
    with rasterio.open(result.output) as file:
        scores, bands = file.read(1), file.descriptions
        assert bands == ("water",) and file.dtypes == ("float32",) and np.isnan(file.nodata)
    assert result.names[0].highest == pytest.approx(float(scores.max()))
    assert result.names[0].share == pytest.approx(float((scores >= 0.5).mean()))
    truth = (field[4::8, 4::8] if by_patch else field) == 0
    scores = scores[: truth.shape[0], : truth.shape[1]]  # the lattice may reach beyond the scene
    assert scores[truth].mean() > 0.7 > 0.3 > scores[~truth].mean()
    with Image.open(result.picture) as picture:
        assert picture.width > 2 * field.shape[1]


def test_an_encoded_scene_has_the_same_heat(scene: Path, tmp_path: Path) -> None:
    model = PooledColours()
    once = map_heat(scene, "water, sand", tmp_path / "a.tif", model=model, options=ASKED)
    with encode_scene(scene, model) as encoded:
        again = map_heat(encoded, "water, sand", tmp_path / "b.tif", options=ASKED)
    with rasterio.open(once.output) as one, rasterio.open(again.output) as other:
        assert np.allclose(one.read(), other.read())
        assert one.descriptions == ("water", "sand")


def test_no_data_has_no_heat(tmp_path: Path, field: np.ndarray) -> None:
    pixels = paint(field, NAMES)
    pixels[:, :60] = 0
    scene = write_scene(tmp_path / "scene.tif", pixels, nodata=0)
    result = map_heat(scene, "water", tmp_path / "heat.tif", model=PooledColours(), options=ASKED)
    with rasterio.open(result.output) as file:
        scores = file.read(1)
    assert np.isnan(scores[:60]).all() and not np.isnan(scores[60:]).any()


def test_a_scene_without_pixels_has_no_heat_and_no_files(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene.tif", np.zeros((3, 64, 64), np.uint8), nodata=0)
    with pytest.raises(EmptyError):
        map_heat(scene, "water", tmp_path / "heat.tif", model=PooledColours(), options=ASKED)
    assert list(tmp_path.glob("[!.]*")) == [scene]


@pytest.mark.parametrize("by_patch", [False, True])
@pytest.mark.parametrize("encoded", [False, True])
def test_ground_outside_the_area_has_no_heat(
    scene: Path, tmp_path: Path, by_patch: bool, encoded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_patch:
        monkeypatch.setattr(heat, "_MOST_PIXELS", 100)
    with rasterio.open(scene) as file:
        corner, crs = file.transform @ (0, 0), file.crs
        inner = file.transform @ (76, 36)
    area = tmp_path / "aoi.geojson"
    gpd.GeoDataFrame(geometry=[box(*corner, *inner)], crs=crs).to_file(area)
    model, options = PooledColours(), replace(ASKED, area=area)
    with encode_scene(scene, model) if encoded else nullcontext(scene) as source:
        result = map_heat(source, "water", tmp_path / "heat.tif", model=model, options=options)
    with rasterio.open(result.output) as file:
        known = ~np.isnan(file.read(1))
    rows, cols = (6, 10) if by_patch else (36, 76)  # patches of 8 px that touch it, from (-6, -4) on, or pixels in it
    assert known[:rows, :cols].all() and known.sum() == rows * cols


def test_another_heat_is_not_replaced_unasked(scene: Path, tmp_path: Path) -> None:
    target, model = tmp_path / "heat.tif", PooledColours()
    map_heat(scene, "water", target, model=model, options=ASKED)
    map_heat(scene, "water", target, model=model, options=ASKED)
    with pytest.raises(OutputError, match="another run"):
        map_heat(scene, "sand", target, model=model, options=ASKED)
    assert map_heat(scene, "sand", target, model=model, options=ASKED, overwrite=True).names[0].name == "sand"


def test_the_command_writes_heat(scene: Path, tmp_path: Path) -> None:
    arguments = ["segment", str(scene), "--classes", "trees", "-o", str(tmp_path / "heat.tif"), "--heat"]
    run = CliRunner().invoke(cli, [*arguments, "--json", "-q"])
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    assert [each["name"] for each in document["names"]] == ["trees"] and Path(document["picture"]).exists()


@pytest.mark.parametrize(
    "flag",
    ["--polygons a.gpkg", "--table a.csv", "--together a.gpkg", "--jobs 2", "--refine edges", "--threshold 0.5",
     "--flips all", "--scales 1,2", "--scores"],
)  # fmt: skip
def test_flags_of_class_maps_are_refused(scene: Path, tmp_path: Path, flag: str) -> None:
    arguments = ["segment", str(scene), "--classes", "trees", "-o", str(tmp_path / "heat.tif"), "--heat"]
    refused = CliRunner().invoke(cli, [*arguments, *flag.split()])
    assert refused.exit_code == 2 and f"leave out {flag.split()[0]}" in refused.output
    assert list(tmp_path.iterdir()) == [scene]


def test_heat_needs_one_source(scene: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(cli, ["segment", str(scene), str(scene), "--classes", "a", "-o", str(tmp_path), "--heat"])
    assert isinstance(run.exception, InputError | SystemExit) and "one source" in run.output
