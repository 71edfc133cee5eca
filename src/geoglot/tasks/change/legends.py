"""Names and colours of maps of change."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import OTHER_COLOUR, Colour
from geoglot.tasks.change.posterior import Transitions

_TO, _GONE = 0.75, (30, 20, 20)
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

    A change has the colour of what it leads to, with a little of what was there; the loss of a class to none of them
    that of the class, dark.
    """
    own = (OTHER_COLOUR, *Legend(tuple(states[1:])).colours)
    names, shades = [], []
    pairs = Transitions(len(states))
    for before, after in map(pairs.pair, range(1, pairs.count + 1)):
        names.append(f"{states[before]} to {states[after]}")
        shades.append(_mix(own[after], own[before], _TO) if after else _mix(_GONE, own[before], 0.5))
    return ChangeLegend(tuple(names), tuple(shades))


def class_legend(name: str) -> ChangeLegend:
    """The legend of the map of one class: where it stays, is gained, and is lost."""
    names = (f"{name} stays", f"{name} gained", f"{name} lost")
    return ChangeLegend(names, ((160, 160, 165), (30, 130, 200), (215, 80, 40)), f"no {name}")


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(colour, other, strict=True))
    return red, green, blue
