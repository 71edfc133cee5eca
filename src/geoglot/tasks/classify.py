"""Which class an image, or each window of a raster, shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import shapely
import torch

from geoglot.aliases import ClassesLike, PathLike, Progress
from geoglot.errors import GridError, InputError, ModelError, ReadError, SourceError
from geoglot.geo import Window
from geoglot.lonlat import bound_in_lonlat
from geoglot.models.base import Card, VisionLanguageModel
from geoglot.models.zoo import Model, load_model
from geoglot.options import ClassifyOptions, ReadOptions
from geoglot.outputs.vector_files import to_map
from geoglot.scene.batch import compute
from geoglot.scene.class_words import class_vectors, parse_classes
from geoglot.scene.dense import reads_words
from geoglot.scene.encode import pad
from geoglot.scene.read import open_scene
from geoglot.scene.windows import WindowPlan
from geoglot.scene.wording import word_notes
from geoglot.sources.listing import find_images
from geoglot.sources.raster import Raster, check_bands
from geoglot.sources.read_ahead import FailedWindow, read_ahead
from geoglot.sources.tile import Tile

#: West, south, east, north in degrees
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Label:
    """The class of one image or window."""

    source: str
    window: Window | None
    """In pixels of the scene as read; None for the whole source."""
    label: str
    probability: float
    probabilities: dict[str, float]
    bounds: Bounds | None = None
    """West, south, east, north in degrees; None without a CRS."""


@dataclass
class Labels:
    """Every label, and what could not be read."""

    model: str
    results: list[Label] = field(default_factory=list)
    failed: list[tuple[str, FailedWindow]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    """What the user should know: words that the model reads badly, how sources were read."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot classify --json`."""
        results = [
            {"source": one.source, "window": list(one.window) if one.window else None, "label": one.label,
             "probability": one.probability, "probabilities": one.probabilities, "bounds": one.bounds}
            for one in self.results
        ]  # fmt: skip
        failed = [{"source": source, "window": list(one.window), "reason": one.reason} for source, one in self.failed]
        return {"model": self.model, "results": results, "failed": failed, "notes": list(self.notes)}


_EMPTY = "no pixel is valid; check --bands and --nodata"
_NOTES = 20  # of how sources were read: a folder of thousands has thousands
_Item = tuple[str, Window | None, Tile | FailedWindow, Bounds | None]
_Answers = tuple[list[Label], list[tuple[str, FailedWindow]]]


def classify(
    sources: PathLike | Sequence[PathLike],
    classes: ClassesLike,
    *,
    model: Model | PathLike = "mini",
    read: ReadOptions = ReadOptions(),
    options: ClassifyOptions = ClassifyOptions(),
    progress: Progress | None = None,
) -> Labels:
    """Label images, folders of images and rasters by the words; probabilities are a softmax over the classes."""
    words = parse_classes(classes)
    if len(words) < 2:
        raise InputError(f"everything would be {words[0].name!r}; give at least two classes to choose from")
    paths = find_images([sources] if isinstance(sources, PathLike) else sources)
    model = load_model(model)
    if not reads_words(model):
        raise ModelError(f"{model.card.name} has classes of its own and reads no words; give a model that does")
    ask = _question(model, class_vectors(model, words, options.templates))
    labels, told = Labels(model.card.name), list[str]()
    items = _all_items(paths, model, read, options, told, progress)
    while batch := list(islice(items, read.batch)):
        found, failed = _label(batch, ask, model.card, [entry.name for entry in words])
        labels.results += found
        labels.failed += failed
    left = [f"and {len(told) - _NOTES} more of how other sources were read"] if len(told) > _NOTES else []
    labels.notes = (*word_notes(model, words, templates=options.templates), *told[:_NOTES], *left)
    return labels


def _all_items(
    paths: Sequence[str],
    model: VisionLanguageModel,
    read: ReadOptions,
    options: ClassifyOptions,
    told: list[str],
    progress: Progress | None,
) -> Iterator[_Item]:
    """The pictures of all sources, and into `told` how they were read.

    Among others a bad one only fails; of a single one progress is told by windows.
    """
    alone = len(paths) == 1
    for done, path in enumerate(paths, 1):
        try:
            yield from _items(path, model, read, options, told, progress if alone else None)
        except (SourceError, GridError) as error:
            if alone:
                raise
            yield path, None, FailedWindow(Window(0, 0, 0, 0), str(error)), None
        if progress:
            progress("sources", done, len(paths))


def _items(
    path: str,
    model: VisionLanguageModel,
    read: ReadOptions,
    options: ClassifyOptions,
    told: list[str],
    progress: Progress | None,
) -> Iterator[_Item]:
    """The pictures of one source: itself made to fit the model, or its windows."""
    card = model.card
    with open_scene(path, read, card.resolution) as raster:
        check_bands(raster, card.bands, card.name)
        if raster.native.crs is not None or len(raster.warnings) > 1:  # a plain picture need not lie anywhere
            told += raster.warnings
        by_window = raster.grid.crs is not None if options.windows is None else options.windows
        if by_window:
            plan = WindowPlan(raster.grid.shape, read.tile or card.tile_size, read.overlap or 0, card.patch_size)
            yield from _windows(raster, plan, progress)
        else:
            yield _whole(raster, card.tile_size)


def _question(model: VisionLanguageModel, texts: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Pixels to the probability of each text."""

    @torch.inference_mode()
    def ask(pixels: torch.Tensor) -> torch.Tensor:
        vectors = model.encode_image(pixels.to(texts.device))
        return (model.card.logit_scale * vectors @ texts.T).softmax(1)

    return ask


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
    """A large picture is reduced to the model's size; a small one stays as it is and is padded later."""
    try:
        tile = raster.thumbnail(side)
        seen = tile if tile.valid.any() else FailedWindow(raster.grid.whole, _EMPTY)
        return raster.uri, None, seen, _bounds(raster, raster.grid.whole)
    except ReadError as error:
        return raster.uri, None, FailedWindow(raster.grid.whole, str(error)), None


def _bounds(raster: Raster, window: Window) -> Bounds | None:
    """West, south, east, north of the part of a window that is scene; None without a CRS."""
    part = window.intersection(raster.grid.whole)
    if raster.grid.crs is None or part is None:
        return None
    pixels = shapely.box(part.col, part.row, part.col + part.width, part.row + part.height)
    return bound_in_lonlat(to_map(raster.footprint.clip([pixels]), raster.grid), raster.grid.crs)[0]


def _label(
    batch: Sequence[_Item], ask: Callable[[torch.Tensor], torch.Tensor], card: Card, names: Sequence[str]
) -> _Answers:
    """Labels of one batch, and what failed of it."""
    failed = [(source, tile) for source, _, tile, _ in batch if isinstance(tile, FailedWindow)]
    good = [(source, window, tile, bounds) for source, window, tile, bounds in batch if isinstance(tile, Tile)]
    pictures = [
        (window or Window(0, 0, *tile.valid.shape), pad(tile.pixels, card.patch_size, card.tile_size))
        for _, window, tile, _ in good
    ]
    labels = []
    for (source, window, _, bounds), shares in zip(good, compute(ask, pictures), strict=True):
        if isinstance(shares, FailedWindow):
            failed.append((source, shares))
            continue
        row, best = shares.astype(np.float64).round(6).tolist(), int(shares.argmax())
        labels.append(Label(source, window, names[best], row[best], dict(zip(names, row, strict=True)), bounds))
    return labels, failed
