"""Archives of maps for the test servers of LoveDA and UAVid, checked against the servers' rules.

LoveDA (its page and issue 13): one PNG per image with the image's name, ids 0..6 in the order of the classes, at the
root of the zip; files in a folder score 0. UAVid (its toolkit): seqX/Labels/NAME.png, RGB in the palette of the labels,
as large as the image.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Integer
from PIL import Image

from geoglot.aliases import PathLike, Progress
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.image_files import open_native
from geoglot.datasets.layout import MaskedImages
from geoglot.errors import InputError, ModelError, SourceError
from geoglot.evaluation.segmentation import class_map
from geoglot.evaluation.supervised import segmenter_for
from geoglot.models.zoo import Model, load_model
from geoglot.options import EvaluateOptions
from geoglot.outputs.journal import fingerprint
from geoglot.outputs.made import Made
from geoglot.scene.averaged import average
from geoglot.scene.dense import Dense, reads_words

SERVERS = ("loveda", "uavid-8")


@dataclass(frozen=True)
class Submission:
    """An archive that was written and checked."""

    path: Path
    images: int

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot evaluate --submit --json`."""
        return {"path": str(self.path), "images": self.images}


def write_submission(
    dataset: str,
    data: PathLike,
    output: Path,
    *,
    model: Model | PathLike,
    options: EvaluateOptions | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Submission:
    """Write the archive of a split whose masks are not public (`test`)."""
    options, found = options or EvaluateOptions(), dataset_of(dataset)
    if not isinstance(found, MaskedImages) or found.name not in SERVERS:
        raise InputError(f"no server takes maps of {found.name}; servers exist for {' and '.join(SERVERS)}")
    if output.suffix != ".zip":
        raise InputError(f"the archive must be a .zip, got {output.name!r}")
    model = load_model(model, device=options.device)
    if reads_words(model):
        raise ModelError(f"{model.card.name} has no classes of its own; geoglot train segment makes such models")
    own = segmenter_for(model, tuple(one.name for one in found.classes))
    dense = average(own, options.flips, options.scales)
    split, made = options.split or "test", Made("submit", output)
    views = {"flips": options.flips, "scales": options.scales}
    facts = {"data": str(data), "split": split, "model": model.card.sha256} | views
    made.start(fingerprint(facts | {"dataset": dataset}), overwrite)
    return submit(dense, found, Path(data), split, made, options.batch, progress)


def submit(
    dense: Dense, found: MaskedImages, data: Path, split: str, made: Made, batch: int, progress: Progress | None
) -> Submission:
    """Write the maps of all images of a split; the model's labels must be the names of the set's classes."""
    names = [one.name for one in found.classes]
    images, output = found.images_of(data, split), made.output
    made.check(*images)
    with made.writing(output) as draft:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for done, image in enumerate(images, 1):
                with open_native(image) as raster:
                    ids = class_map(raster, dense, names, batch).astype(np.int64) - 1
                archive.writestr(_name(found, image), _png(found, ids))
                if progress:
                    progress("images", done, len(images))
        check_archive(draft, found, images)
    submission = Submission(output, len(images))
    made.finish(submission.to_json())
    return submission


def check_archive(path: Path, found: MaskedImages, images: list[Path]) -> None:
    """SourceError if the server would refuse the archive."""
    wanted = {_name(found, image): image for image in images}
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if missing := sorted(set(wanted) - names):
            raise SourceError(f"{path} lacks {len(missing)} maps, the first {missing[0]}")
        if more := sorted(names - set(wanted)):
            raise SourceError(f"{path} holds {more[0]}, which is no map of the split")
        for name, image in wanted.items():
            _check_map(found, name, archive.read(name), image)


def _check_map(found: MaskedImages, name: str, content: bytes, image: Path) -> None:
    with Image.open(io.BytesIO(content)) as stored, Image.open(image) as source:
        if stored.format != "PNG" or stored.size != source.size:
            raise SourceError(f"{name} is {stored.format} of {stored.size} px; the image is {source.size}")
        values = np.asarray(stored)
        mode = stored.mode
    if found.name == "loveda":
        if mode != "L" or values.max() >= len(found.classes):
            raise SourceError(f"{name} must be one band of ids 0..{len(found.classes) - 1}")
        return
    colours = {tuple(colour) for colour in np.unique(values.reshape(-1, values.shape[-1]), axis=0).tolist()}
    if mode != "RGB" or colours - set(_palette(found)):
        raise SourceError(f"{name} must be RGB in the colours of the labels")


def _name(found: MaskedImages, image: Path) -> str:
    if found.name == "loveda":
        return f"{image.stem}.png"
    sequence = image.parent.parent.name
    return str(PurePosixPath(sequence, "Labels", f"{image.stem}.png"))


def _png(found: MaskedImages, ids: Integer[np.ndarray, "rows cols"]) -> bytes:
    if ids.min() < 0 or ids.max() >= len(found.classes):
        raise SourceError("a map has pixels without a class; servers need a class for every pixel")
    values = ids.astype(np.uint8) if found.name == "loveda" else np.array(_palette(found), np.uint8)[ids]
    made = io.BytesIO()
    Image.fromarray(values).save(made, "PNG")
    return made.getvalue()


def _palette(found: MaskedImages) -> list[tuple[int, ...]]:
    return [value for one in found.classes for value in one.values[:1] if isinstance(value, tuple)]
