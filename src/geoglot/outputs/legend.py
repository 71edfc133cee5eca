"""Class ids, names and colours of a map."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import count

Colour = tuple[int, int, int]

#: Of what is none of the classes: GeoTIFF's colour tables know no transparency
OTHER_COLOUR: Colour = (240, 240, 240)
#: What people expect: a word of the class name that begins so decides its colour.
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


@dataclass(frozen=True)
class Legend:
    """Names of the classes 1..n; 0 is "other", `nodata` is no data."""

    names: tuple[str, ...]

    @property
    def nodata(self) -> int:
        """255, or 65535 when there are more classes than a byte holds."""
        return 255 if len(self.names) < 255 else 65535

    @property
    def dtype(self) -> str:
        """Of the class map."""
        return "uint8" if self.nodata == 255 else "uint16"

    @property
    def rest(self) -> str:
        """What id 0 is called."""
        return "other" if "other" not in self.names else "none of these"

    @cached_property
    def colours(self) -> tuple[Colour, ...]:
        """One colour a class: the expected one if it is still free, else the next of an even wheel."""
        taken: list[Colour] = []
        for index, name in enumerate(self.names):
            expected = next((c for word, c in _EXPECTED.items() if re.search(rf"\b{word}", name.lower())), None)
            wheel = (colour for turn in count(index) if (colour := _wheel(turn)) not in taken)
            taken.append(expected if expected and expected not in taken else next(wheel))
        return tuple(taken)


def _wheel(index: int) -> Colour:
    """Hues a golden angle apart: neighbours in the list differ most."""
    red, green, blue = colorsys.hsv_to_rgb((0.08 + index * 0.61803) % 1, 0.62, 0.86)
    return round(red * 255), round(green * 255), round(blue * 255)
