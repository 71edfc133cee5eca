"""A table `images.csv` that says which image is in which split and which labels it has, wherever both lie.

    split,image,labels
    train,../mine/images/a.tif,masks/a_0_0.png
    val,../mine/images/b.tif,../mine/masks/b.png

Paths are relative to the table. They lead into the table's folder, or from a folder NAME-geoglot, which `geoglot train
init` writes, into the folder NAME beside it, and nowhere else: a table that came from elsewhere opens no other file.
"""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from geoglot.datasets.pairing import Paired
from geoglot.errors import SourceError
from geoglot.tables import read_table

IMAGES = "images.csv"
SUFFIX = "-geoglot"
_COLUMNS = ("split", "image", "labels")


def is_listed(data: Path) -> bool:
    """Whether a folder has a table of its images."""
    return (data / IMAGES).is_file()


def read_listed(data: Path) -> dict[str, Paired]:
    """Images and labels by split, in the order of the table; SourceError for files that are missing."""
    table, splits = read_table(data / IMAGES, _COLUMNS), dict[str, list[tuple[Path, Path]]]()
    for index, row in enumerate(table.rows):
        image, labels = (_locate(data, row[column], table.where(index)) for column in _COLUMNS[1:])
        splits.setdefault(row["split"], []).append((image, labels))
    pairs = {split: tuple(zip(*rows, strict=True)) for split, rows in splits.items()}
    return {split: Paired(images, labels, table.notes) for split, (images, labels) in pairs.items()}


def write_listed(data: Path, rows: Iterable[tuple[str, Path, Path]]) -> None:
    """Write the table of split, image and labels; both paths as seen from the folder of the table."""
    with (data / IMAGES).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [_COLUMNS, *((split, image.as_posix(), labels.as_posix()) for split, image, labels in rows)]
        )


def _locate(data: Path, text: str, where: str) -> Path:
    folder = data.absolute()
    path = Path(os.path.normpath(folder / text))
    beside = [folder.with_name(folder.name.removesuffix(SUFFIX))] if folder.name.endswith(SUFFIX) else []
    if not text or not any(path.is_relative_to(root) for root in (folder, *beside)):
        raise SourceError(f"{where} names {text!r}; paths must lead into {' or '.join(map(str, (folder, *beside)))}")
    if not path.is_file():
        raise SourceError(f"{where} names {text!r}, which is not there; put it back, or remove the line")
    return path
