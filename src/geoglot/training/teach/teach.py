"""Labels to a model: the patches that labels cover are encoded once, and a head over them is fitted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError, OutputError
from geoglot.figures import format_count, format_some
from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import Card
from geoglot.models.stored import is_model_name
from geoglot.models.taught import FAMILY, REST, Base, Taught, TaughtSizes
from geoglot.models.zoo import Model, load_word_model
from geoglot.options import ReadOptions
from geoglot.outputs.notebook.page import Page
from geoglot.outputs.notebook.shown import Shown
from geoglot.scene.dense import WordDense
from geoglot.sources.listing import find_images
from geoglot.training.teach.as_words import as_words
from geoglot.training.teach.examples import Examples, gather
from geoglot.training.teach.folder import open_folder, replace_head
from geoglot.training.teach.held_out import Figures, hold_out
from geoglot.training.teach.labels import LabelSet, read_labels
from geoglot.training.teach.patches import ScenePatches, count_doubles, scene_patches
from geoglot.training.teach.teach_page import page_of_taught

_FEW = 5  # labels of a class
_WORSE = 0.01  # of an IoU: less is chance
_GUESSED = 0.05  # mean accuracy above that of guessing: less may be chance


@dataclass(frozen=True)
class TaughtClass:
    """What a class was taught by, and how well it is told apart where it was not taught."""

    name: str
    labels: int
    patches: int
    places: int
    """Squares of ground, as large as the pictures of the model's training, in which its labels lie."""
    iou: float | None
    accuracy: float | None
    """Share of its held-out patches that get it; None, as `iou`, if it was taught in one place only."""
    iou_by_words: float | None
    """IoU of the name alone, on the same patches."""


