"""Take in a folder: read all labels once, divide images by place, and write what the reader of data sets needs."""

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geoglot.aliases import Progress
from geoglot.datasets.classes import TABLE, MapClass, check_names
from geoglot.datasets.image_files import grid_of
from geoglot.datasets.intake.gather import Gathered, gather, rename
from geoglot.datasets.intake.places import Division, divide
from geoglot.datasets.intake.rows import Row, read_and_write, seen_from
from geoglot.datasets.intake.values import NUMBERED
from geoglot.datasets.listed import SUFFIX, write_listed
from geoglot.datasets.masks import code_of, hex_of
from geoglot.datasets.sets.folder import FOLDER
from geoglot.errors import OutputError, SourceError
from geoglot.figures import format_count
from geoglot.outputs.atomic import disk_errors, drafts

_RARE = 0.001  # of the pixels, of a class that is hard to learn
_MANY = 0.05  # of the pixels, which do not count
_SLIP = 16  # pixels, too few for anything that was drawn
_ORDER = ("train", "val", "test")


@dataclass(frozen=True)
class TakenIn:
    """What a folder holds, and where it is ready for training."""

    folder: Path
    data: Path
    """The folder that training reads."""
    kind: str
    """masks, YOLO, COCO or polygons."""
    images: int
    sizes: tuple[tuple[int, int], tuple[int, int]]
    """Rows and columns of the smallest and of the largest image."""
    resolution: tuple[float, float] | None
    """Metres per pixel of the finest and the coarsest image; None if they do not say."""
    classes: tuple[dict[str, Any], ...]
    """id, name, colour, pixels and share of each class; shares are of the pixels that count."""
    splits: dict[str, int]
    """Number of images, or of tiles of large images, by split."""
    split_by: str
    """folders, ground, names or chance."""
    converted: int
    """Number of masks that were written."""
    pixels: int
    """Pixels of the training images that count."""
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A part of the document of `geoglot train init --json`."""
        return asdict(self) | {"folder": str(self.folder), "data": str(self.data)}


def take_in(folder: Path, names: Sequence[str] = (), seed: int = 0, progress: Progress | None = None) -> TakenIn:
    """Look at a folder of images and labels, and write FOLDER-geoglot beside it; no file of the folder is touched.

    Written are images.csv (which image is in which split), classes.csv, the masks that the reader cannot take as they
    are, and tiles of images with a side of over 2,048 px; nothing if the folder is ready for training. `names` name the
    classes, in their order. SourceError names the files that are wrong; OutputError if FOLDER-geoglot exists,
    since its tables may have been edited.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link keeps its place, beside which we write
    data = folder.with_name(folder.name + SUFFIX)
    if data.exists():
        raise OutputError(f"{data} is there already; train from it, or remove it to look at {folder.name} again")
    found = gather(folder, progress)
    classes = rename(found.classes, names)
    check_names([kind.name for kind in classes], f"of the classes of {folder}")
    labels = [(split, each) for split, several in found.splits.items() for each in several]
    shapes = {each.image: grid_of(each.image).shape for _, each in labels}
    with disk_errors(data), drafts(data, "part") as drafted:
        draft = drafted / data.name
        draft.mkdir()
        rows, counts = read_and_write(labels, len(classes), draft, folder, found.is_direct, progress)
        items = [row.item for row in rows]
        if len(items) < 2:
            shape = shapes[items[0].image]
            raise SourceError(f"{folder} has one image of {shape[0]:,} x {shape[1]:,} px, too little to divide")
        division = _divide(found, rows, counts, seed)
        is_ready = not names and _is_ready(folder, rows, division)
        write_listed(draft, sorted(
            (split, seen_from(row.image, folder), seen_from(row.labels, folder))
            for split, row in zip(division.splits, rows, strict=True)
        ))  # fmt: skip
        _write_classes(draft / TABLE, classes)
        if not is_ready:
            draft.rename(data)
    sides = sorted(shapes.values(), key=lambda shape: shape[0] * shape[1])
    notes = [note for note in found.notes if not (names and note == NUMBERED)]
    in_train = np.array([split == "train" for split in division.splits])
    return TakenIn(
        folder, folder if is_ready else data, found.kind, len(labels), (sides[0], sides[-1]), _resolution(shapes),
        _describe(classes, counts.sum(0)),
        {name: division.splits.count(name) for name in _ORDER if name in division.splits}, division.by,
        sum(row.labels.is_relative_to("masks") for row in rows), int(counts[in_train].sum()),
        (*notes, division.how, *_tell_uncounted(shapes, counts), *_warn(classes, counts, in_train)),
    )  # fmt: skip


