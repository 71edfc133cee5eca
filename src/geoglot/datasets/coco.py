"""COCO labels: one JSON file for the images of a split, with objects as outlines, run lengths or boxes.

Sources: cocodataset.org (format-data), and pycocotools' maskApi for run lengths. Pixels of a crowd (`iscrowd`) do not
count, as in COCO's own detection scores, since its objects are not separate.
"""

import mmap
import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Bool

from geoglot.datasets.image_files import grid_of
from geoglot.datasets.labels import NONE, LabelMap, Labels
from geoglot.datasets.painting import Shape, paint
from geoglot.errors import SourceError
from geoglot.tables import parse_json, read_text

_MOST_BYTES = 2**30  # of an annotation file
_MOST_BITS = 60  # of a run length


@dataclass(frozen=True)
class CocoFile:
    """The contents of an annotation file."""

    path: Path
    names: Mapping[int, str]
    """Category names by category id, without supercategories that no object has."""
    images: Mapping[str, Mapping[str, Any]]
    """Image entries by file name."""
    annotations: Mapping[Any, Sequence[Mapping[str, Any]]]
    """Annotations by image id."""

    @property
    def strays(self) -> int:
        """Number of annotations of images that the file does not list."""
        ids = {image["id"] for image in self.images.values()}
        return sum(len(group) for image, group in self.annotations.items() if image not in ids)


@dataclass(frozen=True, eq=False)
class CocoLabels(Labels):
    """The annotations of one image."""

    path: Path
    size: tuple[int, int]
    """Rows and columns of the image according to the file."""
    annotations: Sequence[Mapping[str, Any]]
    index: Mapping[int, int]
    """Index of each class by category id."""
    rest: int
    """The class of pixels outside all objects."""

    def read_stored(self) -> LabelMap:
        own = grid_of(self.image).shape
        if sorted(own) != sorted(self.size):  # EXIF may swap them
            raise SourceError(
                f"{self.image} has {own[0]} x {own[1]} px, but {self.path} says {self.size[0]} x {self.size[1]}; "
                "were its labels made at another size?"
            )
        try:
            shapes = [shape for entry in self.annotations for shape in _shapes(entry, self.index, self.size)]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            raise SourceError(
                f"{self.path} has an invalid annotation of {self.image.name} ({error!r}); export it again"
            ) from error
        return paint(shapes, self.size, self.rest, self.path)


def read_coco(path: Path) -> CocoFile:
    """Read an annotation file; SourceError if it is not COCO's, or contradicts itself."""
    try:
        table = parse_json(read_text(path, _MOST_BYTES).body)
        categories = {int(category["id"]): category for category in table["categories"]}
        annotations = defaultdict[Any, list[Mapping[str, Any]]](list)
        for annotation in table["annotations"]:
            annotations[annotation["image_id"]].append(annotation)
        images = {str(image["file_name"]): image for image in table["images"]}
        used = {int(annotation["category_id"]) for annotation in table["annotations"]}
        parents = {str(category.get("supercategory", "")) for category in categories.values()}
        names = {
            number: str(category["name"]).strip()
            for number, category in sorted(categories.items())
            if number in used
            or str(category["name"]) not in parents
            or category.get("supercategory") == category["name"]
        }
        ids = {image["id"] for image in images.values()}
        smallest = min((int(image[side]) for image in images.values() for side in ("height", "width")), default=1)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SourceError(f"{path} is not a COCO file of images, annotations and categories ({error!r})") from error
    if unknown := sorted(used - set(categories)):
        raise SourceError(f"{path} has annotations of the category {unknown[0]}, which its categories do not have")
    if len(images) < len(table["images"]):
        raise SourceError(f"{path} has two images with the same file name; merge them")
    if len(ids) < len(images) or len(categories) < len(table["categories"]):
        raise SourceError(f"{path} has one id for two images or two categories, so annotations are ambiguous")
    if annotations and not set(annotations) & ids:
        first = next(iter(annotations))
        raise SourceError(f"no annotation of {path} belongs to one of its images; the first has the image_id {first!r}")
    if len(set(names.values())) < len(names) or smallest < 1:
        raise SourceError(f"the categories of {path} must have different names, and its images a size")
    return CocoFile(path, names, images, annotations)


def looks_like_coco(path: Path) -> bool:
    """Whether a JSON file has COCO's parts. Searches the bytes without parsing, since files may be large."""
    size = min(path.stat().st_size, _MOST_BYTES) if path.is_file() else 0  # a pipe would wait for somebody who writes
    if not size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as body:
        return all(body.find(f'"{part}"'.encode()) >= 0 for part in ("images", "annotations", "categories"))


def find_image(name: str, folders: Sequence[Path], root: Path) -> Path | None:
    """The image that a COCO file_name means, in one of the folders and below `root`.

    Programs write backslashes on Windows, or paths of another machine; the last part of such a path is tried too.
    """
    spellings = dict.fromkeys((name, name.replace("\\", "/"), re.split(r"[\\/]", name)[-1]))
    paths = (folder / spelling for spelling in spellings for folder in folders)
    files = [path for path in paths if os.path.isfile(path)]  # noqa: PTH113 - Path.is_file raises if a name is too long
    return next((path for path in files if path.resolve().is_relative_to(root.resolve())), None)


def _shapes(annotation: Mapping[str, Any], index: Mapping[int, int], size: tuple[int, int]) -> list[Shape]:
    """The areas of an annotation: one for each part of an outline."""
    place = NONE if annotation.get("iscrowd") else index[int(annotation["category_id"])]
    outline = annotation.get("segmentation")
    if isinstance(outline, dict):
        return [Shape(place, _decode_runs(outline, size))]
    if outline:
        parts = [_numbers(part).reshape(-1, 2) for part in outline]
        return [Shape(place, shapely.Polygon(part) if len(part) > 2 else shapely.MultiPoint(part)) for part in parts]
    x, y, width, height = _numbers(annotation["bbox"])
    return [Shape(place, shapely.box(x, y, x + width, y + height), True)]


def _numbers(values: Any) -> np.ndarray:
    numbers = np.asarray(values, float)
    if not np.isfinite(numbers).all() or not numbers.size:
        raise ValueError("corners that are not numbers")
    return numbers


def _decode_runs(runs: Mapping[str, Any], size: tuple[int, int]) -> Bool[np.ndarray, "rows cols"]:
    """A mask from run lengths: column by column, alternately outside and inside the object."""
    counts = runs["counts"]
    lengths = _decompress(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if tuple(runs["size"]) != size or sum(lengths) != size[0] * size[1] or min(lengths, default=0) < 0:
        raise ValueError(f"run lengths of {runs['size']} px that add up to {sum(lengths)}, in an image of {size}")
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(size, order="F")


def _decompress(text: str) -> list[int]:
    """Run lengths from COCO's letters: five bits each, lowest first; from the fourth on, differences to two before."""
    lengths, value, shift = list[int](), 0, 0
    for letter in text.encode("ascii"):
        bits = letter - 48
        value |= (bits & 31) << shift
        shift += 5
        if shift > _MOST_BITS:
            raise ValueError("run lengths of more pixels than an image can have")
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value, shift = 0, 0
    return lengths