@dataclass(frozen=True)
class TeachResult(Shown):
    """A model that was taught."""

    output: Path
    model: str
    """The model whose patches its head reads."""
    column: str
    """The column of the labels in which the classes stood."""
    classes: tuple[TaughtClass, ...]
    miou: float | None
    """Mean IoU over held-out patches, of the classes that have one."""
    miou_by_words: float | None
    scenes: int
    patches: int
    encoded: int
    """Patches that were encoded now; the others were kept from an earlier call."""
    seconds: float
    notes: tuple[str, ...]

    def page(self) -> Page:
        return page_of_taught(self)

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot teach --json`."""
        return asdict(self) | {"output": str(self.output), "notes": list(self.notes)}


def teach(
    sources: PathLike | Sequence[PathLike],
    labels: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    model: PathLike | Model = "mini",
    class_column: str | None = None,
    area: PathLike | None = None,
    read: ReadOptions = ReadOptions(),
    device: str | None = None,
    progress: Progress | None = None,
) -> TeachResult:
    """Teach classes by points, boxes, lines or polygons on one or several scenes; `output` is a model from then on.

    `sources` may be folders and patterns such as "scenes/*.tif". With a file of polygons as `area`, only the parts of
    labels in these polygons count.

    `labels` are vector files in any CRS, with a column of classes: `class_column`, or one called class, label or name.
    A column `source` may say which scene a label is of, as scenes without a CRS need it. A class called "other" or
    "background" is everything else; with one class only, that is learned from patches all over the scenes.

    `model` is a name, a folder, or what `load_model` gave.

    Taught again into the same folder, with all labels, the model is replaced, and only patches that are new are
    encoded. The model is the same whatever was kept. Raises InputError, SourceError, ModelError or OutputError.
    """
    started = time.monotonic()
    if is_model_name(str(output)):
        raise OutputError(f"{output} is the name of a model of geoglot models list; give the folder another name")
    given, files = ([each] if isinstance(each, PathLike) else list(each) for each in (sources, labels))
    paths = find_images(given)
    drawn = read_labels([Path(file) for file in files], class_column)
    base, output = load_word_model(model, device=device, precision="auto"), Path(output)
    if isinstance(base, Taught):
        raise InputError(f"{base.card.name} was taught itself; teach on the model that it stands on: --model")
    if not base.place:
        raise InputError(f"{base.card.name} must be a model that load_model gave, so that what is taught can find it")
    dense = WordDense(base)
    with open_folder(output) as kept:
        within = Path(area) if area else None
        parts = [scene_patches(path, drawn, dense, read, kept, progress, within) for path in paths]
        scenes = [part for part in parts if part is not None]
        if not scenes and area:
            raise InputError(
                f"no label lies on a scene and in the area of {area}; leave the area out to see whether any lies on a "
                "scene"
            )
        if not scenes:
            raise drawn.nowhere([str(path) for path in paths])
        examples, classes = gather(scenes, base)
        figures, head = hold_out(examples), examples.fit()
        learned = _describe(examples, classes, figures)
        replace_head(output, _card(output, base, learned), head.tensors | as_words(examples, classes))
    return TeachResult(
        output=output,
        model=base.card.name,
        column=drawn.column,
        classes=learned,
        miou=figures.miou,
        miou_by_words=figures.miou_by_words,
        scenes=len(scenes),
        patches=len(examples.classes),
        encoded=sum(scene.new for scene in scenes),
        seconds=round(time.monotonic() - started, 2),
        notes=(*drawn.notes, *_notes(paths, parts, learned), *_held_out_notes(figures), *_unused(drawn, scenes)),
    )


def _held_out_notes(figures: Figures) -> Iterator[str]:
    """What to do where the labels tell the classes apart no better than a guess, or than the names alone."""
    known = [share for share in figures.accuracy if share is not None]
    if len(known) > 1 and (right := float(np.mean(known))) < 1 / len(known) + _GUESSED:
        yield (
            f"on ground that was left out these labels tell {len(known)} classes apart no better than a guess "
            f"(accuracy {right:.0%} in the mean, a guess {1 / len(known):.0%}); see whether labels lie where they "
            "should, and draw more in more places"
        )
    taught, words = figures.miou, figures.miou_by_words
    if taught is not None and words is not None and words - taught >= _WORSE:
        yield (
            f"on ground that was left out the class names alone do better (IoU {words:.1%}) than these labels "
            f"({taught:.1%}); draw more labels in more places, or map by --classes without this model"
        )


def _unused(drawn: LabelSet, scenes: Sequence[ScenePatches]) -> Iterator[str]:
    """A sentence on labels that taught nothing, and on classes that have no other."""
    taught = np.unique(np.concatenate([scene.taught for scene in scenes]))
    if left := len(drawn.features) - len(taught):
        classes = drawn.features["class"]
        lost = sorted(set(classes) - set(classes.iloc[taught]))
        without = f"; nothing else was drawn of {format_some(lost)}" if lost else ""
        yield f"{left:,} of {format_count(len(classes), 'label')} taught nothing: no scene has data there{without}"


def _describe(examples: Examples, classes: tuple[str, ...], figures: Figures) -> tuple[TaughtClass, ...]:
    """What each class was taught by, and its figures."""
    learned = []
    for kind, name in enumerate(classes):
        own = examples.classes == kind
        labels, places = (len(np.unique(each[own])) for each in (examples.labels, examples.blocks))
        measured = figures.iou[kind], figures.accuracy[kind], figures.iou_by_words[kind]
        learned.append(TaughtClass(name, labels, int(own.sum()), places, *measured))
    return tuple(learned)


def _card(output: Path, base: VisionLanguageModel, learned: Sequence[TaughtClass]) -> Card:
    taught_on = Base(base.place, base.card.sha256)
    counts = {each.name: each.labels for each in learned}
    config = TaughtSizes(tuple(each.name for each in learned), taught_on, {"labels": counts})
    source = f"a head over {base.card.name}, taught by labels; {base.card.name}: {base.card.source}"
    return replace(
        base.card, name=output.absolute().name, family=FAMILY, config=asdict(config), source=source[:2000], sha256=""
    )


def _notes(
    paths: Sequence[PathLike], parts: Sequence[ScenePatches | None], learned: Sequence[TaughtClass]
) -> tuple[str, ...]:
    """What is to be known of the labels: too few, in one place, on none of the scenes, in two classes."""
    notes = list(dict.fromkeys(note for part in parts if part for note in part.notes))
    if empty := [str(path) for path, part in zip(paths, parts, strict=True) if part is None]:
        notes.append(f"no label lies on {format_some(empty)}")
    drawn = [each for each in learned if each.labels]
    if few := [f"{each.name} ({each.labels})" for each in drawn if each.labels < _FEW]:
        notes.append(f"few labels of {format_some(few)}; draw at least {_FEW} of a class, in several places")
    notes += [
        f"all labels of {each.name} lie in one place, so nothing tells whether it is known elsewhere; draw some there"
        for each in drawn
        if each.places < 2 and each.name != REST
    ]
    if double := count_doubles(filter(None, parts)):
        notes.append(f"{double:,} patches have labels of two classes and teach both; redraw those that overlap")
    return tuple(notes)