def _divide(found: Gathered, rows: Sequence[Row], counts: np.ndarray, seed: int) -> Division:
    """The folder's own splits; val, and test if there are many images, are taken from train if it has no val."""
    own = [row.split for row in rows]
    if "val" in own and "train" in own:
        names = ", ".join(sorted(found.names.values()))
        return Division(tuple(own), "folders", f"the folder's own splits {names} were kept")
    open_ = [at for at, split in enumerate(own) if split != "test"]
    if not open_:
        raise SourceError("the folder has labels for the split test only; training needs a split train")
    wanted = ("train", "val") if "test" in own else _ORDER
    division = divide([rows[at].item for at in open_], counts[open_], wanted, seed)
    splits = dict(enumerate(own)) | dict(zip(open_, division.splits, strict=True))
    return Division(tuple(splits[at] for at in range(len(own))), division.by, f"images were divided {division.how}")


def _is_ready(folder: Path, rows: Sequence[Row], division: Division) -> bool:
    """Whether the reader of data sets takes the folder as it is."""
    if division.by != "folders" or not all(row.image.is_absolute() and row.labels.is_absolute() for row in rows):
        return False
    try:
        return len(FOLDER.read(folder, "train")) > 0
    except SourceError:
        return False


def _write_classes(path: Path, classes: tuple[MapClass, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "name", "colour"))
        writer.writerows((index, kind.name, _colour(kind)) for index, kind in enumerate(classes))


def _colour(kind: MapClass) -> str:
    return hex_of(code_of(kind.colour)) if kind.colour else ""


def _describe(classes: tuple[MapClass, ...], counts: np.ndarray) -> tuple[dict[str, Any], ...]:
    total = max(1, int(counts.sum()))
    return tuple(
        {"id": index, "name": kind.name, "colour": _colour(kind) or None, "pixels": int(count), "share": count / total}
        for index, (kind, count) in enumerate(zip(classes, counts.tolist(), strict=True))
    )


def _resolution(shapes: Mapping[Path, tuple[int, int]]) -> tuple[float, float] | None:
    """Metres per pixel; None unless all images say it."""
    metres = [grid_of(image).resolution_m for image in shapes]
    known = [each for each in metres if each is not None]
    return (min(known), max(known)) if known and len(known) == len(metres) else None


def _tell_uncounted(shapes: Mapping[Path, tuple[int, int]], counts: np.ndarray) -> tuple[str, ...]:
    """A note if many pixels do not count: programs that draw polygons as masks declare 0 as no data."""
    left = 1 - counts.sum() / sum(rows * cols for rows, cols in shapes.values())
    if left < _MANY:
        return ()
    return (
        f"{left:.0%} of the pixels are no data in the masks, or have no class, and do not count: if they are other "
        "ground, which is to be learned as background, write masks in which 0 is not declared as no data",
    )


def _warn(classes: tuple[MapClass, ...], counts: np.ndarray, in_train: np.ndarray) -> tuple[str, ...]:
    """What will make training hard."""
    total, train, other = counts.sum(0), counts[in_train].sum(0), counts[~in_train].sum(0)
    notes = []
    for kind, whole, learned, scored in zip(classes, total.tolist(), train.tolist(), other.tolist(), strict=True):
        if not whole:
            notes.append(f"no pixel is {kind.name}, so it cannot be learned")
        elif not learned:
            notes.append(f"{kind.name} lies in one place only, and that is not in train, so it cannot be learned")
        elif not scored:
            notes.append(f"{kind.name} lies in places of train only, so figures say nothing about it")
        elif whole < _RARE * total.sum():
            notes.append(f"{kind.name} is rare ({whole / total.sum():.2%} of the pixels), and will be hard to learn")
        if 0 < whole < _SLIP:
            count = format_count(whole, "pixel")
            notes.append(f"{kind.name} has {count} in all masks: if that is a slip in a mask, mend it there")
    if total.max(initial=0) > 0.95 * total.sum():
        notes.append(f"{classes[int(total.argmax())].name} covers {total.max() / total.sum():.0%} of the pixels")
    return tuple(notes)
