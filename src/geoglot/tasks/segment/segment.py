"""Words to a class map: any raster in, a COG, polygons, areas and a manifest out."""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from geoglot.aliases import ClassesLike, PathLike, Progress
from geoglot.errors import ClassesError, InputError
from geoglot.figures import format_some
from geoglot.models.base import VisionLanguageModel
from geoglot.models.taught import REST, Taught
from geoglot.models.zoo import Model, load_model
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.scene.averaged import average
from geoglot.scene.class_words import COMPETE, ClassWords, parse_classes, parse_words
from geoglot.scene.dense import ClassDense, Dense, model_of, reads_words
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.read import open_scene, pixel_size
from geoglot.scene.taught_question import as_taught
from geoglot.scene.taught_scores import TaughtScores, scores_of
from geoglot.scene.text_vectors import MANY
from geoglot.scene.visible import too_small, unseen_background, unseen_notes
from geoglot.scene.word_scores import WordScores
from geoglot.scene.wording import patch_notes, word_notes
from geoglot.sources.raster import Raster
from geoglot.tasks.refine.load import choose_refiner
from geoglot.tasks.refine.refiner import Refiner
from geoglot.tasks.segment.map_files import Outputs, SegmentResult
from geoglot.tasks.segment.map_run import segment_with

__all__ = ["SegmentOptions", "SegmentResult", "segment"]

_DIVIDE = (
    "each place that fits better than the background is mapped; find and ask may draw the line higher, where the "
    "scores of this scene divide, so their areas may be smaller"
)


