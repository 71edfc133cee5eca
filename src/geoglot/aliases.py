"""Types of arguments. A public function normalises a `...Like` argument in its first lines and never passes it on."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval

PathLike = str | Path
#: "a,b", a list of names, names with words that describe each ({"water": ["river", "lake"]}), or a file of these
ClassesLike = str | Path | Sequence[str] | Mapping[str, Sequence[str]]
#: A band by 1-based index or by name ("red")
BandLike = int | str
Sensor = Literal[
    "rgb",
    "naip",
    "sentinel2-l2a",
    "sentinel2-l1c",
    "landsat-c2-l2",
    "landsat8-9-c2-l2",
    "landsat4-7-c2-l2",
    "landsat-c2-l1",
    "worldview",
    "pleiades",
    "planetscope",
]
#: The stored number that is no data; "none": every finite number is data; None: as the file and its pixels say
NoData = int | float | Literal["none"] | None
Progress = Callable[[str, int, int], None]
"""Called with (the name of the step, how much of it is done, how much there is to do)."""


def not_utf8(name: PathLike) -> str | None:
    """A printable form of a name that is not UTF-8; None if the name is UTF-8."""
    try:
        str(name).encode()
    except UnicodeEncodeError:  # Python holds such bytes as surrogates; other surrogates stand for no bytes
        with suppress(UnicodeEncodeError):
            return os.fsencode(name).decode("utf-8", "backslashreplace")
        return str(name).encode("utf-8", "backslashreplace").decode()
    return None


Count = Annotated[int, Ge(1)]
Amount = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0)]
Weight = Annotated[float, Ge(0)]
Part = Annotated[float, Interval(ge=0, le=1)]
