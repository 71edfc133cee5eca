"""The cells of docs/notebooks.md run in order, as a notebook runs them: the last expression of a cell is shown."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli
from notebooks import forbid_network, look_at

PAGE = Path(__file__).parents[1] / "docs/notebooks.md"


def run_cell(source: str, names: dict[str, object]) -> object:
    """What a notebook would show below the cell."""
    *lines, last = (tree := ast.parse(source)).body
    if not isinstance(last, ast.Expr):
        exec(compile(tree, PAGE.name, "exec"), names)
        return None
    exec(compile(ast.Module(lines, []), PAGE.name, "exec"), names)
    return eval(compile(ast.Expression(last.value), PAGE.name, "eval"), names)


def test_cells_run_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(cli, ["demo"], catch_exceptions=False)
    forbid_network(monkeypatch)
    names: dict[str, object] = {}
    cells = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    page, axes, web = [run_cell(cell, names) for cell in cells]
    assert len(look_at(names["town"]).pictures) == 2 and page is names["town"]
    axes.figure.canvas.draw()  # type: ignore[attr-defined]
    assert "L.imageOverlay" in web._repr_html_()  # type: ignore[attr-defined]
