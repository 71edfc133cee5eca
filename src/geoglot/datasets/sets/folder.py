"""A set of one's own: images with masks, or images with polygons.

    F/classes.csv                   id,name[,colour]        colour as #rrggbb: what palettes of masks are compared with
    F/train/images/a.tif            any size, any format that GDAL reads
    F/train/masks/a.png             one band of ids; 255 does not count
    F/train/polygons/a.geojson      or .gpkg, in place of a mask: polygons with an attribute `class`
    F/val/...
    F/set.toml                      resolution = [0.3, 0.3], metres a pixel of the finest and the coarsest; may lack

Beside polygons the table may be left out: the classes are then the values of `class`, by name. Ground outside of all
polygons is the class called background, or does not count where there is none.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from geoglot.datasets.dataset import Mapped, Mask, Task
from geoglot.datasets.layout import Colour, MapClass, MaskedImages, read_mask
from geoglot.datasets.pictures import open_native
from geoglot.errors import InputError, SourceError
from geoglot.sources.folder import SUFFIXES
from geoglot.tasks.prompts import ClassWords

TABLE, FACTS = "classes.csv", "set.toml"
IGNORED = 255
_MASKS, VECTORS = (".png", ".tif", ".tiff"), (".geojson", ".gpkg")
_NONE = -1


@dataclass(frozen=True)
class FolderSet(MaskedImages):
    """Whatever lies in a folder in this layout; any split that is a folder."""

    def check(self, task: Task, split: str) -> None:
        """Only the task: which splits there are is seen in the folder."""
        if task not in self.tasks:
            raise InputError(f"a folder of images and masks is for segmentation, not for {task}")

    def read(self, data: Path, split: str) -> Mapped:
        """The images of a split, by name, each with what reads its mask or burns its polygons."""
        images, classes = self.images_of(data, split), self.classes_of(data)
        words = tuple(ClassWords(one.name, (one.name,)) for one in classes)
        return Mapped(words, images, [self._labels(data, image, classes) for image in images])

    def images_of(self, data: Path, split: str) -> list[Path]:
        """All images of a split."""
        folder = data / split / "images"
        if not folder.is_dir():
            raise SourceError(
                f"there is no folder {folder}; {self.page}, or cut a published set with geoglot datasets tile NAME"
            )
        images = sorted(one for one in folder.glob("*") if one.suffix.lower() in SUFFIXES)
        if not images:
            raise SourceError(f"the folder {folder} is there, but no images are in it; {self.page}")
        stems = [one.stem for one in images]
        if double := next((one for one in images if stems.count(one.stem) > 1), None):
            raise SourceError(f"two images in {folder} are called {double.stem}, but a mask belongs to one image")
        return images

    def classes_of(self, data: Path) -> tuple[MapClass, ...]:
        """The table's classes by id, or the values of the polygons."""
        if (data / TABLE).is_file():
            return read_table(data / TABLE)
        vectors = [path for path in sorted(data.glob("*/polygons/*")) if path.suffix in VECTORS]
        if not vectors:
            raise SourceError(f"{data} has neither {TABLE} (id,name) nor polygons with an attribute class")
        names = sorted({name for path in vectors for name in _polygons(path)["class"]})
        return tuple(MapClass(name, (index,)) for index, name in enumerate(names))

    def resolution_of(self, data: Path) -> tuple[float, float] | None:
        """What set.toml says, where there is one."""
        return read_resolution(data / FACTS) if (data / FACTS).is_file() else None

    def mask_of(self, data: Path, image: Path) -> Path:
        """The mask, or else the polygons."""
        split = image.parent.parent
        masks = [split / "masks" / f"{image.stem}{suffix}" for suffix in _MASKS]
        vectors = [split / "polygons" / f"{image.stem}{suffix}" for suffix in VECTORS]
        found = next((path for path in (*masks, *vectors) if path.is_file()), None)
        if found is None:
            raise SourceError(f"{image} has no mask: neither {masks[0]} nor {vectors[0]} is there")
        return found

    def _labels(self, data: Path, image: Path, classes: tuple[MapClass, ...]) -> Mask:
        mask = self.mask_of(data, image)
        if mask.suffix in VECTORS:
            return partial(burn, mask, image, {one.name: index for index, one in enumerate(classes)})
        return partial(read_mask, mask, classes)


