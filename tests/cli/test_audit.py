from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audited import decide_by, write_map
from geoglot.cli.main import cli
from worlds import class_field

TRUTH = class_field((120, 120), 3, seed=5)


@pytest.fixture
def map_(tmp_path: Path) -> Path:
    return write_map(tmp_path / "map.tif", TRUTH)


def audit(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["audit", *map(str, arguments)])


def test_people_see_what_an_audit_takes_then_what_it_tells(map_: Path, tmp_path: Path) -> None:
    plan = audit(map_, "--precision", "0.1")
    assert plan.exit_code == 0 and "places to decide; draw them with: -o FOLDER" in plan.stdout
    drawn = audit(map_, "--precision", "0.1", "-o", tmp_path / "audit")
    assert drawn.exit_code == 0 and f"geoglot audit {tmp_path / 'audit'}" in drawn.stdout
    decide_by(tmp_path / "audit", TRUTH)
    told = audit(tmp_path / "audit")
    assert told.exit_code == 0, told.output
    assert "95 % interval" in told.stdout and "overall accuracy" in told.stdout
    rows = [line.split() for line in told.stdout.splitlines() if line.startswith(("other", "water", "forest"))]
    assert len(rows) == 3 and {row[2] for row in rows} == {"m²"}


def test_json_has_the_agreed_keys_before_and_after(map_: Path, tmp_path: Path) -> None:
    before = audit(map_, "-o", tmp_path / "audit", "--size", "90", "--json")
    assert {"sample", "strata", "areas", "accuracy"} <= json.loads(before.stdout).keys()
    decide_by(tmp_path / "audit", TRUTH)
    after = json.loads(audit(tmp_path / "audit" / "sample.csv", "--json").stdout)
    assert after["accuracy"]["overall"]["value"] == 1
    assert [area["name"] for area in after["areas"]] == ["other", "water", "forest"]
    assert all(area["low"] <= area["area_m2"] <= area["high"] for area in after["areas"])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["map.tif", "--map", "map.tif"], "give its folder in place of"),
        (["audit", "-o", "other"], "is no raster"),
        (["clicks.geojson"], "places that somebody chose"),
        (["map.tif", "--precision", "0"], "it must be above 0"),
        (["missing.tif"], "missing.tif"),
    ],
)
def test_wrong_use_is_refused_in_a_sentence(
    map_: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], match: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit").mkdir()
    result = audit(*arguments)
    assert result.exit_code in (1, 2) and match in result.stderr
