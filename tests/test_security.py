"""docs/security.md says what the code does."""

from __future__ import annotations

import dataclasses
import re
from importlib import import_module
from pathlib import Path

from geoglot.settings import Settings

ROOT = Path(__file__).parents[1]


def rows(part: str) -> list[list[str]]:
    """The cells of a table of docs/security.md between two comments, without its head."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    body = re.search(rf"<!-- {part}:.*?-->\n(.*?)<!-- /{part} -->", text, re.DOTALL)
    assert body
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body[1].splitlines()[2:]]


def test_every_setting_is_in_the_table_with_its_default() -> None:
    told = {name.strip("`"): default for name, default, _ in rows("settings")}
    fields = {
        f"GEOGLOT_{field.name.upper()}": getattr(Settings(), field.name) for field in dataclasses.fields(Settings)
    }
    assert set(told) == set(fields)
    for name, default in fields.items():
        shown = str(default).replace(str(Path.home()), "~")
        assert told[name] == shown, name


def test_every_limit_is_what_the_table_says() -> None:
    found = rows("limits")
    assert len(found) >= 10
    for what, value, _, where in found:
        module, _, name = where.strip("`").rpartition(".")
        try:
            holder = import_module(module)
        except ModuleNotFoundError:  # a field of a dataclass
            module, _, kind = module.rpartition(".")
            holder = getattr(import_module(module), kind)
        assert value == f"{getattr(holder, name):,}", what


def test_the_pages_lead_to_one_another() -> None:
    assert "docs/security.md" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "docs/security.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "SECURITY.md" in (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
