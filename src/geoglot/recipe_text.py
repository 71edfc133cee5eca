"""Recipes as TOML, for a person to read and edit; `recipe.py` reads them."""

import dataclasses
import json
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any


def recipe_text(recipe: Any, comments: Mapping[str, str] | None = None, leave_out: Container[str] = ()) -> str:
    """A recipe, a dataclass, as TOML: its tables follow its values, and what is None is left out.

    `comments` are lines above a key, by its dotted name: {"fit.steps": "more is better"}. `leave_out` are dotted names.
    """
    lines = _table(_plain(recipe, leave_out), "", comments or {})
    return "\n".join(lines).strip() + "\n"


def _plain(recipe: Any, leave_out: Container[str], where: str = "") -> dict[str, Any]:
    """Names to values, with dataclasses as tables."""
    table = {}
    for field in dataclasses.fields(recipe):
        dotted, value = f"{where}{field.name}", getattr(recipe, field.name)
        if value is not None and dotted not in leave_out:
            is_table = dataclasses.is_dataclass(value)
            table[field.name] = _plain(value, leave_out, f"{dotted}.") if is_table else value
    return table


def _table(table: Mapping[str, Any], where: str, comments: Mapping[str, str]) -> list[str]:
    lines = [f"[{where}]"] if where else []
    for name, value in table.items():
        if not isinstance(value, Mapping):
            dotted = f"{where}.{name}" if where else name
            lines += [
                *(f"# {line}" for line in comments.get(dotted, "").splitlines()),
                f"{_key(name)} = {toml_value(value)}",
            ]
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            lines += ["", *_table(value, f"{where}.{_key(name)}" if where else _key(name), comments)]
    return lines


def _key(name: str) -> str:
    """A key that may be any text; TOML leaves plain ones without quotes."""
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else json.dumps(name, ensure_ascii=False)


def toml_value(value: Any) -> str:
    """TOML's texts, numbers, booleans and lists are JSON's; a table in a list is written in one line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(name)} = {toml_value(part)}' for name, part in value.items())} }}"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
