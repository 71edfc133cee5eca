"""Recipes: a training run as a TOML file that is a frozen dataclass. What it does not know it refuses by name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from geoglot.errors import InputError

T = TypeVar("T")


def read_recipe(path: Path, kind: type[T]) -> T:
    """The recipe in a file; InputError that names the key for what is unknown, missing or of another type.

    Paths in a recipe are relative to its folder; where a URL may stand, it stays as it is.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"there is no recipe {path}; see the examples in the folder recipes") from error
    except (OSError, ValueError) as error:
        raise InputError(f"the recipe {path} cannot be read: {error}") from error
    return _build(kind, table, f"{path}: ", path.parent)


def recipe_hash(recipe: Any, *leave_out: str) -> str:
    """Of all that decides the result."""
    fields = {name: value for name, value in dataclasses.asdict(recipe).items() if name not in leave_out}
    return hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _build(kind: type[T], table: dict[str, Any], where: str, folder: Path) -> T:
    hints = get_type_hints(kind)
    if unknown := sorted(set(table) - set(hints)):
        raise InputError(f"{where}there is no key {unknown[0]!r}; known are {', '.join(hints)}")
    needed = [
        field.name
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing := [name for name in needed if name not in table]:
        raise InputError(f"{where}the key {missing[0]!r} is missing")
    return kind(**{name: _value(hints[name], value, f"{where}{name}", folder) for name, value in table.items()})


def _value(hint: Any, value: Any, where: str, folder: Path) -> Any:
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if isinstance(hint, UnionType) else [hint]
    kind = Path if Path in kinds else kinds[0]
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return _build(kind, value, f"{where}.", folder)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise InputError(f"{where} is one of {', '.join(map(repr, get_args(kind)))}, not {value!r}")
        return value
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_value(get_args(kind)[0], one, where, folder) for one in value)
    if get_origin(kind) is dict and isinstance(value, dict):
        return value
    if kind is Path and isinstance(value, str):
        return value if "://" in value and str in kinds else folder / value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InputError(f"{where} is {kind.__name__}, not {value!r}")
    return value
