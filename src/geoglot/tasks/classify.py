"""Label images, and windows of rasters, by words."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import shapely

from geoglot.aliases import ClassesLike, PathLike, Progress
from geoglot.errors import GridError, InputError, ModelError, ReadError, SourceError
from geoglot.geo import Window
from geoglot.lonlat import bound_in_lonlat
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import Model, load_model
from geoglot.options import ClassifyOptions, ReadOptions
from geoglot.outputs.vector_files import to_map
from geoglot.scene.class_words import ClassWords, class_vectors, parse_classes
from geoglot.scene.dense import model_of, reads_words
from geoglot.scene.embed import embed, pad, zero_shot
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.image_presence import ImagePresence, nothing_notes
from geoglot.scene.read import check_bands, open_scene
from geoglot.scene.stream import describe_failure
from geoglot.scene.visible import why_not_seen
from geoglot.scene.windows import WindowPlan
from geoglot.scene.wording import word_notes
from geoglot.sources.listing import find_images
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow, read_ahead
from geoglot.sources.tile import Tile

#: West, south, east, north in degrees
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Label:
    """The class of an image or a window."""

    source: str
    window: Window | None
    """In pixels of the grid that was read; None is the whole source."""
    label: str
    probability: float
    probabilities: dict[str, float]
    """By class; of more than 1,000 classes those of the most probable 1,000, the highest first."""
    present: bool | None = None
    """Whether the image shows the label at all; None if the model is not calibrated."""
    bounds: Bounds | None = None
    """West, south, east, north in degrees; None without a CRS."""
    why: str | None = None
    """Why the label is not to be trusted: these pixels cannot show its class, or the model does not know them."""


@dataclass
class Labels:
    """All labels, and the sources and windows that failed."""

    model: str
    results: list[Label] = field(default_factory=list)
    failed: list[tuple[str, FailedWindow]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    """Sentences on words that the model reads badly, and on how sources were read."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot classify --json`."""
        results = [_document(label) for label in self.results]
        failed = [{"source": source, **describe_failure(window)} for source, window in self.failed]
        return {"model": self.model, "results": results, "failed": failed, "notes": list(self.notes)}


def _document(label: Label) -> dict[str, Any]:
    """A label as JSON; only one that is not to be trusted has a "why"."""
    document = asdict(label) | {"window": list(label.window) if label.window else None}
    return document if label.why else {key: value for key, value in document.items() if key != "why"}


_EMPTY = "no pixel is valid; check --bands and --nodata"
_KEPT = 1000  # probabilities of an image, since there may be 100,000 classes and as many images
_NOTES = 20  # notes on how sources were read: a folder of thousands has thousands
_Item = tuple[str, Window | None, Tile | FailedWindow, Bounds | None]


@dataclass(frozen=True)
class _Job:
    """What is asked of every source, and what was noted of those that were opened."""

    model: VisionLanguageModel
    words: tuple[ClassWords, ...]
    presence: ImagePresence
    read: ReadOptions
    options: ClassifyOptions
    notes: list[str] = field(default_factory=list)
    """On how sources were read, and what they cannot show."""
    hidden: dict[str, dict[str, str]] = field(default_factory=dict)
    """By source and class, why its pixels cannot show it."""


def classify(
    sources: PathLike | Raster | EncodedScene | Sequence[PathLike],
    classes: ClassesLike,
    *,
    model: Model | PathLike = "mini",
    read: ReadOptions = ReadOptions(),
    options: ClassifyOptions = ClassifyOptions(),
    progress: Progress | None = None,
) -> Labels:
    """Label images, folders of images and rasters by the words; probabilities are a softmax over the classes.

    An encoded scene is read again, since a label belongs to a whole window; `model` is then the one that encoded it.
    """
    words = parse_classes(classes)
    if len(words) < 2:
        raise InputError(f"everything would be {words[0].name!r}; give at least two classes to choose from")
    if isinstance(sources, EncodedScene):
        model, sources = model_of(sources.dense), sources.raster
    if isinstance(sources, Raster):
        opened: Sequence[str | Raster] = [sources]
    else:
        opened = find_images([sources] if isinstance(sources, PathLike) else sources)
    model = load_model(model)
    if not reads_words(model):
        raise ModelError(f"{model.card.name} has classes of its own and reads no words; give a model that does")
    notes = word_notes(model, words, templates=options.templates)  # before any work, since it may refuse words
    texts = class_vectors(model, words, options.templates).float().cpu().numpy()
    presence = ImagePresence(model, words)
    labels, job = Labels(model.card.name), _Job(model, words, presence, read, options)
    items = _all_items(opened, job, progress)
    while batch := list(islice(items, read.batch)):
        _label(batch, job, texts, labels)
    reading = list(dict.fromkeys(job.notes))
    if len(words) > _KEPT:
        notes = (*notes, f"each image has the {_KEPT:,} most probable of {len(words):,} classes")
    left = [f"and {len(reading) - _NOTES} more on how other sources were read"] if len(reading) > _NOTES else []
    labels.notes = (*nothing_notes([label.present for label in labels.results]), *notes, *reading[:_NOTES], *left)
    return labels


