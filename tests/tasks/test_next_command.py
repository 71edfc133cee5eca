import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from conftest import MakeGeotiff
from geoglot.cli.main import cli
from geoglot.demo import SCENE
from geoglot.options import ReadOptions
from geoglot.tasks.inspection import RasterInfo, inspect_raster
from geoglot.tasks.next_command import next_command


@pytest.fixture(scope="module")
def info() -> RasterInfo:
    return inspect_raster(SCENE)


def test_the_command_maps_the_scene(info: RasterInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = next_command(info)
    result = CliRunner().invoke(cli, shlex.split(command)[1:])
    assert result.exit_code == 0 and Path("scene.map.tif").is_file(), (command, result.output)


def test_what_was_given_is_given_again(info: RasterInfo) -> None:
    read = ReadOptions(bands=("red", 2, 3), sensor="rgb", nodata="none", resolution=1.0)
    assert next_command(info, read).endswith("--bands red,2,3 --sensor rgb --nodata none --gsd 1.0")
    assert next_command(info, area="my fields.gpkg").endswith("--aoi 'my fields.gpkg'")
    assert "--model" not in next_command(info) and "--aoi" not in next_command(info)


def test_classes_are_those_of_the_resolution(info: RasterInfo) -> None:
    def classes(metres: float) -> str:
        words = shlex.split(next_command(replace(info, fit=replace(info.fit, read_at_m=metres))))
        return words[words.index("--classes") + 1]

    assert "road" in classes(0.5) and "field" in classes(10.0) and "city" in classes(30.0)


def test_bands_that_were_guessed_are_looked_at_first(info: RasterInfo) -> None:
    assert next_command(replace(info, guessed=True)) == f"geoglot bands {shlex.quote(str(SCENE))}"


def test_pixels_too_coarse_for_the_model_want_another(info: RasterInfo) -> None:
    assert next_command(replace(info, resolution_m=250.0)) == "geoglot models list"


def test_nothing_is_said_of_what_cannot_be_mapped(
    info: RasterInfo, make_geotiff: MakeGeotiff, colours: np.ndarray, tmp_path: Path
) -> None:
    assert next_command(replace(info, fit=replace(info.fit, shape=(4, 900)))) == ""
    empty = make_geotiff(np.zeros_like(colours), nodata=0, path=tmp_path / "empty.tif")
    assert next_command(inspect_raster(empty)) == ""
    said = CliRunner().invoke(cli, ["info", str(empty)])
    assert said.exit_code == 0 and "\ntry " not in said.stdout