def read_table(path: Path) -> tuple[MapClass, ...]:
    """The classes of a table, whose ids are 0, 1, 2 and so on."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"id", "name"} <= set(rows[0]):
        raise SourceError(f"{path} must have the columns id and name")
    if [row["id"].strip() for row in rows] != [str(index) for index in range(len(rows))]:
        raise SourceError(f"the ids in {path} must be 0, 1, 2 and so on, in this order")
    names = [row["name"].strip() for row in rows]
    if not all(names) or len(set(names)) < len(names) or len(names) > IGNORED:
        raise SourceError(f"the names in {path} must differ, be there, and be at most {IGNORED}")
    colours = [_colour(row.get("colour") or "", path) for row in rows]
    return tuple(MapClass(name, (index,), colour=colours[index]) for index, name in enumerate(names))


def _colour(text: str, path: Path) -> Colour | None:
    if not text.strip():
        return None
    try:
        red, green, blue = bytes.fromhex(text.strip().removeprefix("#"))
    except ValueError:
        raise SourceError(f"{path} has the colour {text.strip()!r}; colours are as #ff8800, or left out") from None
    return red, green, blue


def read_resolution(path: Path) -> tuple[float, float]:
    """Metres a pixel, finest and coarsest, of a set's facts."""
    try:
        finest, coarsest = (float(metres) for metres in tomllib.loads(path.read_text(encoding="utf-8"))["resolution"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} must say resolution = [FINEST, COARSEST], metres a pixel") from error
    if not 0 < finest <= coarsest:
        raise SourceError(f"the resolution in {path} is the finest, then the coarsest, not {[finest, coarsest]}")
    return finest, coarsest


def burn(vector: Path, image: Path, ids: Mapping[str, int]) -> Int32[np.ndarray, "rows cols"]:
    """Polygons as a mask on an image's pixels; of several over a pixel the last one counts."""
    from rasterio.features import rasterize

    shapes = _polygons(vector)
    unknown = sorted(set(shapes["class"]) - set(ids))
    if unknown:
        raise SourceError(f"{vector} has the class {unknown[0]!r}, which the class table does not have")
    with open_native(image) as raster:
        grid = raster.native
    if grid.crs is not None and shapes.crs is not None:
        shapes = shapes.to_crs(grid.crs)
    pairs = [(shape, ids[name]) for shape, name in zip(shapes.geometry, shapes["class"], strict=True)]
    rest = ids.get("background", _NONE)
    if not pairs:
        return np.full(grid.shape, rest, np.int32)
    burnt: np.ndarray = rasterize(pairs, grid.shape, fill=rest, transform=grid.transform, dtype="int32")
    return burnt


def _polygons(path: Path) -> Any:
    from geoglot.sources.vectors import read_vectors

    shapes = read_vectors(path)
    if "class" not in shapes:
        raise SourceError(
            f"{path} has no attribute class; it has {', '.join(shapes.columns.drop('geometry')) or 'none'}"
        )
    if nameless := int(shapes["class"].isna().sum()):
        raise SourceError(f"{path} has {nameless} polygons whose attribute class is empty; name or remove them")
    return shapes.assign(**{"class": shapes["class"].astype(str)})


FOLDER = FolderSet(
    name="folder",
    title="a folder of images and masks",
    page="put images into SPLIT/images, masks of ids into SPLIT/masks, and classes.csv (id,name) beside the splits",
    resolution=None,
    splits={"val": None, "train": None},
    ignored=(IGNORED,),
)
