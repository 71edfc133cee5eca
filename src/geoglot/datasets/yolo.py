"""YOLO labels: a text for each image, one object per line, in fractions of the image's sides.

    3 0.5 0.5 0.2 0.1                       class, then a box: its centre, width and height
    3 0.1 0.1 0.4 0.1 0.4 0.4 0.1 0.4       class, then an outline: three corners or more

Source: docs.ultralytics.com/datasets. An image with an empty or missing text shows no objects. data.yaml names the
classes and the image folder of each split.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import shapely
import yaml

from geoglot.datasets.image_files import shown_shape
from geoglot.datasets.labels import LabelMap, Labels
from geoglot.datasets.painting import Shape, paint
from geoglot.errors import SourceError
from geoglot.tables import read_text

_MISSING = "images without a label file, which show no objects in YOLO"
_MOST_BYTES = 2**18  # of data.yaml
_ROUNDING = 0.01  # tolerance at the image's edge, as a fraction of the sides


@dataclass(frozen=True)
class YoloFile(Labels):
    """The text of an image."""

    index: Mapping[int, int]
    """Class index by YOLO's number."""
    rest: int
    """The class of pixels outside all objects."""

    def read_stored(self) -> LabelMap:
        """Paint the objects; SourceError for an invalid line."""
        size = shown_shape(self.image)  # labelling programs turn pictures upright
        if self.path is None:
            labels = paint((), size, self.rest, self.image)
            return replace(labels, remarks=labels.remarks + Counter({_MISSING: 1}))
        lines = enumerate(read_text(self.path).body.splitlines(), 1)
        shapes = [
            self._shape(line.split(), size, f"{self.path}, line {number}") for number, line in lines if line.strip()
        ]
        return paint(shapes, size, self.rest, self.path)

    def _shape(self, parts: Sequence[str], size: tuple[int, int], where: str) -> Shape:
        try:
            number, values = float(parts[0]), [float(part) for part in parts[1:]]
        except ValueError as error:
            raise SourceError(f"{where} must be numbers, a class and then fractions of the sides: {error}") from error
        if number not in self.index:
            raise SourceError(f"{where} has the class {parts[0]}, which has no name")
        if len(values) != 4 and (len(values) < 6 or len(values) % 2):
            raise SourceError(
                f"{where} has {len(values)} numbers after the class; a box has 4, an outline 6, 8, 10 ..."
            )
        if not all(math.isfinite(value) and -_ROUNDING <= value <= 1 + _ROUNDING for value in values):
            raise SourceError(f"{where} must have fractions of the image's sides, from 0 to 1; are these pixels?")
        rows, cols = size
        if len(values) == 4:
            x, y, width, height = values
            box = shapely.box(
                (x - width / 2) * cols, (y - height / 2) * rows, (x + width / 2) * cols, (y + height / 2) * rows
            )
            return Shape(self.index[int(number)], box, True)
        corners = [(x * cols, y * rows) for x, y in zip(values[::2], values[1::2], strict=True)]
        return Shape(self.index[int(number)], shapely.Polygon(corners))


@dataclass(frozen=True)
class DataYaml:
    """The contents of data.yaml."""

    names: Mapping[int, str]
    """Class names by number."""
    splits: Mapping[str, str]
    """As written, by split: the folder of images, or a text that lists them."""
    notes: tuple[str, ...] = ()
    """How the file was read."""


def find_yaml(data: Path) -> Path | None:
    """data.yaml, else the first .yaml or .yml file that names classes."""
    files = [path for path in sorted(data.glob("*.y*ml")) if path.suffix in (".yaml", ".yml")]
    preferred = [path for path in files if path.stem == "data"]
    return next((path for path in preferred or files if "names" in _load(path)), None)


def read_yaml(path: Path) -> DataYaml:
    """The class names and splits; SourceError if the names are neither a list nor numbered."""
    table = _load(path)
    names: Any = table.get("names")
    numbered = dict(enumerate(names)) if isinstance(names, list) else names
    try:
        # A name that is a list may hold itself, or many times as much as the file.
        named = {int(number): str(name).strip() for number, name in dict(numbered).items() if not _is_nested(name)}
        if len(named) < len(numbered):
            raise TypeError("a name is a list")
    except (TypeError, ValueError, OverflowError) as error:
        raise SourceError(f"names in {path} must be a list, or numbers with names (0: building)") from error
    if not named or not all(named.values()) or len(set(named.values())) < len(named):
        raise SourceError(f"the names in {path} must differ and must not be empty")
    if isinstance(table.get("nc"), int) and table["nc"] != len(named):
        raise SourceError(f"{path} says nc: {table['nc']}, but names {len(named)} classes; correct one of them")
    splits, notes = dict[str, str](), list(read_text(path).notes)
    for name in ("train", "val", "test"):
        value = table.get(name)
        folders = [folder for folder in (value if isinstance(value, list) else [value]) if isinstance(folder, str)]
        if len(folders) == 1:
            splits[name] = folders[0]
        elif folders:
            notes.append(f"{path} names several folders for {name}, which geoglot does not join")
    return DataYaml(named, splits, tuple(notes))


def _is_nested(value: object) -> bool:
    return isinstance(value, list | dict | set | tuple)


class _Plain(yaml.SafeLoader):  # type: ignore[misc]
    """Reads YAML without aliases: ten lines of them stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has aliases (*name); write what they stand for")
        return super().compose_node(parent, index)


def _load(path: Path) -> dict[Any, Any]:
    try:
        table = yaml.load(read_text(path, _MOST_BYTES).body, _Plain)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise SourceError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error
    return table if isinstance(table, dict) else {}
