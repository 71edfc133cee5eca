import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def tree() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tree", ROOT / "scripts/tree.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tree_equals_disk(tree: ModuleType) -> None:
    pages = {tree.README: tree.tree(rooms_only=True), tree.EVERY_MODULE: tree.tree()}
    for page, text in pages.items():
        assert tree.OPEN + text + tree.CLOSE in page.read_text(encoding="utf-8"), "run: python scripts/tree.py"


def test_every_module_says_what_it_is(tree: ModuleType) -> None:
    modules = [module for room in tree.ROOMS for module in (ROOT / room).rglob("*.py")]
    assert modules
    assert [str(module) for module in modules if not tree.comment(module)] == []


def test_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `geoglot ...` line of the README, in order, in one folder."""
    monkeypatch.chdir(tmp_path)
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("geoglot ")]
    for command in commands:
        result = CliRunner().invoke(cli, shlex.split(command, comments=True)[1:], catch_exceptions=False)
        assert result.exit_code == 0, f"{command}\n{result.output}"


def test_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of the README, in order, in one namespace, after the demo."""
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(cli, ["demo"], catch_exceptions=False)
    namespace: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)
