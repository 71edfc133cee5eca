"""Words to objects: any raster in; one polygon a thing, with its score and area, out.

The way: a scene is encoded once (`scene`); for each name its scores (`field`) get a threshold (`threshold`), regions
(`components`) and instances (`instances`); a refiner sees them in the picture (`refining`); outlines that overlap are
settled (`outline`) and tabulated (`result`).
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import geopandas as gpd

from geoglot.geo import Grid, geodesic_area_m2
from geoglot.outputs.vectors import to_map
from geoglot.sources.raster import Raster
from geoglot.tasks.objects.components import find_regions
from geoglot.tasks.objects.encoder import Question
from geoglot.tasks.objects.field import ScoreField
from geoglot.tasks.objects.files import Files
from geoglot.tasks.objects.instances import LARGEST, split
from geoglot.tasks.objects.options import FindOptions
from geoglot.tasks.objects.outline import Found, outline_of_large, settle
from geoglot.tasks.objects.refining import Candidate, refine_all
from geoglot.tasks.objects.result import FindResult, tabulate
from geoglot.tasks.objects.scene import EncodedScene, ModelLike, as_encoder, encode_scene
from geoglot.tasks.objects.threshold import Threshold, choose_threshold
from geoglot.tasks.prompts import parse_classes, parse_words
from geoglot.tasks.reading import reading_notes
from geoglot.tasks.refine.refiner import Refiner
from geoglot.types import ClassesLike, PathLike, Progress

_Thresholds = dict[str, Threshold]


def find(
    source: PathLike | Raster | EncodedScene,
    names: ClassesLike,
    output: PathLike | None = None,
    *,
    model: ModelLike = "mini",
    options: FindOptions | None = None,
    refiner: Refiner | str | None = None,
    progress: Progress | None = None,
) -> FindResult:
    """Find, count and outline things in a raster of any size.

    `names` is "swimming pool, tennis court", a list, a mapping of names to words, or a file of these; `output` a .gpkg,
    .parquet or .geojson, beside which a picture and a manifest are put. An EncodedScene as source is asked without
    being encoded again; `model` is then the one that encoded it. `refiner` is none, edges, sam, or one of your own.

    Nothing found is an empty table, not an error. Killed at any moment, the same call gives the same bytes. Raises
    InputError for what cannot be meant, SourceError, OutputError; windows that fail are in the result, not raised.
    """
    started = time.monotonic()
    options = options or FindOptions()
    files = Files.of(Path(output), options) if output else Files()
    words = parse_classes(names)
    background = None if options.background is None else parse_words(options.background)
    with ExitStack() as stack:
        encoder = source.encoder if isinstance(source, EncodedScene) else as_encoder(model)
        question = encoder.question(words, background, options.templates)
        files.check_source(source.raster.uri if isinstance(source, EncodedScene) else str(source))
        if not isinstance(source, EncodedScene):
            opening = encode_scene(source, encoder, options=options, output=files.objects, progress=progress)
            source = stack.enter_context(opening)
        things, thresholds = _search(source, question, options, None, progress)
        grid = source.raster.grid
        kept = _within(settle(_within(things, grid, options)), grid, options)
        return _finish(source, tabulate(kept, grid, source.plan), thresholds, files, started)


def _search(
    scene: EncodedScene, question: Question, options: FindOptions, refiner: Refiner | None, progress: Progress | None
) -> tuple[list[Found], _Thresholds]:
    """Everything of every name, still overlapping, and the thresholds."""
    thresholds, candidates, large = _Thresholds(), list[Candidate](), list[Found]()
    for index, name in enumerate(question.names):
        field = ScoreField(scene, question, index)
        threshold = thresholds[name] = choose_threshold(field, options.min_score)
        for region in find_regions(field, threshold, progress):
            if region.box.height * region.box.width > LARGEST:
                large.append(outline_of_large(region, field, threshold.extent))
            else:
                parts = split(region, field, threshold.extent)
                candidates += [Candidate(part, field, threshold.extent) for part in parts]
    return [*large, *refine_all(candidates, scene.raster, refiner, progress)], thresholds


def _within(things: list[Found], grid: Grid, options: FindOptions) -> list[Found]:
    """Those of a size that was asked for; in pixels where there are no metres."""
    if not things or (options.min_area is None and options.max_area is None):
        return things
    polygons = [one.polygon for one in things]
    areas = geodesic_area_m2(to_map(polygons, grid), grid.crs) if grid.crs else [one.area for one in polygons]
    least, most = options.min_area or 0.0, options.max_area or float("inf")
    return [one for one, area in zip(things, areas, strict=True) if least <= area <= most]


def _finish(
    scene: EncodedScene, objects: gpd.GeoDataFrame, thresholds: _Thresholds, files: Files, started: float
) -> FindResult:
    """The result, and its files if there are to be some."""
    raster, encoder = scene.raster, scene.encoder
    parts = {name: objects[objects["name"] == name] for name in thresholds}
    notes = [*reading_notes(raster, encoder.name, encoder.resolution), *_remarks(thresholds)]
    notes += files.draw(raster, objects, tuple(thresholds))
    result = FindResult(
        model=encoder.name,
        objects=objects,
        counts={name: len(part) for name, part in parts.items()},
        areas_m2={name: round(float(part.area_m2.sum()), 2) if objects.crs else None for name, part in parts.items()},
        thresholds=thresholds,
        output=files.objects,
        overlay=files.overlay if files.overlay and files.overlay.exists() else None,
        manifest=files.manifest,
        windows=len(scene.plan),
        failed=scene.failed,
        seconds=round(time.monotonic() - started, 2),
        notes=tuple(notes),
    )
    document = result.to_json()
    del document["objects"]  # the file beside the manifest holds them
    files.write(objects, document | {"run": scene.facts})
    return result


def _remarks(thresholds: _Thresholds) -> list[str]:
    """What is remarkable about a name in this scene."""
    return [
        f"{name!r} matches {one.share:.0%} of the scene, so tells nothing apart here: narrow it, or raise --min-score"
        for name, one in thresholds.items()
        if one.is_everywhere
    ]
