"""Names of classes that people keep beside their masks, in tables of several programs."""

import re
from pathlib import Path

from geoglot.datasets.classes import Colour, read_colour
from geoglot.errors import SourceError
from geoglot.tables import read_table, read_text

_LISTS = ("classes.txt", "labels.txt", "names.txt")
_CVAT = "labelmap.txt"
_LINE = re.compile(r"\s*([^#:]+):(\d+),(\d+),(\d+):.*")
_NAMES, _IDS = ("name", "class", "label"), ("id", "value", "class_id", "pixel_value")


def read_names(folder: Path) -> dict[int | Colour, str]:
    """Names by id and by colour; empty if there is no table.

    Read are a .csv with a column name (or class, label) and a column id or value, or a colour (r, g, b, or #rrggbb);
    labelmap.txt of CVAT (name:r,g,b::); classes.txt with a name per line, for 0, 1, 2 and so on.
    """
    for path in sorted(folder.glob("*.csv")):
        if names := _read_csv(path):
            return names
    if (folder / _CVAT).is_file():
        found = map(_LINE.fullmatch, read_text(folder / _CVAT).body.splitlines())
        return {_colour(match[2], match[3], match[4]): match[1].strip() for match in found if match}
    return dict(enumerate(read_list(folder)))


def read_list(folder: Path) -> list[str]:
    """The names of classes.txt, one a line; empty if there is none in the folder or directly below it."""
    files = [path for name in _LISTS for path in (folder / name, *sorted(folder.glob(f"*/{name}"))) if path.is_file()]
    return [line.strip() for line in read_text(files[0]).body.splitlines() if line.strip()] if files else []


def _read_csv(path: Path) -> dict[int | Colour, str]:
    table, names = read_table(path), dict[int | Colour, str]()
    column = next((name for name in _NAMES if name in table.columns), None)
    number = next((name for name in _IDS if name in table.columns), None)
    if column is None:
        return {}
    for index, row in enumerate(table.rows):
        if number and row[number]:
            if not row[number].isdecimal():
                raise SourceError(f"{table.where(index)}: the {number} must be a whole number, got {row[number]!r}")
            names[int(row[number])] = row[column]
        if colour := read_colour(table, index):
            names[colour] = row[column]
    return names


def _colour(*parts: str) -> Colour:
    red, green, blue = (min(int(part), 255) for part in parts)
    return red, green, blue
