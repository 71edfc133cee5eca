"""Recipes: a long run as a TOML file that is a frozen dataclass. What it does not know it refuses by name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import tomllib
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from geoglot.aliases import PathLike
from geoglot.errors import InputError, SourceError
from geoglot.tables import read_text

T = TypeVar("T")
_LARGEST = 10**300  # above it an integer is no float
_SHOWN = 80  # characters of a value in a message


def read_recipe(path: Path, kind: type[T]) -> T:
    """The recipe in a file; InputError that names the key for what is unknown, missing or of another type.

    Paths in a recipe are relative to its folder; where a URL may stand, it stays as it is. With `base = "other.toml"` a
    recipe of the same folder is taken, and what is written here goes before it.
    """
    return from_table(kind, _read(path), f"{path}: ", path.parent)


def _read(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The table of a file, over that of its base; `above`: the recipes that led here."""
    try:
        table = tomllib.loads(read_text(path).body)
    except (SourceError, ValueError) as error:
        if not path.exists():
            raise InputError(f"there is no recipe {path}; see the examples in the folder recipes") from error
        raise InputError(f"the recipe {path} cannot be read: {error}") from error
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str) or Path(base).name != base or path.with_name(base) in (path, *above):
        raise InputError(f"{path}: base is the name of another recipe in its folder, not {base!r}")
    return _over(_read(path.with_name(base), (path, *above)), table)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two tables as one, part by part."""
    both = dict(below)
    for name, value in above.items():
        old = both.get(name)
        both[name] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def recipe_facts(recipe: Any, folder: Path, *leave_out: str) -> dict[str, Any]:
    """All that decides the result, as JSON has it; paths as seen from the recipe's folder, wherever it is run from."""
    fields = {name: value for name, value in dataclasses.asdict(recipe).items() if name not in leave_out}
    facts: dict[str, Any] = json.loads(json.dumps(fields, default=lambda path: os.path.relpath(path, folder)))
    return facts


def recipe_hash(recipe: Any, folder: Path, *leave_out: str) -> str:
    """Of these facts."""
    text = json.dumps(recipe_facts(recipe, folder, *leave_out), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def beside(name: str, folder: Path) -> str:
    """A model that a recipe names: a folder beside the recipe goes before one of the zoo."""
    return str(folder / name) if (folder / name).is_dir() else name


def from_table(kind: type[T], table: dict[str, Any], where: str, folder: Path) -> T:
    """A dataclass from plain values; InputError that names the key, after `where`, and what it may be."""
    hints = get_type_hints(kind, include_extras=True)
    here = f"{where[:-1]}: " if where.endswith(".") else where
    if unknown := sorted(set(table) - set(hints)):
        raise InputError(f"{here}there is no key {_short(unknown[0])}; known are {', '.join(hints)}")
    needed = [
        field.name
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing := [name for name in needed if name not in table]:
        raise InputError(f"{here}the key {missing[0]!r} is missing")
    return kind(**{name: _value(hints[name], value, f"{where}{name}", folder) for name, value in table.items()})


def _value(hint: Any, value: Any, where: str, folder: Path) -> Any:
    if get_origin(hint) is Annotated:
        plain, within = get_args(hint)
        number = _value(plain, value, where, folder)
        if number not in within:
            raise InputError(f"{where} is {within}, not {_short(value)}")
        return number
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if isinstance(hint, UnionType) else [hint]
    kind = Path if Path in kinds else kinds[0]
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return from_table(kind, value, f"{where}.", folder)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise InputError(f"{where} is one of {', '.join(map(repr, get_args(kind)))}, not {_short(value)}")
        return value
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        each = get_args(kind)
        each = each[:1] * len(value) if Ellipsis in each else each
        if len(each) != len(value):
            raise InputError(f"{where} has {len(each)} values, not {len(value)}")
        return tuple(_value(one, part, where, folder) for one, part in zip(each, value, strict=True))
    if get_origin(kind) is dict and isinstance(value, dict):
        return value
    if kind is Path and isinstance(value, str):
        return _place(value, str in kinds, where, folder)
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
        value = float(value)
    if not isinstance(value, get_origin(kind) or kind) or (kind is int and isinstance(value, bool)):
        named = "a table" if dataclasses.is_dataclass(kind) else kind.__name__
        raise InputError(f"{where} is {named}, not {_short(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where} is a finite number, not {value!r}")
    return value


def _short(value: object) -> str:
    """A value as a message shows it, however long it is."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _place(value: str, may_be_url: bool, where: str, folder: Path) -> PathLike:
    """A URL as it is; a path from the recipe's folder on."""
    if "://" not in value:
        written, short = folder / value, Path(os.path.normpath(folder / value))
        return short if short.resolve() == written.resolve() else written  # messages name it; links may forbid it
    if not may_be_url:
        raise InputError(f"{where} is a folder on this machine, not {value!r}")
    return value
