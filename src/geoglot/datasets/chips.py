"""Cut a set of masked images into tiles: a new set in the layout `folder`.

Every pixel of every image is in some tile: the last tile of a row or column is moved back into the image. An image
that is smaller than a tile is extended by its mirror image, which does not count. What is no data in the image is
transparent in its tiles. `windows.csv` gives the place of each tile in its image; `set.toml` keeps the ground
resolution.

iSAID is scored on tiles of 896 px with an overlap of 384 (Zheng et al., CVPR 2020; MMSegmentation). Pixels in overlaps
count twice there, so scores by tile and by whole image differ.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from geoglot.aliases import Progress
from geoglot.datasets.check import check_labels
from geoglot.datasets.classes import IGNORED, TABLE
from geoglot.datasets.dataset import DataSet
from geoglot.datasets.image_files import open_native
from geoglot.datasets.labels import Labels
from geoglot.datasets.layout import MaskedImages, require_masks
from geoglot.datasets.sets.folder import FACTS
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.geo import Window
from geoglot.outputs.atomic import folder_appears
from geoglot.sources.tile import Tile

WINDOWS = "windows.csv"
COLUMNS = ("tile", "source", "row", "col", "height", "width")


@dataclass(frozen=True)
class Tiled:
    """A set of tiles on disk."""

    output: Path
    tiles: dict[str, int]
    """Number of tiles by split."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot datasets tile --json`."""
        return {"output": str(self.output), "tiles": self.tiles}


def tile_set(
    dataset: DataSet,
    data: Path,
    output: Path,
    splits: Sequence[str],
    *,
    side: int,
    overlap: int = 0,
    progress: Progress | None = None,
) -> Tiled:
    """Write the folder `output`, completely or not at all; OutputError if it exists."""
    dataset = require_masks(dataset)
    if not 0 <= overlap < side:
        raise InputError(f"overlap must be at least 0 and less than side ({side} px), got {overlap} px")
    if output.exists():
        raise OutputError(f"{output} exists already; remove it or give another name")
    with folder_appears(output) as draft:
        draft.mkdir()
        table: list[tuple[str | int, ...]] = [("id", "name", "colour")]
        for index, kind in enumerate(dataset.classes_of(data)):
            value = next(iter(kind.values), None)
            table.append((index, kind.name, "#{:02x}{:02x}{:02x}".format(*value) if isinstance(value, tuple) else ""))
        _write_rows(draft / TABLE, table)
        if resolution := dataset.resolution_of(data):
            facts = f"resolution = {list(resolution)}  # metres per pixel, of the finest and the coarsest images\n"
            (draft / FACTS).write_text(facts, encoding="utf-8")
        size = side, side - overlap
        tiles = {split: _tile_split(dataset, data, draft / split, size, progress) for split in splits}
    return Tiled(output, tiles)


def windows(shape: tuple[int, int], side: int, step: int) -> Iterator[Window]:
    """The tiles of an image in reading order; the last of a row or column ends with the image."""
    rows, cols = ([*range(0, last := max(0, length - side), step), last] for length in shape)
    return (Window(row, col, side, side) for row in rows for col in cols)


def _tile_split(dataset: MaskedImages, data: Path, out: Path, size: tuple[int, int], progress: Progress | None) -> int:
    samples = dataset.read(data, out.name)
    rows: list[tuple[str | int, ...]] = [COLUMNS]
    for folder in ("images", "masks"):
        (out / folder).mkdir(parents=True)
    for done, (image, mask) in enumerate(zip(samples.images, samples.masks, strict=True), 1):
        if isinstance(mask, Labels) and (faults := check_labels(mask)):
            raise SourceError(faults[0])
        rows += _tile_image(image, image.relative_to(data), mask(), out, size)
        if progress:
            progress(f"{out.name} images", done, len(samples))
    _write_rows(out / WINDOWS, rows)
    return len(rows) - 1


def _tile_image(
    image: Path, source: Path, labels: np.ndarray, out: Path, size: tuple[int, int]
) -> Iterator[tuple[str | int, ...]]:
    """Write the tiles of one image; yields their rows of windows.csv."""
    name = "_".join(source.with_suffix("").parts)
    with open_native(image) as raster:
        for window in windows(raster.native.shape, *size):
            tile = raster.read(window)
            ids = np.full((window.height, window.width), IGNORED, np.uint8)
            known = labels[window.slices]
            ids[: known.shape[0], : known.shape[1]] = np.where(known < 0, IGNORED, known)
            stem = f"{name}_{window.row}_{window.col}"
            if (out / "masks" / f"{stem}.png").exists():
                raise SourceError(f"two images have the tile {stem}, the second is {image}; rename one of them")
            _picture(tile, known.shape).save(out / "images" / f"{stem}.png")
            Image.fromarray(ids).save(out / "masks" / f"{stem}.png")
            yield f"{stem}.png", source.as_posix(), window.row, window.col, *known.shape


def _picture(tile: Tile, shown: tuple[int, ...]) -> Image.Image:
    """A tile as a picture, transparent where its image has no data. `shown` are the rows and columns of the image."""
    pixels = np.round(tile.pixels[:3] * 255).astype(np.uint8).transpose(1, 2, 0)
    rows, cols = shown
    if tile.valid[:rows, :cols].all():
        return Image.fromarray(pixels)
    opaque = np.full(pixels.shape[:2], 255, np.uint8)
    opaque[:rows, :cols] = np.where(tile.valid[:rows, :cols], 255, 0)
    return Image.fromarray(np.dstack([pixels, opaque]))


def _write_rows(path: Path, rows: Iterable[tuple[str | int, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
