"""A set of masked images cut into tiles, as a set of the layout `folder`.

Every pixel of every image is in some tile: the last tile of a row or column is moved back into the image. An image
that is smaller than a tile is continued by its mirror image, and does not count there. `windows.csv` says where each
tile was, so that answers can be put together again; `set.toml` keeps what a pixel measures on the ground.

The tiles that iSAID is scored on (Zheng et al., CVPR 2020, and after them MMSegmentation) are 896 px with an overlap of
384; pixels in overlaps then count twice, which is why figures by tile and by whole image differ.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from geoglot.aliases import Progress
from geoglot.datasets.check import label_faults
from geoglot.datasets.class_table import TABLE
from geoglot.datasets.dataset import DataSet
from geoglot.datasets.image_files import open_native
from geoglot.datasets.labels import Labels
from geoglot.datasets.layout import MaskedImages
from geoglot.datasets.sets.folder import FACTS, IGNORED
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.geo import Window
from geoglot.outputs.atomic import disk_errors, drafts

WINDOWS = "windows.csv"
COLUMNS = ("tile", "source", "row", "col", "height", "width")


@dataclass(frozen=True)
class Tiled:
    """What was made."""

    output: Path
    tiles: dict[str, int]
    """How many, by split."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot datasets tile --json`."""
        return {"output": str(self.output), "tiles": self.tiles}


def tile_set(
    found: DataSet,
    data: Path,
    output: Path,
    splits: Sequence[str],
    *,
    side: int,
    overlap: int = 0,
    progress: Progress | None = None,
) -> Tiled:
    """Write `output`, whole or not at all; a folder that is there is not touched."""
    if not isinstance(found, MaskedImages):
        raise InputError(f"{found.name} has no masks to cut; it is for {' and '.join(found.tasks)}")
    if not 0 <= overlap < side:
        raise InputError(f"tiles of {side} px cannot overlap by {overlap} px")
    if output.exists():
        raise OutputError(f"{output} exists already; remove it or give another name")
    with disk_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(output), drafts(output, "part") as folder:
        draft = folder / output.name
        draft.mkdir()
        _write_table(found, data, draft)
        if resolution := found.resolution_of(data):
            facts = f"resolution = {list(resolution)}  # metres a pixel, of the finest and the coarsest images\n"
            (draft / FACTS).write_text(facts, encoding="utf-8")
        step = side - overlap
        tiles = {split: _tile_split(found, data, draft, split, (side, step), progress) for split in splits}
        draft.rename(output)
    return Tiled(output, tiles)


def starts(length: int, side: int, step: int) -> list[int]:
    """First pixels of tiles along one side; the last is moved back so that it ends with the image."""
    last = max(0, length - side)
    return [*range(0, last, step), last]


def windows(shape: tuple[int, int], side: int, step: int) -> Iterator[Window]:
    """Tiles of an image in reading order."""
    for row in starts(shape[0], side, step):
        for col in starts(shape[1], side, step):
            yield Window(row, col, side, side)


def _tile_split(
    found: MaskedImages, data: Path, draft: Path, split: str, size: tuple[int, int], progress: Progress | None
) -> int:
    samples = found.read(data, split)
    rows: list[tuple[str | int, ...]] = []
    for folder in ("images", "masks"):
        (draft / split / folder).mkdir(parents=True)
    for done, (image, reads) in enumerate(zip(samples.images, samples.masks, strict=True), 1):
        if isinstance(reads, Labels) and (faults := label_faults(reads)):
            raise SourceError(faults[0])
        rows += _tile_image(image, image.relative_to(data), reads(), draft / split, size)
        if progress:
            progress(f"{split} images", done, len(samples))
    with (draft / split / WINDOWS).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return len(rows)


def _tile_image(
    image: Path, source: Path, labels: np.ndarray, out: Path, size: tuple[int, int]
) -> Iterator[tuple[str | int, ...]]:
    """Write the tiles of one image; gives their rows of the table."""
    name = "_".join(source.with_suffix("").parts)
    with open_native(image) as raster:
        for window in windows(raster.native.shape, *size):
            tile = raster.read(window)
            pixels = np.round(tile.pixels[:3] * 255).astype(np.uint8)
            ids = np.full((window.height, window.width), IGNORED, np.uint8)
            known = labels[window.slices]
            ids[: known.shape[0], : known.shape[1]] = np.where(known < 0, IGNORED, known)
            stem = f"{name}_{window.row}_{window.col}"
            if (out / "masks" / f"{stem}.png").exists():
                raise SourceError(f"the tile {stem} of {image} is one of another image too; rename one of the two")
            Image.fromarray(pixels.transpose(1, 2, 0)).save(out / "images" / f"{stem}.png")
            Image.fromarray(ids).save(out / "masks" / f"{stem}.png")
            yield f"{stem}.png", source.as_posix(), window.row, window.col, *known.shape


def _write_table(found: MaskedImages, data: Path, draft: Path) -> None:
    rows = []
    for index, one in enumerate(found.classes_of(data)):
        value = next(iter(one.values), None)
        colour = "#{:02x}{:02x}{:02x}".format(*value) if isinstance(value, tuple) else ""
        rows.append((index, one.name, colour))
    with (draft / TABLE).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "name", "colour"), *rows])
