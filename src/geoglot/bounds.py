"""Checks numbers against the bounds in the annotations of a dataclass, such as `Annotated[int, Ge(1)]`."""

import operator
from collections.abc import Callable
from functools import cache
from typing import Any, get_type_hints

from annotated_types import BaseMetadata, Ge, GroupedMetadata, Gt, Le, Lt

from geoglot.errors import InputError

_WORDS: dict[type, tuple[str, str, Callable[[float, float], bool]]] = {
    Ge: ("ge", "at least", operator.ge),
    Gt: ("gt", "above", operator.gt),
    Le: ("le", "at most", operator.le),
    Lt: ("lt", "below", operator.lt),
}


def check_bounds(options: Any) -> None:
    """Raise InputError that names the first field of a dataclass whose number is outside the bounds of its annotation.

    The dataclasses of options call it in `__post_init__`.
    """
    for name, bounds in _fields_with_bounds(type(options)):  # type: ignore[arg-type]
        value = getattr(options, name)
        if isinstance(value, int | float) and (must := find_violation(value, bounds)):
            raise InputError(f"{name} must be {must}, got {value!r}")


def find_violation(value: int | float, bounds: tuple[BaseMetadata, ...]) -> str | None:
    """What a number must be, such as "at least 1", if it breaks one of these bounds. NaN breaks every bound."""
    for bound in bounds:
        name, words, holds = _WORDS[type(bound)]
        if not holds(value, limit := getattr(bound, name)):
            return f"{words} {limit:g}"
    return None


def bounds_of(metadata: tuple[Any, ...]) -> tuple[BaseMetadata, ...]:
    """The single bounds among the metadata of an annotation."""
    entries = (single for entry in metadata for single in (entry if isinstance(entry, GroupedMetadata) else [entry]))
    return tuple(entry for entry in entries if isinstance(entry, BaseMetadata))


@cache
def _fields_with_bounds(kind: type[Any]) -> tuple[tuple[str, tuple[BaseMetadata, ...]], ...]:
    hints = get_type_hints(kind, include_extras=True)
    fields = ((name, bounds_of(getattr(hint, "__metadata__", ()))) for name, hint in hints.items())
    return tuple((name, bounds) for name, bounds in fields if bounds)
