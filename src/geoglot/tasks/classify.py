"""Label images, and windows of rasters, by words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import ClassesLike, PathLike, Progress
from geoglot.errors import NO_PIXEL, GridError, InputError, ModelError, OutsideError, ReadError, SourceError
from geoglot.geo import Window
from geoglot.lonlat import bound_in_lonlat, to_map
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import Model, load_model
from geoglot.options import ClassifyOptions, ReadOptions
from geoglot.scene.area import Partial, read_area
from geoglot.scene.class_words import ClassWords, parse_classes
from geoglot.scene.dense import model_of, reads_words
from geoglot.scene.embed import embed, pad, zero_shot
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.image_presence import ImagePresence, nothing_notes
from geoglot.scene.read import blank_notes, check_bands, open_scene, out_of_reach, too_small_to_map
from geoglot.scene.taught_question import as_taught
from geoglot.scene.text_vectors import class_vectors
from geoglot.scene.visible import unseen_notes, why_not_seen
from geoglot.scene.windows import WindowPlan
from geoglot.scene.wording import word_notes
from geoglot.sources.listing import find_images
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow, make_ahead, read_ahead
from geoglot.sources.tile import Tile
from geoglot.tasks.image_labels import Bounds, Label, Labels

_KEPT = 1000  # probabilities of an image, since there may be 100,000 classes and as many images
_SHOWN = 12  # sources that a notebook shows
_NOTES = 20  # notes on how sources were read: a folder of thousands has thousands


@dataclass(frozen=True)
class _Chip:
    """An image or a window that gets a label."""

    source: str
    window: Window | None
    read: Tile | FailedWindow
    bounds: Bounds | None = None
    hidden: Mapping[str, str] = field(default_factory=dict)
    """By class, why the pixels of the source cannot show it."""


@dataclass
class _Notes:
    """The first notes on how sources were read, and how many more there were."""

    kept: dict[str, None] = field(default_factory=dict)
    left: int = 0

    def add(self, notes: Iterable[str]) -> None:
        for note in dict.fromkeys(notes):
            if note not in self.kept and len(self.kept) >= _NOTES:
                self.left += 1
            else:
                self.kept[note] = None

    def __iter__(self) -> Iterator[str]:
        yield from self.kept
        if self.left:
            yield f"and {self.left:,} more on how other sources were read"


@dataclass(frozen=True)
class _Job:
    """What is asked of every source, and what was noted of those that were opened."""

    model: VisionLanguageModel
    words: tuple[ClassWords, ...]
    presence: ImagePresence
    read: ReadOptions
    options: ClassifyOptions
    notes: _Notes = field(default_factory=_Notes)
    rasters: dict[str, Raster] = field(default_factory=dict)
    """The first ones."""
    area: BaseGeometry | None = None
    """That of an encoded scene, in its pixels."""


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

    An encoded scene is read again, since a label belongs to a whole window; `model` is then the one that encoded it,
    and its area counts as one of the options.
    """
    words, area = parse_classes(classes), None
    if len(words) < 2:
        raise InputError(f"everything would be {words[0].name!r}; give at least two classes to choose from")
    if isinstance(sources, EncodedScene):
        area = sources.narrow(ReadOptions(), options.area, None).area
        model, sources = model_of(sources.dense), sources.raster
    if isinstance(sources, Raster):
        opened: Sequence[str | Raster] = [sources]
    else:
        opened = find_images([sources] if isinstance(sources, PathLike) else sources)
    model = load_model(model)
    if not reads_words(model):
        raise ModelError(f"{model.card.name} has classes of its own and reads no words; give a model that does")
    words = as_taught(model, words)
    notes = word_notes(model, words, templates=options.templates)  # before any work, since it may refuse words
    texts = class_vectors(model, words, options.templates).float().cpu().numpy()
    presence = ImagePresence(model, words)
    labels, job = Labels(model.card.name), _Job(model, words, presence, read, options, area=area)
    with closing(make_ahead(_all_items(opened, job, progress), 2 * read.batch)) as items:
        while batch := list(islice(items, read.batch)):
            _label(batch, job, texts, labels)
    if len(words) > _KEPT:
        notes = (*notes, f"each image has the {_KEPT:,} most probable of {len(words):,} classes")
    labels.rasters = job.rasters
    labels.notes = (*nothing_notes([label.present for label in labels.results]), *notes, *job.notes)
    return labels


