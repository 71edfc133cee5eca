import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from geoglot.cli.main import cli
from geoglot.shipped import recipes


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["recipes", *arguments])


def test_recipes_are_listed_with_what_they_do() -> None:
    listed = json.loads(run("list", "--json").stdout)["recipes"]
    assert [entry["name"] for entry in listed] == [recipe.name for recipe in recipes()]
    assert all(f"{entry['name']} " in run("list").stdout for entry in listed[:2])


def test_a_copy_is_made_once_and_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, again = run("copy", "loveda"), run("copy", "loveda")
    assert (first.stdout, again.stdout) == ("loveda.toml\n", "loveda.toml\n")
    Path("loveda.toml").write_text("mine")
    refused = run("copy", "loveda")
    assert refused.exit_code == 1 and "is there already" in refused.stderr
    assert Path("loveda.toml").read_text() == "mine"


def test_a_folder_is_copied_with_what_it_uses(tmp_path: Path) -> None:
    files = json.loads(run("copy", "change", str(tmp_path / "mine"), "--json").stdout)["files"]
    assert {str(tmp_path / "mine/change/real.py"), str(tmp_path / "mine/world/world.py")} <= set(files)
    assert all(Path(path).is_file() for path in files)