def _all_items(sources: Sequence[str | Raster], job: _Job, progress: Progress | None) -> Iterator[_Item]:
    """The chips of all sources.

    With several sources, one that cannot be read is reported and skipped. With one source, progress counts windows.
    """
    alone = len(sources) == 1
    for done, source in enumerate(sources, 1):
        try:
            yield from _items(source, job, progress if alone else None)
        except (SourceError, GridError) as error:
            if alone:
                raise
            yield str(source), None, FailedWindow(Window(0, 0, 0, 0), str(error)), None
        if progress:
            progress("sources", done, len(sources))


def _items(source: str | Raster, job: _Job, progress: Progress | None) -> Iterator[_Item]:
    """The chips of one source: the whole source, resized for the model, or its windows."""
    card, read, windows = job.model.card, job.read, job.options.windows
    with open_scene(source, read, card.resolution) as raster:
        check_bands(raster, card.bands, card.name)
        if raster.native.crs is not None or len(raster.warnings) > 1:  # a plain picture needs no place on Earth
            job.notes.extend(raster.warnings)
        job.hidden[raster.uri] = why_not_seen(job.model, raster, read, job.words)
        job.notes.extend(dict.fromkeys(job.hidden[raster.uri].values()))
        by_window = raster.grid.crs is not None if windows is None else windows
        if by_window:
            plan = WindowPlan(raster.grid.shape, read.tile or card.tile_size, read.overlap or 0, card.patch_size)
            yield from _windows(raster, plan, progress)
        else:
            yield _whole(raster, card.tile_size)


def _windows(raster: Raster, plan: WindowPlan, progress: Progress | None) -> Iterator[_Item]:
    empty = True
    for done, (window, read) in enumerate(read_ahead(raster, plan.windows()), 1):
        if isinstance(read, FailedWindow) or read.valid.any():
            yield raster.uri, window, read, _bounds(raster, window)
            empty = False
        if progress:
            progress("windows", done, len(plan))
    if empty:
        yield raster.uri, None, FailedWindow(raster.grid.whole, _EMPTY), None


def _whole(raster: Raster, side: int) -> _Item:
    """A large source is reduced to the model's size; a small one is padded later."""
    try:
        tile = raster.thumbnail(side)
        chip = tile if tile.valid.any() else FailedWindow(raster.grid.whole, _EMPTY)
        return raster.uri, None, chip, _bounds(raster, raster.grid.whole)
    except ReadError as error:
        return raster.uri, None, FailedWindow(raster.grid.whole, str(error)), None


def _bounds(raster: Raster, window: Window) -> Bounds | None:
    """Bounds of the part of a window inside the scene; None without a CRS."""
    part = window.intersection(raster.grid.whole)
    if raster.grid.crs is None or part is None:
        return None
    pixels = shapely.box(part.col, part.row, part.col + part.width, part.row + part.height)
    return bound_in_lonlat(to_map(raster.footprint.clip([pixels]), raster.grid), raster.grid.crs)[0]


def _label(items: Sequence[_Item], job: _Job, texts: np.ndarray, labels: Labels) -> None:
    """Add the labels of one batch, and the items that failed."""
    card, names = job.model.card, [entry.name for entry in job.words]
    labels.failed += [(source, tile) for source, _, tile, _ in items if isinstance(tile, FailedWindow)]
    good = [(source, window, tile, bounds) for source, window, tile, bounds in items if isinstance(tile, Tile)]
    chips = [pad(tile.pixels, card.patch_size, card.tile_size) for _, _, tile, _ in good]
    embeddings, failed = embed(job.model, chips, batch=max(1, len(chips)))
    probabilities = zero_shot(embeddings, texts, card.logit_scale)
    for index, (source, window, tile, bounds) in enumerate(good):
        if index in failed:
            place = window or Window(0, 0, *tile.valid.shape)
            labels.failed.append((source, FailedWindow(place, failed[index])))
            continue
        row, best = probabilities[index].astype(np.float64).round(6), int(probabilities[index].argmax())
        kept = np.argsort(-row, kind="stable")[:_KEPT] if len(row) > _KEPT else np.arange(len(row))
        shares = {names[each]: float(row[each]) for each in kept}
        why = job.hidden[source].get(names[best])
        present = job.presence.shows(embeddings[index], best)
        labels.results.append(Label(source, window, names[best], float(row[best]), shares, present, bounds, why))
