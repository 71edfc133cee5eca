"""Names and colours of maps of change."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import MOST_COMPARED, OTHER_COLOUR, Colour, choose_apart, mix, shades_of
from geoglot.tasks.change.posterior import Transitions

_OF_BEFORE, _DARK = 0.25, (30, 20, 20)
STAYS, GAINED, LOST = 1, 2, 3
"""Ids in the map of one class."""


@dataclass(frozen=True)
class ChangeLegend(Legend):
    """A legend with colours of its own, whose id 0 is what does not change."""

    shades: tuple[Colour, ...] = ()
    unchanged: str = "unchanged"

    @property
    def rest(self) -> str:
        """The name of id 0."""
        return self.unchanged

    @cached_property
    def colours(self) -> tuple[Colour, ...]:
        """The colour of each id from 1."""
        return self.shades


def states_of(names: Sequence[str]) -> tuple[str, ...]:
    """The names of the states of a pixel: what is none of the classes, then each class."""
    return (Legend(tuple(names)).rest, *names)


def transition_legend(states: Sequence[str]) -> ChangeLegend:
    """The legend of all changes between states, of which the first is none of the classes.

    A change from none of the classes has the colour of the class that comes; a change to none of them has that of the
    class that goes, darkened. A change between two classes has a colour near that of the second. The colours of few
    changes are chosen to look different from each other.
    """
    own = (OTHER_COLOUR, *Legend(tuple(states[1:])).colours)
    pairs = Transitions(len(states))
    sides = [pairs.pair(number) for number in range(1, pairs.count + 1)]
    shades = {(0, after): own[after] for after in range(1, len(states))}
    few = len(sides) <= MOST_COMPARED
    for before, after in sorted(sides, key=lambda pair: pair[1] > 0):
        if before:
            base = mix(own[after], own[before], _OF_BEFORE)
            near = (base, *shades_of(base), *shades_of(own[after])) if after else _gone(own[before])
            shades[before, after] = choose_apart(near, {OTHER_COLOUR, *shades.values()}) if few else next(iter(near))
    names = tuple(f"{states[before]} to {states[after]}" for before, after in sides)
    return ChangeLegend(names, tuple(shades[pair] for pair in sides))


def class_legend(name: str) -> ChangeLegend:
    """The legend of the map of one class: where it stays, is gained, and is lost."""
    names = (f"{name} stays", f"{name} gained", f"{name} lost")
    return ChangeLegend(names, ((160, 160, 165), (30, 130, 200), (215, 80, 40)), f"no {name}")


def _gone(colour: Colour) -> list[Colour]:
    """What was there, dark."""
    return [mix(colour, _DARK, share) for share in (0.85, 0.7, 0.55)]
