from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from conftest import MakeGeotiff
from geoglot.cli.main import cli
from geoglot.models.card import read_card
from geoglot.models.stored import find_model
from geoglot.scene.read import understands


@pytest.fixture
def scene(make_geotiff: MakeGeotiff, colours: np.ndarray, tmp_path: Path) -> Path:
    pixels = np.concatenate([colours, colours[:1]]).astype(np.uint16) * 20
    return make_geotiff(pixels, descriptions=["B", "G", "R", "N"], path=tmp_path / "bgrn.tif")


def test_info_for_people_and_for_programs(scene: Path) -> None:
    text = CliRunner().invoke(cli, ["info", str(scene)])
    assert text.exit_code == 0, text.output
    assert "3, 2, 1 as red, green, blue, by their names" in text.output
    assert understands("mini", read_card(find_model("mini")).resolution) in text.output and "band   4  n" in text.output
    document = json.loads(CliRunner().invoke(cli, ["info", str(scene), "--bands", "1,2,3", "--json"]).stdout)
    assert document["shown"] == [1, 2, 3] and document["why"] == "as asked" and document["fit"]["fits"] is True


def test_bands_draws_beside_where_it_is_called(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = CliRunner().invoke(cli, ["bands", str(scene)])
    assert result.exit_code == 0, result.output
    assert Path("bgrn.bands.png").is_file() and "picture  bgrn.bands.png" in result.output
    again = CliRunner().invoke(cli, ["bands", str(scene), "--bands", "1,2,3"])
    assert again.exit_code == 1 and "is there already" in again.output
    document = json.loads(CliRunner().invoke(cli, ["bands", str(scene), "-o", "other.png", "--json"]).stdout)
    assert document["picture"] == "other.png" and Path("other.png").is_file()


def test_a_wrong_preset_is_wrong_usage(make_geotiff: MakeGeotiff, colours: np.ndarray, tmp_path: Path) -> None:
    path = make_geotiff(colours, path=tmp_path / "LE07_x.tif")
    result = CliRunner().invoke(cli, ["info", str(path), "--sensor", "sentinel2-l2a"])
    assert result.exit_code == 2 and "use --sensor landsat4-7-c2-l2" in result.output
