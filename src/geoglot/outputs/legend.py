"""Class ids, names and colours of a map."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from geoglot.errors import ClassesError
from geoglot.legible import find_unwritable
from geoglot.outputs.palette import OTHER_COLOUR, Colour, choose_colours

_MOST = 65_534  # classes that fit in two bytes beside "other" and no data
_LONGEST_NAME = 2000


def check_names(names: Iterable[str]) -> None:
    """ClassesError for a name that is too long, or holds a character that a file of results cannot hold."""
    for name in names:
        if len(name) > _LONGEST_NAME:
            raise ClassesError(f"a class name must have at most {_LONGEST_NAME:,} characters, got {len(name):,}")
        if wrong := find_unwritable(name):
            raise ClassesError(
                f"the class name {name[:40]!r} holds {wrong}, which no file of results can hold; take it out"
            )


@dataclass(frozen=True)
class Legend:
    """Names of the classes 1..n of a map; id 0 is "other", `nodata` is no data."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) > _MOST:
            raise ClassesError(f"a map holds at most {_MOST:,} classes, not {len(self.names):,}; give fewer")
        check_names(self.names)

    @property
    def nodata(self) -> int:
        """255, or 65535 when there are more classes than a byte holds."""
        return 255 if len(self.names) < 255 else 65535

    @property
    def dtype(self) -> str:
        """The type of a class map."""
        return "uint8" if self.nodata == 255 else "uint16"

    @property
    def rest(self) -> str:
        """The name of id 0."""
        return "other" if "other" not in self.names else "none of these"

    @cached_property
    def colours(self) -> tuple[Colour, ...]:
        """The colour of each class, no two alike."""
        return choose_colours(self.names)

    def colour_of(self, name: str) -> Colour:
        """The colour of a class; that of id 0 for a name which is none."""
        return self._by_name.get(name, OTHER_COLOUR)

    @cached_property
    def _by_name(self) -> dict[str, Colour]:
        return dict(zip(self.names, self.colours, strict=True))
