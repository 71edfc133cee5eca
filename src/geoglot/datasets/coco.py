"""Labels of COCO: one JSON file for the images of a split, things as outlines, run lengths or boxes.

As cocodataset.org documents it (format-data), and pycocotools' maskApi for run lengths. A crowd (`iscrowd`) does not
count, as in COCO's own figures of detection: what is in it was not told apart.
"""

from __future__ import annotations

import json
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

from geoglot.datasets.drawn import Drawn, paint
from geoglot.datasets.labels import NONE, Labels, Read
from geoglot.datasets.registration import grid_of
from geoglot.errors import SourceError
from geoglot.tables import read_text


@dataclass(frozen=True)
class CocoFile:
    """What a file of annotations says."""

    path: Path
    names: Mapping[int, str]
    """Of the categories that things have, by their numbers."""
    images: Mapping[str, Mapping[str, Any]]
    """By file name."""
    things: Mapping[Any, Sequence[Mapping[str, Any]]]
    """By the id of the image."""

    @property
    def strays(self) -> int:
        """How many annotations are of images that the file does not name."""
        known = {one["id"] for one in self.images.values()}
        return sum(len(some) for image, some in self.things.items() if image not in known)


@dataclass(frozen=True, eq=False)
class CocoLabels(Labels):
    """What a file of annotations says of one image."""

    path: Path
    shape: tuple[int, int]
    """Rows and columns of the image as the file says."""
    things: Sequence[Mapping[str, Any]]
    index: Mapping[int, int]
    """The place of each class by the number of its category."""
    rest: int
    """The class of pixels outside of all things."""

    def stored(self) -> Read:
        """The things painted, on as many pixels as the file says that the image has."""
        own = grid_of(self.image).shape
        if sorted(own) != sorted(self.shape):  # turned by EXIF they are the same
            raise SourceError(
                f"{self.image} has {own[0]} x {own[1]} px, by {self.path} {self.shape[0]} x {self.shape[1]}; "
                "were its labels made at another size?"
            )
        try:
            drawn = [one for thing in self.things for one in _drawn(thing, self.index, self.shape)]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise SourceError(
                f"{self.path} has an annotation of {self.image.name} that is none ({error!r}); export it anew"
            ) from error
        return Read(*paint(drawn, self.shape, self.rest, self.path))


def read_coco(path: Path) -> CocoFile:
    """A file of annotations; SourceError where it is none."""
    try:
        table = json.loads(read_text(path).body)
        categories = {int(one["id"]): one for one in table["categories"]}
        things = defaultdict[Any, list[Mapping[str, Any]]](list)
        for one in table["annotations"]:
            things[one["image_id"]].append(one)
        images = {str(one["file_name"]): one for one in table["images"]}
        used = {int(one["category_id"]) for one in table["annotations"]}
        above = {str(one.get("supercategory", "")) for one in categories.values()}
        names = {
            number: str(one["name"]).strip()
            for number, one in sorted(categories.items())
            if number in used or str(one["name"]) not in above or one.get("supercategory") == one["name"]
        }
        ids = {one["id"] for one in images.values()}
        sizes = [(int(one["height"]), int(one["width"])) for one in images.values()]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SourceError(f"{path} is not a COCO file of images, annotations and categories ({error!r})") from error
    if strange := sorted(used - set(categories)):
        raise SourceError(f"{path} has annotations of the category {strange[0]}, which its categories do not have")
    if len(images) < len(table["images"]):
        raise SourceError(f"{path} has two images of one file name; merge them")
    if len(ids) < len(images) or len(categories) < len(table["categories"]):
        raise SourceError(f"{path} has one id for two images or for two categories, so annotations may be of either")
    if things and not set(things) & ids:
        first = next(iter(things))
        raise SourceError(f"no annotation of {path} is of one of its images; the first has the image_id {first!r}")
    if len(set(names.values())) < len(names) or any(min(size) < 1 for size in sizes):
        raise SourceError(f"the categories of {path} must have different names, and its images a size")
    return CocoFile(path, names, images, things)


def looks_like_coco(path: Path) -> bool:
    """Whether a JSON file has COCO's parts, from its bytes: files may be large."""
    body = path.read_bytes()
    return all(f'"{part}"'.encode() in body for part in ("images", "annotations", "categories"))


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for a name that is too long


def find_image(name: str, folders: Sequence[Path], root: Path) -> Path | None:
    """The file below `root` that a file_name means: in one of the folders, at last without its own.

    Programs write \\ on Windows, and paths of the machine on which the labels were drawn.
    """
    ways = dict.fromkeys((name, name.replace("\\", "/"), re.split(r"[\\/]", name)[-1]))
    paths = [folder / way for way in ways for folder in folders if _is_file(folder / way)]
    return next((path for path in paths if path.resolve().is_relative_to(root.resolve())), None)


def _drawn(thing: Mapping[str, Any], index: Mapping[int, int], shape: tuple[int, int]) -> list[Drawn]:
    """The areas of an annotation: of an outline in parts one each."""
    place = NONE if thing.get("iscrowd") else index[int(thing["category_id"])]
    outline = thing.get("segmentation")
    if isinstance(outline, dict):
        return [Drawn(place, _mask(outline, shape))]
    if outline:
        parts = [_numbers(part).reshape(-1, 2) for part in outline]
        return [Drawn(place, shapely.Polygon(part) if len(part) > 2 else shapely.MultiPoint(part)) for part in parts]
    x, y, width, height = _numbers(thing["bbox"])
    return [Drawn(place, shapely.box(x, y, x + width, y + height), True)]


def _numbers(values: Any) -> np.ndarray:
    numbers = np.asarray(values, float)
    if not np.isfinite(numbers).all() or not numbers.size:
        raise ValueError("corners that are no numbers")
    return numbers


def _mask(runs: Mapping[str, Any], shape: tuple[int, int]) -> Bool[np.ndarray, "rows cols"]:
    """Run lengths, column by column, of what is not and what is the thing in turn."""
    counts = runs["counts"]
    lengths = _unpacked(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if tuple(runs["size"]) != shape or sum(lengths) != shape[0] * shape[1] or min(lengths, default=0) < 0:
        raise ValueError(f"run lengths of {runs['size']} px that add up to {sum(lengths)}, in an image of {shape}")
    is_thing = np.arange(len(lengths)) % 2 == 1
    return np.repeat(is_thing, lengths).reshape(shape, order="F")


def _unpacked(text: str) -> list[int]:
    """COCO's compressed run lengths: five bits a letter, least first, and from the fourth on less the last but one."""
    lengths, value, shift = list[int](), 0, 0
    for letter in text.encode("ascii"):
        bits = letter - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value, shift = 0, 0
    return lengths
