"""Words to a class map: any raster in, a COG, polygons, areas and a manifest out."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

from geoglot.errors import ClassesError, InputError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_model
from geoglot.outputs.legend import Legend
from geoglot.sources.raster import Raster
from geoglot.tasks.prompts import ClassWords, parse_classes, parse_words
from geoglot.tasks.run import Outputs, SegmentOptions, SegmentResult, segment_with
from geoglot.tasks.score import WordScorer
from geoglot.types import ClassesLike, PathLike, Progress

__all__ = ["SegmentOptions", "SegmentResult", "segment"]


def segment(
    source: PathLike | Raster,
    classes: ClassesLike,
    output: PathLike,
    *,
    model: VisionLanguageModel | str = "mini",
    polygons: PathLike | None = None,
    options: SegmentOptions | None = None,
    progress: Progress | None = None,
) -> SegmentResult:
    """Map the classes over a raster of any size; returns what was written.

    `classes` is "trees, grass", a list, a mapping of names to words, or a .txt or .json file; `output` a .tif;
    `polygons` a .gpkg, .parquet or .geojson; `progress` is called with ("windows", done, in all), then with
    what is made of them: "map", "polygons", "areas".

    Killed at any moment, the same call goes on where it was and gives the same bytes. Raises InputError for what
    cannot be meant, SourceError, OutputError; windows that fail on the way are in the result, not raised.
    """
    options = options or SegmentOptions()
    words, background = parse_classes(classes), parse_words(options.background)
    _check_choice(words, background, options)
    paths = Outputs.of(Path(output), Path(polygons) if polygons else None, options)
    if isinstance(model, str):
        model = load_model(model)
    scorer = WordScorer(model, words, background, options.templates)
    legend = Legend(tuple(entry.name for entry in words))
    precision = sorted({str(parameter.dtype) for parameter in model.parameters()})
    facts = {
        "classes": [asdict(entry) for entry in words],
        "background": background,
        "card": asdict(model.card),
        "precision": precision,
        "device": str(scorer.texts.device),
        "texts": hashlib.sha256(scorer.texts.cpu().numpy().tobytes()).hexdigest(),
    }
    return segment_with(scorer, legend, source, paths, options=options, facts=facts, progress=progress)


def _check_choice(words: tuple[ClassWords, ...], background: tuple[str, ...], options: SegmentOptions) -> None:
    if not 0 <= options.threshold < 1:
        raise InputError(f"the threshold is a probability from 0 up to 1, not {options.threshold}")
    if any(entry.name.lower() == "other" for entry in words):
        raise ClassesError('"other" is what a background or a threshold leaves over; give that class another name')
    if both := sorted({word for entry in words for word in entry.words} & set(background)):
        raise ClassesError(f"{', '.join(both)} cannot be a class and the background; take it out of one of them")
    if len(words) == 1 and not background:
        raise ClassesError(
            f"a map of {words[0].name!r} alone would be {words[0].name!r} everywhere; "
            'give more classes, or say what else there is: --background "building, road, field"'
        )
