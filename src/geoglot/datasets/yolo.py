"""Labels of YOLO: a text beside each image, a thing a line, in shares of the image's sides.

    3 0.5 0.5 0.2 0.1                       class, then a box: its middle, width and height
    3 0.1 0.1 0.4 0.1 0.4 0.4 0.1 0.4       class, then the corners of an outline: three or more

As ultralytics documents it (docs.ultralytics.com/datasets). A text that is empty or not there says that an image shows
none of the things. data.yaml names the classes and where the images of each split lie.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
import yaml

from geoglot.datasets.drawn import Drawn, paint
from geoglot.datasets.labels import Labels, Read
from geoglot.datasets.registration import shown_shape
from geoglot.errors import SourceError
from geoglot.tables import read_text

_NOT_THERE = "images without a file of labels: they count as showing none of the things, as YOLO means it"
_OVER = 0.01  # of the sides: what rounding at the image's edge makes


@dataclass(frozen=True)
class YoloFile(Labels):
    """The text of an image."""

    index: Mapping[int, int]
    """The place of each class by YOLO's number."""
    rest: int
    """The class of pixels outside of all things."""

    def stored(self) -> Read:
        """The things painted; SourceError for lines that are none."""
        shape = shown_shape(self.image)  # programs that write YOLO turn pictures upright
        things = list(self._things(shape)) if self.path else []
        ids, told = paint(things, shape, self.rest, self.path or self.image)
        return Read(ids, told + Counter({_NOT_THERE: int(self.path is None)}))

    def _things(self, shape: tuple[int, int]) -> Sequence[Drawn]:
        assert self.path is not None
        found = []
        for number, line in enumerate(read_text(self.path).body.splitlines(), 1):
            if line.strip():
                found.append(self._thing(line.split(), shape, f"{self.path}, line {number}"))
        return found

    def _thing(self, parts: Sequence[str], shape: tuple[int, int], where: str) -> Drawn:
        try:
            number, values = float(parts[0]), [float(part) for part in parts[1:]]
        except ValueError as error:
            raise SourceError(f"{where} must be numbers, a class and then shares of the sides: {error}") from error
        if number not in self.index:
            raise SourceError(f"{where} has the class {parts[0]}, which the class names do not have")
        if len(values) != 4 and (len(values) < 6 or len(values) % 2):
            raise SourceError(
                f"{where} has {len(values)} numbers after the class; a box has 4, an outline 6, 8, 10 ..."
            )
        if not all(math.isfinite(value) and -_OVER <= value <= 1 + _OVER for value in values):
            raise SourceError(f"{where} must have shares of the image's sides, from 0 to 1; are these pixels?")
        rows, cols = shape
        if len(values) == 4:
            x, y, width, height = values
            box = shapely.box(
                (x - width / 2) * cols, (y - height / 2) * rows, (x + width / 2) * cols, (y + height / 2) * rows
            )
            return Drawn(self.index[int(number)], box, True)
        corners = [(x * cols, y * rows) for x, y in zip(values[::2], values[1::2], strict=True)]
        return Drawn(self.index[int(number)], shapely.Polygon(corners))


@dataclass(frozen=True)
class Facts:
    """What data.yaml says."""

    names: Mapping[int, str]
    """Of the classes, by number."""
    splits: Mapping[str, str]
    """The folder of images of each split as it is written, or the text that lists them."""
    notes: tuple[str, ...] = ()
    """Of how the file was read."""


def find_facts(data: Path) -> Path | None:
    """data.yaml, or else the one .yaml or .yml file in a folder that names classes."""
    files = [path for path in sorted(data.glob("*.y*ml")) if path.suffix in (".yaml", ".yml")]
    preferred = [path for path in files if path.stem == "data"]
    return next((path for path in preferred or files if "names" in _yaml(path)), None)


def read_facts(path: Path) -> Facts:
    """The class names and the splits; SourceError where the names are not a list or numbered."""
    table = _yaml(path)
    names: Any = table.get("names")
    numbered = dict(enumerate(names)) if isinstance(names, list) else names
    try:
        named = {int(number): str(name).strip() for number, name in dict(numbered).items()}
    except (TypeError, ValueError) as error:
        raise SourceError(f"names in {path} must be a list, or numbers with names (0: building)") from error
    if not named or not all(named.values()) or len(set(named.values())) < len(named):
        raise SourceError(f"the names in {path} must differ and be there")
    if isinstance(table.get("nc"), int) and table["nc"] != len(named):
        raise SourceError(f"{path} says nc: {table['nc']}, but names {len(named)} classes; mend one of them")
    written = {name: _listed(table.get(name)) for name in ("train", "val", "test")}
    many = [
        f"{path} names several folders for {name}, which are not put together"
        for name in written
        if len(written[name]) > 1
    ]
    splits = {name: folders[0] for name, folders in written.items() if len(folders) == 1}
    return Facts(named, splits, (*read_text(path).notes, *many))


def _listed(value: object) -> list[str]:
    """The folders that stand for a split: one, or several in a list."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _yaml(path: Path) -> dict[str, Any]:
    try:
        table = yaml.safe_load(read_text(path).body)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error
    return table if isinstance(table, dict) else {}
