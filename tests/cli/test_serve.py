"""geoglot serve: what it refuses before it serves, and what it says; the map itself is tested in tests/app."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.demo import SCENE


@pytest.mark.parametrize(
    ("token", "flags", "told"),
    [
        ("", ["--public"], "GEOGLOT_SERVE_TOKEN"),
        ("short", [], "at least 16"),
        ("", ["/no/such/file.tif"], "no file, folder or archive"),
    ],
)
def test_what_cannot_be_served_is_refused(
    token: str, flags: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOGLOT_SERVE_TOKEN", token)
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path))
    result = CliRunner().invoke(cli, ["serve", "--no-browser", *flags])
    assert result.exit_code in (1, 2)
    assert told in result.stderr


def test_it_prints_the_addresses_and_opens_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[str]()
    monkeypatch.setenv("GEOGLOT_SERVE_TOKEN", token := "0123456789abcdef")
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("uvicorn.Server.run", lambda _, sockets: [each.close() for each in sockets])
    result = CliRunner().invoke(cli, ["serve", str(SCENE)])
    assert result.exit_code == 0, result.stderr
    [address] = opened
    assert address.endswith(f"/?token={token}")
    assert address in result.stdout
    assert f"/key/{token}/ogc/" in result.stdout
