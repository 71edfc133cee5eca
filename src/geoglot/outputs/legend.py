"""Class ids, names and colours of a map."""

import colorsys
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from geoglot.errors import ClassesError
from geoglot.legible import find_unwritable

Colour = tuple[int, int, int]

_MOST = 65_534  # classes that fit in two bytes beside "other" and no data
_LONGEST_NAME = 2000
_HUES = 600  # after these the hues of the wheel repeat

#: Colour of id 0. GeoTIFF's colour tables know no transparency.
OTHER_COLOUR: Colour = (240, 240, 240)
# The colours that people expect: a class gets the colour of the first key with which a word of its name begins.
_EXPECTED: dict[str, Colour] = {
    "water": (45, 120, 200), "river": (45, 120, 200), "lake": (45, 120, 200), "pool": (60, 190, 230),
    "sea": (25, 85, 165), "forest": (25, 110, 50), "tree": (35, 135, 60), "wood": (25, 110, 50),
    "grass": (140, 200, 90), "lawn": (140, 200, 90), "meadow": (160, 205, 110), "crop": (225, 195, 85),
    "farm": (225, 195, 85), "agricultur": (225, 195, 85), "field": (225, 195, 85), "build": (205, 60, 60),
    "house": (205, 60, 60), "roof": (205, 60, 60), "resid": (215, 95, 85), "road": (110, 110, 120),
    "street": (110, 110, 120), "highway": (90, 90, 105), "parking": (150, 130, 160), "car park": (150, 130, 160),
    "soil": (175, 130, 85), "bare": (175, 130, 85), "barren": (175, 130, 85), "sand": (235, 215, 160),
    "beach": (235, 215, 160), "desert": (225, 190, 130), "snow": (245, 245, 250), "ice": (215, 235, 245),
    "cloud": (250, 250, 250), "rail": (90, 60, 90), "industr": (160, 70, 140), "shadow": (50, 50, 60),
}  # fmt: skip

_WORDS = [(re.compile(rf"\b{word}"), colour) for word, colour in _EXPECTED.items()]


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
        """The colour of each class: the expected one if it is free, else the next of an even wheel."""
        taken: dict[Colour, None] = {}  # ordered
        turn = 0  # the next colour of the wheel that may be free
        for index, name in enumerate(self.names):
            expected = next((colour for word, colour in _WORDS if word.search(name.lower())), None)
            if expected is None or expected in taken:
                turn = next(at for at in count(max(index, turn)) if _wheel(at) not in taken)
                expected = _wheel(turn)
            taken[expected] = None
        return tuple(taken)

    def colour_of(self, name: str) -> Colour:
        """The colour of a class; that of id 0 for a name which is none."""
        return self._by_name.get(name, OTHER_COLOUR)

    @cached_property
    def _by_name(self) -> dict[str, Colour]:
        return dict(zip(self.names, self.colours, strict=True))


def _wheel(index: int) -> Colour:
    """Hues a golden angle apart, so that neighbours differ most; each further wheel is paler or darker."""
    ring = index // _HUES
    saturation, brightness = 0.4 + (0.22 + 0.4152 * ring) % 0.55, 0.5 + (0.36 + 0.2564 * ring) % 0.45
    red, green, blue = colorsys.hsv_to_rgb((0.08 + index * 0.61803) % 1, saturation, brightness)
    return round(red * 255), round(green * 255), round(blue * 255)