def _all_items(sources: Sequence[str | Raster], job: _Job, progress: Progress | None) -> Iterator[_Chip]:
    """The chips of all sources.

    With several sources, one that cannot be read is reported and skipped. With one source, progress counts windows.
    """
    alone = len(sources) == 1
    for done, source in enumerate(sources, 1):
        try:
            yield from _items(source, job, progress if alone else None)
        except OutsideError as error:
            if alone:
                raise
            job.notes.add([f"{source} has no label: {error}"])
        except (SourceError, GridError) as error:
            if alone:
                raise
            yield _Chip(str(source), None, FailedWindow(Window(0, 0, 0, 0), str(error)))
        if progress:
            progress("sources", done, len(sources))


def _items(source: str | Raster, job: _Job, progress: Progress | None) -> Iterator[_Chip]:
    """The chips of one source: the whole source, resized for the model, or its windows."""
    card, read, windows = job.model.card, job.read, job.options.windows
    with open_scene(source, read, card.resolution) as raster:
        check_bands(raster, card.bands, card.name)
        if raster.native.crs is not None or len(raster.warnings) > 1:  # a plain picture needs no place on Earth
            job.notes.add(raster.warnings)
        if len(job.rasters) < _SHOWN:
            job.rasters[raster.uri] = raster.reopened()
        hidden = why_not_seen(job.model, raster, read, job.words)
        job.notes.add([*unseen_notes(hidden), *blank_notes(raster, card)])
        area = job.area
        if area is None and job.options.area:
            area = read_area(Path(job.options.area), raster.grid)
        by_window = raster.grid.crs is not None if windows is None else windows
        if by_window:
            if not out_of_reach(raster, card, read) and (small := too_small_to_map(raster, card)):
                job.notes.add([small])
            plan = WindowPlan(raster.grid.shape, read.tile or card.tile_size, read.overlap or 0, card.patch_size)
            chips = _windows(raster, plan, area, progress)
        else:
            chips = iter([_whole(raster, card.tile_size)])
        yield from (replace(chip, hidden=hidden) for chip in chips)


def _windows(raster: Raster, plan: WindowPlan, area: BaseGeometry | None, progress: Progress | None) -> Iterator[_Chip]:
    empty = True
    for done, (window, read) in enumerate(read_ahead(Partial(raster, area) if area else raster, plan.windows()), 1):
        if isinstance(read, FailedWindow) or read.valid.any():
            yield _Chip(raster.uri, window, read, _bounds(raster, window))
            empty = False
        if progress:
            progress("windows", done, len(plan))
    if empty:
        yield _Chip(raster.uri, None, FailedWindow(raster.grid.whole, NO_PIXEL))


def _whole(raster: Raster, side: int) -> _Chip:
    """A large source is reduced to the model's size; a small one is padded later."""
    try:
        tile = raster.thumbnail(side)
        chip = tile if tile.valid.any() else FailedWindow(raster.grid.whole, NO_PIXEL)
        return _Chip(raster.uri, None, chip, _bounds(raster, raster.grid.whole))
    except ReadError as error:
        return _Chip(raster.uri, None, FailedWindow(raster.grid.whole, str(error)))


def _bounds(raster: Raster, window: Window) -> Bounds | None:
    """Bounds of the part of a window inside the scene; None without a CRS."""
    part = window.intersection(raster.grid.whole)
    if raster.grid.crs is None or part is None:
        return None
    pixels = shapely.box(part.col, part.row, part.col + part.width, part.row + part.height)
    return bound_in_lonlat(to_map(raster.footprint.clip([pixels]), raster.grid), raster.grid.crs)[0]


def _label(items: Sequence[_Chip], job: _Job, texts: np.ndarray, labels: Labels) -> None:
    """Add the labels of one batch, and the items that failed."""
    card, names = job.model.card, [entry.name for entry in job.words]
    labels.failed += [(item.source, item.read) for item in items if isinstance(item.read, FailedWindow)]
    good = [(item, item.read) for item in items if isinstance(item.read, Tile)]
    chips = [pad(tile.pixels, card.patch_size, card.tile_size) for _, tile in good]
    embeddings, failed = embed(job.model, chips, batch=max(1, len(chips)))
    probabilities = zero_shot(embeddings, texts, card.logit_scale)
    for index, (item, tile) in enumerate(good):
        if index in failed:
            place = item.window or Window(0, 0, *tile.valid.shape)
            labels.failed.append((item.source, FailedWindow(place, failed[index])))
            continue
        row, best = probabilities[index].astype(np.float64).round(6), int(probabilities[index].argmax())
        kept = np.argsort(-row, kind="stable")[:_KEPT] if len(row) > _KEPT else np.arange(len(row))
        shares = {names[each]: float(row[each]) for each in kept}
        label, why = names[best], item.hidden.get(names[best])
        present = None if why else job.presence.shows(embeddings[index], best)
        labels.results.append(
            Label(item.source, item.window, label, float(row[best]), shares, present, item.bounds, why)
        )
