"""Archives of maps for the test servers of LoveDA and UAVid, checked against the servers' rules.

LoveDA (its page and issue 13): a PNG per image with the image's name and ids 0..6 in the order of the classes, at the
root of the zip; files in folders score 0. UAVid (its toolkit): seqX/Labels/NAME.png, RGB in the colours of the labels,
with the size of the image.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer
from PIL import Image

from geoglot.aliases import PathLike, Progress
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.image_files import open_native
from geoglot.datasets.layout import MaskedImages
from geoglot.errors import InputError, ModelError, SourceError
from geoglot.evaluation.segmentation import class_map, segmenter_for
from geoglot.hashing import fingerprint
from geoglot.models.zoo import Model, load_model
from geoglot.options import EvaluateOptions
from geoglot.outputs.made import Made
from geoglot.scene.averaged import average
from geoglot.scene.dense import Dense, reads_words
from geoglot.sources.photos.decoding import formats

SERVERS = ("loveda", "uavid-8")


@dataclass(frozen=True)
class Submission:
    """A checked archive."""

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
    options, published = options or EvaluateOptions(), dataset_of(dataset)
    if not isinstance(published, MaskedImages) or published.name not in SERVERS:
        raise InputError(f"no server takes maps of {published.name}; servers exist for {' and '.join(SERVERS)}")
    if output.suffix != ".zip":
        raise InputError(f"the archive must be a .zip, got {output.name!r}")
    model = load_model(model, device=options.device)
    if reads_words(model):
        raise ModelError(f"{model.card.name} has no classes of its own; geoglot train segment makes such models")
    own = segmenter_for(model, tuple(kind.name for kind in published.classes))
    dense = average(own, options.flips, options.scales)
    split, made = options.split or "test", Made("submit", output)
    views = {"flips": options.flips, "scales": options.scales}
    facts = {"data": str(data), "split": split, "model": model.card.sha256} | views
    made.start(fingerprint(facts | {"dataset": dataset}), overwrite)
    return submit(dense, published, Path(data), split, made, options.batch, progress)


def submit(
    dense: Dense, dataset: MaskedImages, data: Path, split: str, made: Made, batch: int, progress: Progress | None
) -> Submission:
    """Write the maps of all images of a split; the model's labels must be the names of the set's classes."""
    names = [kind.name for kind in dataset.classes]
    images, output = dataset.images_of(data, split), made.output
    made.check(*images)
    with made.writing(output) as draft:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for done, image in enumerate(images, 1):
                with open_native(image) as raster:
                    ids = class_map(raster, dense, names, batch).astype(np.int64) - 1
                archive.writestr(_name(dataset, image), _encode_png(dataset, ids))
                if progress:
                    progress("images", done, len(images))
        check_archive(draft, dataset, images)
    submission = Submission(output, len(images))
    made.finish(submission.to_json())
    return submission


def check_archive(path: Path, dataset: MaskedImages, images: list[Path]) -> None:
    """SourceError if the server would refuse the archive."""
    expected = {_name(dataset, image): image for image in images}
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if missing := sorted(set(expected) - names):
            raise SourceError(f"{path} lacks {len(missing)} maps, the first {missing[0]}")
        if more := sorted(names - set(expected)):
            raise SourceError(f"{path} holds {more[0]}, which is no map of the split")
        for name, image in expected.items():
            _check_map(dataset, name, archive.read(name), image)


def _check_map(dataset: MaskedImages, name: str, content: bytes, image: Path) -> None:
    with Image.open(io.BytesIO(content), formats=("PNG",)) as stored, Image.open(image, formats=formats()) as source:
        if stored.size != source.size:
            raise SourceError(f"{name} has {stored.size} px; the image is {source.size}")
        values, mode = np.asarray(stored), stored.mode
    if dataset.name == "loveda":
        if mode != "L" or values.max() >= len(dataset.classes):
            raise SourceError(f"{name} must be one band of ids 0..{len(dataset.classes) - 1}")
        return
    colours = {tuple(colour) for colour in np.unique(values.reshape(-1, values.shape[-1]), axis=0).tolist()}
    if mode != "RGB" or colours - set(_palette(dataset)):
        raise SourceError(f"{name} must be RGB in the colours of the labels")


def _name(dataset: MaskedImages, image: Path) -> str:
    if dataset.name == "loveda":
        return f"{image.stem}.png"
    return f"{image.parent.parent.name}/Labels/{image.stem}.png"


def _encode_png(dataset: MaskedImages, ids: Integer[np.ndarray, "rows cols"]) -> bytes:
    if ids.min() < 0 or ids.max() >= len(dataset.classes):
        raise SourceError("a map has pixels without a class; servers need a class for every pixel")
    values = ids.astype(np.uint8) if dataset.name == "loveda" else np.array(_palette(dataset), np.uint8)[ids]
    png = io.BytesIO()
    Image.fromarray(values).save(png, "PNG")
    return png.getvalue()


def _palette(dataset: MaskedImages) -> list[tuple[int, ...]]:
    return [value for kind in dataset.classes for value in kind.values[:1] if isinstance(value, tuple)]
