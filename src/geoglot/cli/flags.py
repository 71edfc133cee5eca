"""Flags of a command from the fields of a dataclass, so that an option, its default, help and bounds are said once.

A field is a flag if its annotation holds a help text: `tile: Annotated[int | None, "Side of a window.", Ge(1)] = None`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from geoglot.bounds import bounds_of, find_violation

if TYPE_CHECKING:
    from annotated_types import BaseMetadata

#: Flags that are not called after their fields
_NAMES = {"resolution": "--gsd", "area": "--aoi", "templates": "--template", "windows": "--windows/--whole"}
_UNIONS = (Union, UnionType)
_NUMBERS: dict[Any, click.ParamType[Any]] = {int: click.INT, float: click.FLOAT}


def flags(kind: type[Any], parameter: str, *leave_out: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the flags of a dataclass to a command, which takes what the user gave as an instance in `parameter`."""
    found = {name: option for name, option in _options(kind).items() if name not in leave_out}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_instance(*args: Any, **values: Any) -> Any:
            given = {name: values.pop(_key(parameter, name)) for name in found}
            fields = {name: value for name, value in given.items() if value not in (None, ())}
            return command(*args, **values, **{parameter: kind(**fields)})

        wrapped: Callable[..., Any] = with_instance
        for name, (flag, attributes) in reversed(found.items()):
            wrapped = click.option(flag, _key(parameter, name), **attributes)(wrapped)
        return wrapped

    return decorate


def _key(parameter: str, field: str) -> str:
    """Name of a value between click and the command: two dataclasses may have a field of the same name."""
    return f"{parameter}_{field}"


def _options(kind: type[Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Flag and click's attributes of every field that has a help text."""
    hints, found = get_type_hints(kind, include_extras=True), {}
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        help_text = next((entry for entry in getattr(hint, "__metadata__", ()) if isinstance(entry, str)), None)
        if help_text:
            flag = _NAMES.get(field.name, f"--{field.name.replace('_', '-')}")
            found[field.name] = flag, {"help": help_text, **_attributes(hint, field.default)}
    return found


def _attributes(hint: Any, default: Any) -> dict[str, Any]:
    """How click reads a value of this annotation, and which default it shows."""
    plain, *metadata = get_args(hint)
    kinds = [kind for kind in (get_args(plain) if get_origin(plain) in _UNIONS else (plain,)) if kind is not type(None)]
    if kinds == [bool]:
        return {"is_flag": True, "default": default}
    if kinds == [tuple[str, ...]]:
        return {"multiple": True}
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    default = {"default": shown, "show_default": True} if shown else {}  # else the dataclass fills it in
    return {"type": _type(kinds, bounds_of(tuple(metadata))), **default}


def _type(kinds: list[Any], bounds: tuple[BaseMetadata, ...]) -> click.ParamType[Any]:
    if len(kinds) == 1 and get_origin(kinds[0]) is Literal:
        return click.Choice(get_args(kinds[0]))
    if len(kinds) == 1 and get_origin(kinds[0]) is tuple:
        return _Commas(_element(get_args(kinds[0])[0]))
    if words := [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]:
        return _NumberOrWord(words)
    if len(kinds) == 1 and kinds[0] in _NUMBERS:
        return _Bounded(_NUMBERS[kinds[0]], bounds)
    return click.Path(path_type=Path) if Path in kinds else click.STRING


def _element(kind: Any) -> Callable[[str], Any]:
    """Reads a part of a list. A band is an index if it is a number, and a name if not."""
    return float if kind is float else lambda part: int(part) if part.isdecimal() else part


class _Bounded(click.ParamType[Any]):
    """A number within bounds."""

    def __init__(self, number: click.ParamType[Any], bounds: tuple[BaseMetadata, ...]) -> None:
        self.name, self._number, self._bounds = number.name, number, bounds

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = self._number.convert(value, param, ctx)
        if must := find_violation(number, self._bounds):
            self.fail(f"it must be {must}, got {value}", param, ctx)
        return number


class _NumberOrWord(click.ParamType[Any]):
    """A number, or one of some words."""

    def __init__(self, words: list[str]) -> None:
        self.name, self._words = f"number|{'|'.join(words)}", words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return value if value in self._words else float(value)
        except ValueError:
            self.fail(f"it must be a number or {' or '.join(self._words)}, got {value!r}", param, ctx)


class _Commas(click.ParamType[Any]):
    """Values with commas."""

    name = "a,b,..."

    def __init__(self, element: Callable[[str], Any]) -> None:
        self._element = element

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        try:
            values = tuple(self._element(part.strip()) for part in value.split(",") if part.strip())
        except ValueError:
            self.fail(f"it must be numbers with commas, such as 0.75,1,1.25, got {value!r}", param, ctx)
        if not values:  # an empty tuple would mean that the flag was not given
            self.fail(f"it must have at least one value, got {value!r}", param, ctx)
        return values
