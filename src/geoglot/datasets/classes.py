"""Classes of pixels, and the table `classes.csv` that names them in a folder of images and labels."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import ImageColor

from geoglot.errors import SourceError
from geoglot.scene.class_words import ClassWords
from geoglot.tables import Table, read_table

Colour = tuple[int, int, int]

TABLE = "classes.csv"
BACKGROUND = "background"
IGNORED = 255
"""Pixels with this value in a mask do not count, so ids end at 254."""
_CHANNELS = (("r", "g", "b"), ("red", "green", "blue"))


@dataclass(frozen=True)
class MapClass:
    """A class of pixels."""

    name: str
    values: tuple[int | Colour, ...]
    """Ids or colours that stand for the class in the labels."""
    words: tuple[str, ...] = ()
    """Class words for a model; the name if there are none."""
    colour: Colour | None = None
    """Colour of the class in coloured masks and palettes, if known."""


def words_of(classes: Sequence[MapClass]) -> tuple[ClassWords, ...]:
    """The class words for a model."""
    return tuple(ClassWords(kind.name, kind.words or (kind.name,)) for kind in classes)


def find_background(names: Iterable[str]) -> int | None:
    """Index of the class of pixels outside all objects, in whatever case its name is; None if there is none."""
    return next((index for index, name in enumerate(names) if name.lower() == BACKGROUND), None)


def add_background(classes: tuple[MapClass, ...]) -> tuple[MapClass, ...]:
    """Put a class `background` first, for the pixels outside all objects, unless there is one."""
    there = find_background(kind.name for kind in classes) is not None
    return classes if there else (MapClass(BACKGROUND, ()), *classes)


def read_classes(path: Path) -> tuple[tuple[MapClass, ...], tuple[str, ...]]:
    """The classes of a table, whose ids are 0, 1, 2, ..., and notes on how it was read."""
    table = read_table(path, ("id", "name"))
    if [row["id"] for row in table.rows] != [str(index) for index in range(len(table.rows))] or not table.rows:
        raise SourceError(f"the ids in {path} must be 0, 1, 2 and so on, in this order")
    names = [row["name"] for row in table.rows]
    check_names(names, f"in {path}")
    colours = [read_colour(table, index) for index in range(len(names))]
    if any(count > 1 for colour, count in Counter(colours).items() if colour):
        raise SourceError(f"two classes in {path} have the same colour; give each its own, or none")
    classes = tuple(MapClass(name, (index,), colour=colours[index]) for index, name in enumerate(names))
    return classes, table.notes


def check_names(names: Sequence[str], where: str) -> None:
    """SourceError unless a table of classes can hold these names."""
    if not all(names) or len(set(names)) < len(names) or len(names) > IGNORED:
        raise SourceError(f"the names {where} must differ and must not be empty, and at most {IGNORED} are possible")


def read_colour(table: Table, index: int) -> Colour | None:
    """The colour of a row: CSS (#ff8800, rgb(255, 136, 0), red), three numbers, or columns r, g, b."""
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
        raise SourceError(f"{table.path} has the colour {text!r}; write it as #ff8800 or leave it out") from None
    return red, green, blue