def segment(
    source: PathLike | Raster | EncodedScene,
    classes: ClassesLike | None,
    output: PathLike,
    *,
    model: Model | PathLike = "mini",
    polygons: PathLike | None = None,
    read: ReadOptions = ReadOptions(),
    options: SegmentOptions = SegmentOptions(),
    refiner: Refiner | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SegmentResult:
    """Map classes over a raster of any size.

    `classes` is "trees, grass", a list, a mapping of names to words, or a .txt or .json file; `output` a .tif;
    `polygons` a vector file: .gpkg, .geojson, .fgb, .parquet, .shp, .zip or .pmtiles. `progress` is called with
    ("windows", done, total), and then for the steps "areas", "map" and "polygons". `refiner` moves the borders of
    regions to edges of the picture: "none", "edges", the result of `load_sam`, or a refiner of your own.

    An encoded scene is mapped without running the model again, and `model` is ignored. The map is that of the raster
    but for half precision.

    A model from `geoglot train segment` has classes of its own. None maps all of them; names map some of them, and the
    rest is "other". A name with other words, or a new name, changes its classes (`models.segclip.class_vocabulary`).

    A model from `geoglot teach` has classes of its own too, and reads every other word as the model that it stands on.

    A killed run resumes and gives the same bytes. `overwrite` allows to replace the result of another run; files that
    geoglot did not make are never touched. Raises InputError, ClassesError, SourceError or OutputError; windows that
    fail are listed in the result.
    """
    words = parse_classes(classes) if classes is not None else None
    background = parse_words(options.background)
    paths = Outputs.of(Path(output), Path(polygons) if polygons else None, options)
    paths.made.check(*(path for path in (source, classes, options.area) if isinstance(path, PathLike)))
    scene = source if isinstance(source, EncodedScene) else None
    model = model_of(scene.dense) if scene else load_model(model)
    words = words and as_taught(model, words)
    dense, names, facts = _dense(model, words, background, options)
    if scene:
        _check_encoded(scene, dense, options)
    facts |= {
        "background": background,
        "card": asdict(model.card),
        "precision": model.precision,
    }
    given = {entry.name: entry for entry in words or ()} | {"": ClassWords("", background)}
    compete = dense.compete if isinstance(dense, TaughtScores) else dense.labels
    channels = [given.get(label, ClassWords(label, (label,))) for label in compete]
    dense = average(dense, options.flips, options.scales)
    opening = open_scene(source.raster if isinstance(source, EncodedScene) else source, read, model.card.resolution)
    with opening as raster:
        pixel_m = pixel_size(raster, scene.read if scene else read)
        why, unseen = too_small(model, pixel_m, words or ()), unseen_background(model, pixel_m, background)
        return segment_with(
            dense,
            Legend(names),
            scene or raster,
            paths,
            read=read,
            options=options,
            refiner=choose_refiner(refiner),
            words=channels,
            facts=facts | {"why": why, "notes": (*unseen_notes(why), *unseen, *facts.get("notes", ()))},
            overwrite=overwrite,
            progress=progress,
        )


def _dense(
    model: Model,
    words: tuple[ClassWords, ...] | None,
    background: tuple[str, ...],
    options: SegmentOptions,
) -> tuple[Dense, tuple[str, ...], dict[str, Any]]:
    """The model of class logits, the names of the legend, and facts for the manifest."""
    facts: dict[str, Any] = {"classes": [asdict(entry) for entry in words or ()]}
    if not reads_words(model):
        if background:
            raise InputError(f'{model.card.name} knows no background words; classes that are not asked for are "other"')
        if options.templates != SegmentOptions.templates:
            raise InputError(f"{model.card.name} reads class names in the template it was trained with; leave it out")
        names = tuple(entry.name for entry in words) if words else model.classes
        return ClassDense(model, words or ()), names, facts | {"device": model.device.type}
    _check_words(words or (), background)
    if not isinstance(model, Taught):
        _check_rivals(model, words, background)
    if (count := sum(len(entry.words) for entry in words or ())) > MANY and _is_averaged(options):
        raise InputError(f"flips and scales are for at most {MANY:,} words, got {count:,}; leave them out")
    scores = scores_of(model, words or (), background, options.templates)
    notes = word_notes(model, scores.read, scores.texts, background=background, templates=options.templates)
    notes = (*patch_notes(model), *notes)
    names = tuple(filter(None, scores.labels))
    facts["texts"] = hashlib.sha256(scores.texts.cpu().numpy().tobytes()).hexdigest()
    if isinstance(scores, WordScores):
        facts["doubts"] = scores.doubts
        if len(names) > 1 or model.presence is None:
            notes = (*notes, COMPETE if len(names) > 1 else _DIVIDE)
    return scores, names, facts | {"device": scores.texts.device.type, "notes": notes}


def _is_averaged(options: SegmentOptions) -> bool:
    """Whether the logits of several views are averaged."""
    return (options.flips, options.scales) != (SegmentOptions.flips, SegmentOptions.scales)


def _check_encoded(scene: EncodedScene, dense: Dense, options: SegmentOptions) -> None:
    if _is_averaged(options):
        raise InputError("flips and scales need the model again: segment the raster, not the encoded scene")
    if scene.dense.labels and model_of(dense) is not model_of(scene.dense):
        raise InputError("other words need the model again: segment the raster, not the encoded scene")


def _check_words(words: tuple[ClassWords, ...], background: tuple[str, ...]) -> None:
    """ClassesError for a class that is what a map leaves out."""
    if any(entry.name.lower() == REST for entry in words):
        raise ClassesError('"other" is the rest that a background or a threshold leaves; give that class another name')
    if both := sorted({word for entry in words for word in entry.words} & set(background)):
        raise ClassesError(f"{format_some(both)} cannot be a class and the background; take it out of one of them")


def _check_rivals(
    model: VisionLanguageModel, words: tuple[ClassWords, ...] | None, background: tuple[str, ...]
) -> None:
    """InputError without classes, ClassesError for a class that has nothing to compete with."""
    if words is None:
        raise InputError(f'{model.card.name} maps words: give them as --classes "water, forest, building"')
    if len(words) == 1 and not background:
        raise ClassesError(
            f"a map of {words[0].name!r} alone would be {words[0].name!r} everywhere; "
            'give more classes, or say what else there is: --background "building, road, field"'
        )
