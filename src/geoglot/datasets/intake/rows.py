"""Read the labels of images, write those that the reader cannot take as they are, and cut large images into tiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from geoglot.aliases import Progress
from geoglot.datasets.classes import IGNORED
from geoglot.datasets.image_files import check_size, grid_of, open_native
from geoglot.datasets.intake.places import Item
from geoglot.datasets.intake.values import FAULTS, require_none
from geoglot.datasets.labels import Labels
from geoglot.errors import InputError, SourceError
from geoglot.geo import Window

LARGE, _TILE = 2048, 1024  # images with a longer side are cut into tiles, since an image is read whole for each crop


@dataclass(frozen=True)
class Row:
    """An item with its files: paths in FOLDER-geoglot are relative, others absolute."""

    split: str
    item: Item
    image: Path
    labels: Path


def read_and_write(
    labels: Sequence[tuple[str, Labels]], classes: int, draft: Path, folder: Path, is_direct: bool,
    progress: Progress | None,
) -> tuple[list[Row], np.ndarray]:  # fmt: skip
    """Read all labels, write masks and tiles where needed; the rows of the table and the pixels of each class."""
    rows, counts, faults = list[Row](), list[np.ndarray](), list[str]()
    for name in ("images", "masks"):
        (draft / name).mkdir()
    for done, (split, each) in enumerate(labels, 1):
        try:
            check_size(grid_of(each.image).shape, each.image)
            ids = each.read().ids
            for row, part in _cut(split, each, ids, draft, folder, is_direct):
                rows.append(row)
                counts.append(np.bincount(part[part >= 0], minlength=classes))
        except SourceError as error:
            faults.append(str(error))
            if len(faults) > FAULTS:
                break
        if progress:
            progress("images and labels", done, len(labels))
    require_none(faults, len(labels))
    for name in ("images", "masks"):
        if not any((draft / name).iterdir()):
            (draft / name).rmdir()
    return rows, np.array(counts, np.int64)


def _cut(
    split: str, labels: Labels, ids: np.ndarray, draft: Path, folder: Path, is_direct: bool
) -> list[tuple[Row, np.ndarray]]:
    """The files of an image, whole or in tiles, with the ids of each."""
    image, name = labels.image, "_".join(labels.image.relative_to(folder).with_suffix("").parts)
    if max(ids.shape) <= LARGE:
        if is_direct and labels.path is not None:
            return [(Row(split, Item(image), image, labels.path), ids)]
        return [(Row(split, Item(image), image, _write_mask(draft, f"{name}_0_0", ids)), ids)]
    cut = list[tuple[Row, np.ndarray]]()
    with open_native(image) as raster:
        for inside in Window(0, 0, *ids.shape).cut(*(-(-side // -(-side // _TILE)) for side in ids.shape)):
            part = ids[inside.slices]  # tiles of one size, which do not overlap
            if (part < 0).all():
                continue
            stem, tile = f"{name}_{inside.row}_{inside.col}", raster.read(inside)
            pixels = np.round(tile.pixels[:3] * 255).astype(np.uint8).transpose(1, 2, 0)
            Image.fromarray(pixels).save(draft / "images" / f"{stem}.png")
            part = np.where(tile.valid, part, -1)
            item = Item(image, (inside.row, inside.col), is_cut=True)
            cut.append((Row(split, item, Path("images", f"{stem}.png"), _write_mask(draft, stem, part)), part))
    return cut


def _write_mask(draft: Path, stem: str, ids: np.ndarray) -> Path:
    path = Path("masks", f"{stem}.png")
    if (draft / path).exists():
        raise InputError(f"two images would have the mask {path.name}; rename one of them")
    Image.fromarray(np.where(ids < 0, IGNORED, ids).astype(np.uint8)).save(draft / path)
    return path


def seen_from(path: Path, folder: Path) -> Path:
    """A path as seen from FOLDER-geoglot."""
    return Path("..", folder.name, path.relative_to(folder)) if path.is_absolute() else path
