"""Heat maps of words: how well every place of a scene fits a word by itself, whatever the other words say.

A score is that of `find`: the probability of the name against general words, or against the background that is given.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from geoglot.aliases import ClassesLike, PathLike, Progress
from geoglot.errors import InputError
from geoglot.options import FindOptions, ReadOptions
from geoglot.scene.class_words import parse_classes, parse_words
from geoglot.scene.consult_bands import consult_bands
from geoglot.scene.dense import ModelLike, dense_of
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.read import open_scene
from geoglot.scene.score_field import score_fields
from geoglot.scene.visible import look_ahead
from geoglot.tasks.find.heat_files import HeatFiles, HeatResult


def map_heat(
    source: PathLike | EncodedScene,
    names: ClassesLike,
    output: PathLike,
    *,
    model: ModelLike = "mini",
    read: ReadOptions = ReadOptions(),
    options: FindOptions = FindOptions(),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> HeatResult:
    """Write how well every place of a raster fits each name by itself: a COG with a band for each name, and a picture.

    Of `options`, background, area, templates, evidence, vectors and overlay count. A scene of up to 25 million pixels
    has a score for each pixel, a larger one for each patch. A killed run resumes. Raises InputError, SourceError or
    OutputError; the result lists windows that failed.
    """
    words, files = parse_classes(names), HeatFiles(source, Path(output), read, options, overwrite)
    with ExitStack() as stack:
        dense = source.dense if isinstance(source, EncodedScene) else dense_of(model)
        given, read_as = (source.raster, source.read) if isinstance(source, EncodedScene) else (source, read)
        background = None if options.background is None else parse_words(options.background)
        question = dense.question(words, background, options.templates)
        raster = stack.enter_context(open_scene(given, read, dense.card.resolution))
        sight = look_ahead(dense, raster, read_as, words, insist=False)
        if len(sight.why) == len(words):
            raise InputError("; ".join(dict.fromkeys(sight.why.values())))
        bands = consult_bands(raster, words, options.evidence, compete=False, hidden=sight.why)
        asked = {"words": [asdict(entry) for entry in words]}
        scene = stack.enter_context(files.encode(raster, dense, asked, progress))
        fields = score_fields(scene, question, bands.evidence, sight.why)
        notes = (*question.notes, *sight.notes, *bands.notes)
        return files.write(scene, dict(zip(question.names, fields, strict=True)), notes, sight.why)
