"""What programs hand to the vocabulary, checked: nothing that a model wrote is taken on trust."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from geoglot.errors import AnswerError
from geoglot.tasks.ask.lexicon import plural
from geoglot.tasks.ask.scene_things import Objects, Region, SceneObject

_LONGEST = 80
_SHOWN = 60


def objects(value: Any) -> Objects:
    """A group of things that a word gave."""
    if not isinstance(value, Objects):
        raise TypeError("objects are what find, larger, near and the like gave; to look for a name use find(name)")
    return value


def some(value: Any) -> tuple[SceneObject, ...]:
    """The things of a group that must not be empty."""
    things = objects(value).things
    if not things:
        raise AnswerError("there is nothing to measure: none of these things was found")
    return things


def region(value: Any) -> Region | None:
    """A region that a word gave, or none."""
    if value is not None and not isinstance(value, Region):
        raise TypeError("a region is what whole, part, around, between, before or after gave")
    return value


def needed(value: Any) -> Region:
    """A region that must be given."""
    given = region(value)
    if given is None:
        raise TypeError("a region is what whole, part, around, between, before or after gave")
    return given


def number(value: Any, what: str) -> float:
    """A finite number from 0 on to what fits on Earth."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} is a number")
    if not -1e15 < value < 1e15:
        raise ValueError(f"{what} is a number that fits on Earth")
    return float(value)


def length(value: Any, what: str) -> float:
    """A number that is not negative."""
    known = number(value, what)
    if known < 0:
        raise ValueError(f"{what} is not negative")
    return known


def text(value: Any, what: str, longest: int = _LONGEST) -> str:
    """A short printable text."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a text")
    if not value.strip() or len(value) > longest or not value.isprintable():
        raise ValueError(f"{what} is a text of 1 to {longest} printable characters")
    return value.strip()


def choice(value: Any, among: tuple[str, ...]) -> str:
    """One of some words."""
    if value not in among:
        raise ValueError(f"this is one of {', '.join(among)}")
    return str(value)


def held(within: Region | None, things: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
    """The things that count as being in a region; all of them where there is none."""
    if within is None or not things:
        return tuple(things)
    shapes = np.array([thing.geometry for thing in things], object)
    shapely.prepare(within.outline)
    inside = shapely.intersects(within.outline, shapes if within.touching else shapely.centroid(shapes))
    return tuple(thing for thing, holds in zip(things, inside, strict=True) if holds)


def names(things: Sequence[SceneObject]) -> str:
    """What a group is called."""
    return " and ".join(dict.fromkeys(plural(thing.name) for thing in things))


def said(value: Any) -> str:
    """A value of a record, in words."""
    if isinstance(value, Objects):
        shown = names(value.things)
        return f"{len(value.things)} {shown}" if shown else "nothing"
    if isinstance(value, Region):
        return value.name
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else "no number"
    if isinstance(value, list | dict):
        return f"{type(value).__name__} of {len(value)}"
    shown = str(value) if isinstance(value, str | int | bool) or value is None else type(value).__name__
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
