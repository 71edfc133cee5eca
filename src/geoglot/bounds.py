"""Checks values against the annotations of a dataclass: numbers, their bounds, and words."""

import operator
from collections.abc import Callable
from functools import cache
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import BaseMetadata, Ge, GroupedMetadata, Gt, Le, Lt

from geoglot.errors import InputError

_WORDS: dict[type, tuple[str, str, Callable[[float, float], bool]]] = {
    Ge: ("ge", "at least", operator.ge),
    Gt: ("gt", "above", operator.gt),
    Le: ("le", "at most", operator.le),
    Lt: ("lt", "below", operator.lt),
}


def check_bounds(options: Any) -> None:
    """Raise InputError that names the first field of a dataclass that must be a number or a word of a list, and is not.

    A number must also keep the bounds of its annotation. The dataclasses of options call it in `__post_init__`.
    """
    for name, kinds, bounds in _checked_fields(type(options)):  # type: ignore[arg-type]
        value = getattr(options, name)
        words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not (value in words or (value is None and NoneType in kinds) or (is_number and {int, float} & set(kinds))):
            must = [*(["a number"] if {int, float} & set(kinds) else []), *map(repr, words)]
            raise InputError(f"{name} must be {' or '.join(must)}, got {value!r}")
        if is_number and (violation := find_violation(value, bounds)):
            raise InputError(f"{name} must be {violation}, got {value!r}")


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
def _checked_fields(kind: type[Any]) -> tuple[tuple[str, tuple[Any, ...], tuple[BaseMetadata, ...]], ...]:
    """Name, kinds and bounds of the fields that hold numbers or words."""
    found = []
    for name, hint in get_type_hints(kind, include_extras=True).items():
        plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        kinds = get_args(plain) if get_origin(plain) in (Union, UnionType) else (plain,)
        if all(kind in (int, float, NoneType) or get_origin(kind) is Literal for kind in kinds):
            found.append((name, kinds, bounds_of(getattr(hint, "__metadata__", ()))))
    return tuple(found)
