"""Recipes: long runs as TOML files, read into frozen dataclasses. Unknown keys and wrong values are refused by name."""

from __future__ import annotations

import dataclasses
import json
import os
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from geoglot.aliases import PathLike
from geoglot.errors import InputError, SourceError
from geoglot.tables import read_toml

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

T = TypeVar("T")
_DEEPEST = 16  # tables in tables, and recipes over recipes
_SHOWN = 80  # characters of a value in a message


def read_recipe(path: Path, kind: type[T]) -> T:
    """Read the recipe in a file. Raises InputError, which names the key, for an unknown, missing or wrong value.

    Paths in a recipe are relative to its folder, and URLs stay as they are. With `base = "other.toml"` the recipe
    extends another one of the same folder, and its own values win.
    """
    return from_table(kind, _read(path), f"{path}: ", path.parent)


def open_recipe(recipe: T | PathLike, kind: type[T]) -> tuple[T, Path]:
    """A recipe, read from its file if a path is given, and the folder that its names are relative to."""
    if isinstance(recipe, PathLike):
        return read_recipe(Path(recipe), kind), Path(recipe).parent
    return recipe, Path()


def _read(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read the table of a file and merge it over its base. `above` holds the recipes that led here."""
    try:
        table = read_toml(path)
        _check_plain(table)
    except (SourceError, ValueError) as error:
        if not path.exists():
            raise InputError(f"there is no recipe {path}; see: geoglot recipes list") from error
        raise InputError(f"the recipe {path} cannot be read: {error}") from error
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str) or not base or Path(base).name != base or path.with_name(base) in (path, *above):
        raise InputError(f"{path}: base must be the name of another recipe in its folder, got {base!r}")
    if len(above) >= _DEEPEST:
        raise InputError(f"{path}: base leads through more than {_DEEPEST} recipes; write fewer")
    return _merge(_read(path.with_name(base), (path, *above)), table)


def _check_plain(table: dict[str, Any]) -> None:
    """ValueError for tables in tables without end, and for whole numbers that no setting needs."""
    level: list[Any] = [table]
    for _ in range(_DEEPEST):
        inner = [
            value.values() if isinstance(value, dict) else value for value in level if isinstance(value, dict | list)
        ]
        level = [value for values in inner for value in values]
        if any(isinstance(value, int) and abs(value) >= 2**63 for value in level):
            raise ValueError("a whole number must have less than 64 bits")
    if level:
        raise ValueError(f"its tables and lists are nested more than {_DEEPEST} deep")


def _merge(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """Merge a table over its base; tables inside are merged too."""
    merged = dict(base)
    for name, value in table.items():
        old = merged.get(name)
        merged[name] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def recipe_facts(recipe: Any, folder: Path, *leave_out: str) -> dict[str, Any]:
    """Everything that decides the result, as JSON values. Paths are relative to the recipe's folder."""
    fields = {name: value for name, value in dataclasses.asdict(recipe).items() if name not in leave_out}
    facts: dict[str, Any] = json.loads(json.dumps(fields, default=lambda path: os.path.relpath(path, folder)))
    return facts


def from_table(kind: type[T], table: dict[str, Any], where: str, folder: Path) -> T:
    """Make a dataclass from plain values. Paths become relative to `folder`.

    Raises InputError that names the key, after `where`, and says what its value must be.
    """
    from pydantic import ValidationError

    try:
        values = _adapter_of(kind).validate_json(json.dumps(table, default=str))  # type: ignore[arg-type]
    except ValidationError as error:
        raise InputError(where + _sentence(kind, error.errors(include_url=False))) from None
    except InputError as error:  # from the checks of the dataclass, which do not know the file
        raise InputError(f"{where}{error}") from None
    recipe: T = _with_paths(kind, values, table, where, folder)
    return recipe


@cache
def _adapter_of(kind: type[Any]) -> TypeAdapter[Any]:
    """The adapter that validates plain values strictly against a dataclass."""
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.dataclasses import dataclass

    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return TypeAdapter(dataclass(kind, frozen=True, config=config))


def _with_paths(kind: type[Any], values: Any, table: dict[str, Any], where: str, folder: Path) -> Any:
    """Rebuild the plain dataclass of validated values, with the paths of the table resolved from `folder`."""
    resolved = {}
    for name, kinds in _kinds(kind).items():
        value, stated = getattr(values, name), table.get(name)
        _check_dates(value, stated, f"{where}{name}")
        nested = _find_dataclass(kinds)
        if nested and isinstance(stated, dict):
            value = _with_paths(nested, value, stated, f"{where}{name}.", folder)
        elif Path in kinds and stated is not None:
            value = _resolve(stated, str in kinds, f"{where}{name}", folder)
        resolved[name] = value
    return kind(**resolved)


def _check_dates(value: Any, stated: Any, key: str) -> None:
    """Refuse a date of TOML where the recipe takes text or a path: as JSON, which is validated, it is a text, too."""
    if isinstance(stated, list):
        for index, (one, stated_one) in enumerate(zip(value, stated, strict=True)):
            _check_dates(one, stated_one, f"{key}.{index}")
    elif isinstance(stated, date | time) and not isinstance(value, date):
        raise InputError(f'{key} must be text, got the date {stated}; write it in quotes: "{stated}"')


def _kinds(kind: type[Any]) -> dict[str, tuple[Any, ...]]:
    """The types that each field of a dataclass may have."""
    hints = get_type_hints(kind)
    return {field.name: get_args(hints[field.name]) or (hints[field.name],) for field in dataclasses.fields(kind)}


def _find_dataclass(kinds: tuple[Any, ...]) -> type[Any] | None:
    return next((kind for kind in kinds if isinstance(kind, type) and dataclasses.is_dataclass(kind)), None)


def _resolve(stated: str, may_be_url: bool, where: str, folder: Path) -> PathLike:
    if "://" not in stated:
        # Messages show the path without "..", unless a link in it makes that a path to another place.
        written, short = folder / stated, Path(os.path.normpath(folder / stated))
        return short if short.resolve() == written.resolve() else written
    if not may_be_url:
        raise InputError(f"{where} must be a folder on this machine, got {stated!r}")
    return stated


#: What a value must be, by pydantic's type of error; its context fills the braces
_MUST_BE = {
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "above {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "below {lt:g}",
    "literal_error": "{expected}",
    "too_long": "a list of {max_length} values",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "path_type": "a path as text",
    "tuple_type": "a list",
    "dict_type": "a table",
    "dataclass_type": "a table",
}


def _sentence(kind: type[Any], errors: list[ErrorDetails]) -> str:
    """One of pydantic's errors in our words: an unknown key first, since it may be a missing key misspelt."""
    error = next((other for other in errors if other["type"] == "unexpected_keyword_argument"), errors[0])
    if not error["loc"]:  # the table is no JSON: pydantic accepts no half characters
        return f"the values cannot be read: {error['msg']}"
    kinds, keys = _kinds(kind), []
    for part in error["loc"][:-1]:
        if part not in kinds and isinstance(part, str):
            break  # the branch of a union
        keys.append(str(part))
        nested = _find_dataclass(kinds.get(str(part), ()))
        kinds = _kinds(nested) if nested else {}
    last, within = str(error["loc"][-1]), f"{'.'.join(keys)}: " if keys else ""
    if error["type"] == "unexpected_keyword_argument":
        return f"{within}there is no key {_short(last)}; known are {', '.join(kinds)}"
    if error["type"] == "missing" and last in kinds:
        return f"{within}the key {last!r} is missing"
    if error["type"] == "missing":  # values of a tuple
        length = 1 + max(int(other["loc"][-1]) for other in errors if other["loc"][:-1] == error["loc"][:-1])
        return f"{'.'.join(keys)} must have {length} values, got {_short(error['input'])}"
    key = ".".join([*keys, last] if last in kinds or last.isdecimal() else keys)
    must = _MUST_BE.get(error["type"], "").format(**error.get("ctx", {})) or error["msg"]
    return f"{key} must be {must}, got {_short(error['input'])}"


def _short(value: object) -> str:
    """A value as a message shows it, however long it is."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."
