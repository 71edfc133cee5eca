"""Checks of the arguments that a program passes to the vocabulary: a language model may have written it."""

from typing import Any

from geoglot.errors import AnswerError
from geoglot.tasks.ask.scene_things import Objects, Region, SceneObject, names_of

_LONGEST = 80  # characters of a name
_SHOWN = 60  # characters of an argument or a result in a record


def things_of(value: Any) -> tuple[SceneObject, ...]:
    """The things in a group, which may be empty."""
    if not isinstance(value, Objects):
        raise TypeError("objects must come from find, larger, near and the like; to look for a name use find(name)")
    return value.things


def some_of(value: Any) -> tuple[SceneObject, ...]:
    """The things in a group; AnswerError if it is empty."""
    things = things_of(value)
    if not things:
        raise AnswerError("there is nothing to measure: none of these things was found")
    return things


def region_of(value: Any) -> Region:
    """A region; TypeError for anything else."""
    if not isinstance(value, Region):
        raise TypeError("a region must come from whole, part, around, between, before or after")
    return value


def optional_region(value: Any) -> Region | None:
    """A region, or None for the whole scene."""
    return None if value is None else region_of(value)


def dated_of(value: Any) -> Region:
    """A region of one of two dates."""
    region = region_of(value)
    if not region.when:
        raise TypeError("a region must be of one of two dates: before() or after()")
    return region


def number_of(value: Any, what: str) -> float:
    """A number of at most 1e15."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} must be a number, got {type(value).__name__}")
    if not -1e15 < value < 1e15:
        raise ValueError(f"{what} must be less than 1e15")
    return float(value)


def length_of(value: Any, what: str) -> float:
    """A number of at least 0."""
    length = number_of(value, what)
    if length < 0:
        raise ValueError(f"{what} must be at least 0, got {length:g}")
    return length


def text_of(value: Any, what: str, longest: int = _LONGEST) -> str:
    """A short printable text."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a text, got {type(value).__name__}")
    if not value.strip() or len(value) > longest or not value.isprintable():
        raise ValueError(f"{what} must have 1 to {longest} printable characters")
    return value.strip()


def choice_of(value: Any, choices: tuple[str, ...]) -> str:
    """One of the choices."""
    if value not in choices:
        raise ValueError(f"it must be one of {', '.join(choices)}")
    return str(value)


def describe(value: Any) -> str:
    """An argument or a result in words, for a record."""
    if isinstance(value, Objects):
        return f"{len(value.things)} {names_of(value.things)}" if value.things else "nothing"
    if isinstance(value, Region):
        return value.name
    if isinstance(value, float):
        return f"{value + 0.0:.6g}" if abs(value) < float("inf") else "no number"  # -0.0 + 0.0 is 0.0
    if isinstance(value, list | dict):
        return f"{type(value).__name__} of {len(value)}"
    shown = str(value) if isinstance(value, str | int | bool) or value is None else type(value).__name__
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
