import json

import pytest
from click.testing import CliRunner

from geoglot import doctor
from geoglot.cli.main import cli
from geoglot.doctor import Check

HERE = Check("python", True, "3.12.1", "")
MISSING = Check("rasterio", False, "not installed", "pip install rasterio")
LESS = Check("cache", False, "read-only", "set GEOGLOT_CACHE", essential=False)


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [HERE])
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 0
    assert "ok  python  3.12.1" in result.stdout


def test_something_essential_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [HERE, MISSING])
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 1
    assert "rasterio: pip install rasterio" in result.stdout


def test_what_is_not_essential_is_told_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [HERE, LESS])
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["ok"] is True
    assert document["checks"][1]["advice"] == "set GEOGLOT_CACHE"
