"""The classes of a set of one's own: classes.csv, or what its labels say of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from PIL import ImageColor

from geoglot.datasets.labels import Colour, MapClass
from geoglot.errors import SourceError
from geoglot.tables import Table, read_table

TABLE = "classes.csv"
BACKGROUND = "background"
_CHANNELS = (("r", "g", "b"), ("red", "green", "blue"))
MOST = 255  # the value of masks that does not count is the first id too many


def read_classes(path: Path) -> tuple[tuple[MapClass, ...], tuple[str, ...]]:
    """The classes of a table, whose ids are 0, 1, 2 and so on, and notes of how it was read."""
    table = read_table(path, ("id", "name"))
    if [row["id"] for row in table.rows] != [str(index) for index in range(len(table.rows))] or not table.rows:
        raise SourceError(f"the ids in {path} must be 0, 1, 2 and so on, in this order")
    names = [row["name"] for row in table.rows]
    if not all(names) or len(set(names)) < len(names) or len(names) > MOST:
        raise SourceError(f"the names in {path} must differ, be there, and be at most {MOST}")
    colours = [_colour(table, index) for index in range(len(names))]
    given = [colour for colour in colours if colour]
    if len(set(given)) < len(given):
        raise SourceError(f"two classes in {path} have the same colour; give each its own, or none")
    classes = tuple(MapClass(name, (index,), colour=colours[index]) for index, name in enumerate(names))
    return classes, table.notes


def _colour(table: Table, index: int) -> Colour | None:
    """As CSS writes it (#ff8800, rgb(255, 136, 0), red), as 255 136 0 with any separator, or in columns r, g, b."""
    row = table.rows[index]
    channels = next((names for names in _CHANNELS if set(names) <= set(table.columns)), ())
    text = row.get("colour") or row.get("color") or " ".join(row[name] for name in channels).strip()
    if not text:
        return None
    parts = text.strip("()[]").replace(",", " ").replace(";", " ").split()
    try:
        if len(parts) == 3 and all(part.isdecimal() for part in parts):
            red, green, blue = bytes(map(int, parts))
        else:
            code = re.sub(r"^(0x)?(?=[0-9a-f]{6}$)", "#", text.lower())
            red, green, blue, *_ = ImageColor.getrgb(code)
    except ValueError:
        raise SourceError(f"{table.path} has the colour {text!r}; colours are as #ff8800, or left out") from None
    return red, green, blue


def numbered(names: Iterable[tuple[int, str]]) -> tuple[MapClass, ...]:
    """Classes that labels number themselves, after a background for the pixels outside of all things."""
    return with_background(tuple(MapClass(name, (number,)) for number, name in names))


def with_background(classes: tuple[MapClass, ...]) -> tuple[MapClass, ...]:
    """Things and what is between them: a class background goes first where there is none."""
    has = any(one.name.lower() == BACKGROUND for one in classes)
    return classes if has else (MapClass(BACKGROUND, ()), *classes)
