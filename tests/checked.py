"""Types of arguments and results are checked at each call, at a price that tests can pay.

The import hook of jaxtyping wraps every function so that shapes agree among its arguments. Where no array is annotated
there are no shapes: beartype alone checks the same types, for a tenth of the time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, get_args

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray

_with_shapes = jaxtyping.jaxtyped
_check = beartype(conf=BeartypeConf(violation_type=jaxtyping.TypeCheckError))
_plain: dict[CodeType, dict[str, Any] | None] = {}
"""Annotations of a function without arrays, by its code; None where jaxtyping is needed."""


def check_cheaply() -> None:
    """From now on the import hook checks functions without arrays by beartype alone."""
    jaxtyping.jaxtyped = _jaxtyped  # type: ignore[assignment]


def _jaxtyped(**settings: Any) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        hints = _plain_hints(function) if isinstance(function, FunctionType) else None
        if hints is None:
            return _with_shapes(**settings)(function)
        own, function.__annotations__ = function.__annotations__, dict(hints)
        checked = _check(function)
        checked.__annotations__ = function.__annotations__ = own  # texts, which stubs are made of
        return checked

    return decorate


def _plain_hints(function: FunctionType) -> dict[str, Any] | None:
    code = function.__code__
    if code not in _plain:
        _plain[code] = _read_hints(function)
    return _plain[code]


def _read_hints(function: FunctionType) -> dict[str, Any] | None:
    if function.__code__.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        return None
    try:
        hints = inspect.get_annotations(function, eval_str=True)
    except (NameError, AttributeError, TypeError, ValueError, SyntaxError):
        return None  # a name that is not there yet, or of another scope
    return None if any(_has_array(hint) for hint in hints.values()) else hints


def _has_array(hint: Any) -> bool:
    if isinstance(hint, str) or (isinstance(hint, type) and issubclass(hint, AbstractArray)):
        return True
    return any(_has_array(part) for part in (hint if isinstance(hint, list) else get_args(hint)))
