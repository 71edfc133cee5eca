"""Words to objects: any raster in; one polygon a thing, with its score and area, out.

The way: a scene is encoded once (`scene`); for each name its scores (`field`) get a threshold (`threshold`), regions
(`components`) and instances (`instances`); a refiner sees them in the picture (`refining`); outlines that overlap are
settled (`outline`) and tabulated (`result`).
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd

from geoglot.aliases import ClassesLike, PathLike, Progress
from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.geodesy import geodesic_area_m2
from geoglot.options import FindOptions, ReadOptions
from geoglot.outputs.journal import fingerprint
from geoglot.outputs.vector_files import to_map
from geoglot.scene.area import on_grid, read_features
from geoglot.scene.class_words import parse_classes, parse_words
from geoglot.scene.dense import Dense, ModelLike, dense_of
from geoglot.scene.question import Question
from geoglot.scene.read import open_scene, reading_notes
from geoglot.scene.score_field import ScoreField
from geoglot.scene.seen import EncodedScene, encode_scene
from geoglot.sources.raster import Raster
from geoglot.tasks.find.find_files import Files
from geoglot.tasks.find.find_result import FindResult, tabulate
from geoglot.tasks.find.instances import LARGEST, Instance, split_region
from geoglot.tasks.find.outline import Object, outline_of_large, settle_overlaps
from geoglot.tasks.find.outline_journal import digest, open_outline_journal
from geoglot.tasks.find.point_prompts import instances_at
from geoglot.tasks.find.refine_outlines import refine_outlines
from geoglot.tasks.find.regions import find_regions
from geoglot.tasks.find.threshold import Threshold, choose_threshold
from geoglot.tasks.refine.load import choose_refiner
from geoglot.tasks.refine.refiner import Refiner


def find(
    source: PathLike | Raster | EncodedScene,
    names: ClassesLike | None,
    output: PathLike | None = None,
    *,
    model: ModelLike = "mini",
    read: ReadOptions = ReadOptions(),
    options: FindOptions = FindOptions(),
    refiner: Refiner | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FindResult:
    """Find, count and outline things in a raster of any size.

    `names` is "swimming pool, tennis court", a list, a mapping of names to words, or a file of these; `output` a .gpkg,
    .parquet or .geojson, beside which a picture and a manifest are put. An EncodedScene as source is asked without
    being encoded again; `model` is then the one that encoded it. `refiner` is "none", "edges", what `load_sam`
    gives, or one of your own. With `options.points` things are not named but pointed at; `names` is then None.

    Nothing found is an empty table, not an error. Killed at any moment, the same call gives the same bytes. A result of
    another run is replaced with `overwrite` only, and what geoglot did not make is never touched.
    Raises InputError for what cannot be meant, SourceError, OutputError; windows that fail are in the result.
    """
    started = time.monotonic()
    refiner = choose_refiner(refiner)
    files = Files.of(Path(output), options) if output else Files()
    files.check(_uri(source), options.points, options.area, names if isinstance(names, PathLike) else None)
    how = refiner.facts() if refiner else None
    with ExitStack() as stack:
        dense = source.dense if isinstance(source, EncodedScene) else dense_of(model)
        question = _question(dense, names, options)
        places = read_features(Path(options.points)) if options.points else None
        asked = _asked(names, places, read, options) | {"refiner": how}

        def start(facts: dict[str, Any]) -> None:
            files.start(fingerprint(facts | asked), overwrite)

        if isinstance(source, EncodedScene):
            _check_limits(options, source.raster)
            source = source.narrowed(read, options.area, options.vectors)
            start(source.facts | {"area": source.area.wkt if source.area else None})
        else:
            raster = stack.enter_context(open_scene(source, read, dense.card.resolution))
            _check_limits(options, raster)
            opening = encode_scene(
                raster, dense, read=read, area=options.area, vectors=options.vectors,
                output=files.objects, before=start, progress=progress,
            )  # fmt: skip
            source = stack.enter_context(opening)
        if question is not None:
            search = _search(source, question, options, progress)
        else:
            assert places is not None
            search = _at_places(source, places)
        run = source.facts | {"names": search.names, "options": asdict(read) | asdict(options), "refiner": how}
        own = fingerprint(source.facts | asked | {"candidates": digest(search.instances)})
        with open_outline_journal(files.objects, own, refined=refiner is not None) as journal:
            refined = refine_outlines(search.instances, source.raster, refiner, journal, progress)
            source.raster.check_unchanged()
            resumed = (*source.resumed, *(journal.resumed if journal else ()))
            return _finish(source, search, [*search.large, *refined], options, files, run, resumed, started)


def _check_limits(options: FindOptions, raster: Raster) -> None:
    """Refuse limits in square metres where there are none."""
    if raster.grid.crs is None and (options.min_area is not None or options.max_area is not None):
        raise InputError(
            f"{raster.uri} has no CRS, so its objects have no square metres: leave out --min-area and --max-area, or "
            "assign the CRS first with: rio edit-info --crs EPSG:... --transform ..."
        )


def _asked(
    names: ClassesLike | None, places: gpd.GeoDataFrame | None, read: ReadOptions, options: FindOptions
) -> dict[str, Any]:
    """What decides the result beside what is seen: words, places, options; not how it is computed or kept."""
    decided = read.facts() | {key: value for key, value in asdict(options).items() if key != "vectors"}
    words = None if names is None else [asdict(one) for one in parse_classes(names)]
    return {"words": words, "options": decided, "places": None if places is None else places.to_wkb(hex=True).to_csv()}


def _uri(source: PathLike | Raster | EncodedScene) -> str:
    raster = source.raster if isinstance(source, EncodedScene) else source
    return raster.uri if isinstance(raster, Raster) else str(raster)


def _question(dense: Dense, names: ClassesLike | None, options: FindOptions) -> Question | None:
    """What is asked; None where a person points at things instead."""
    if (names is None) == (options.points is None):
        raise InputError("name what to find, or give a file of points or boxes: --points FILE; one of them")
    if names is None:
        if options.min_score is not None or options.background is not None:
            raise InputError("a least score and a background are for names; points and boxes have none")
        return None
    background = None if options.background is None else parse_words(options.background)
    return dense.question(parse_classes(names), background, options.templates)


@dataclass(frozen=True)
class _Search:
    """Everything that the scores show."""

    names: tuple[str, ...]
    instances: list[Instance]
    large: list[Object]
    """Regions that are too large to be split or refined."""
    thresholds: dict[str, Threshold]
    notes: tuple[str, ...] = ()


def _search(scene: EncodedScene, question: Question, options: FindOptions, progress: Progress | None) -> _Search:
    """The things of every name."""
    thresholds, instances, large = dict[str, Threshold](), list[Instance](), list[Object]()
    for index, name in enumerate(question.names):
        field = ScoreField(scene, question, index)
        threshold = thresholds[name] = choose_threshold(field, options.min_score)
        for region in find_regions(field, threshold, progress):
            if region.box.height * region.box.width > LARGEST:
                large.append(outline_of_large(region, field, threshold.extent))
            else:
                instances += split_region(region, field, threshold.extent)
    notes = f"{len(large)} objects are too large to be split or refined: they keep the outline of their scores"
    told = (*question.notes, *((notes,) if large else ()))
    return _Search(question.names, instances, large, thresholds, told)


def _at_places(scene: EncodedScene, places: gpd.GeoDataFrame) -> _Search:
    """The things that a person points at."""
    instances = instances_at(scene, on_grid(places, scene.raster.grid))
    names = tuple(dict.fromkeys(instance.name for instance in instances))
    beside = len(places) - len(instances)
    where = "lie outside the scene or where it has no data"
    notes = (f"{beside} of {len(places)} points and boxes {where}",) if beside else ()
    return _Search(names, instances, [], {}, notes)


def _within(things: list[Object], grid: Grid, options: FindOptions) -> list[Object]:
    """Those of a size that was asked for."""
    if not things or grid.crs is None or (options.min_area is None and options.max_area is None):
        return things
    areas = geodesic_area_m2(to_map([one.polygon for one in things], grid), grid.crs)
    least, most = options.min_area or 0.0, options.max_area or float("inf")
    return [one for one, area in zip(things, areas, strict=True) if least <= area <= most]


def _on_scene(things: list[Object], raster: Raster) -> list[Object]:
    """Outlines that end where the scene does: pixels at its edge may hang over."""
    polygons = raster.footprint.clip([one.polygon for one in things])
    return [replace(one, polygon=polygon) for one, polygon in zip(things, polygons, strict=True)]


def _finish(
    scene: EncodedScene,
    search: _Search,
    things: list[Object],
    options: FindOptions,
    files: Files,
    run: dict[str, Any],
    resumed: tuple[str, ...],
    started: float,
) -> FindResult:
    """The result out of things that still overlap, and its files if there are to be some."""
    raster, card, grid = scene.raster, scene.dense.card, scene.raster.grid
    things = _on_scene(things, raster)
    settled = _within(settle_overlaps(_within(things, grid, options)), grid, options)
    kept = [one for one in settled if scene.area is None or scene.area.contains(one.polygon.centroid)]
    objects = tabulate(kept, grid, scene.plan)
    parts = {name: objects[objects["name"] == name] for name in search.names}
    notes = [
        *resumed,
        *reading_notes(raster, card.name, card.resolution),
        *_remarks(search, objects, bool(run["refiner"])),
    ]
    notes += files.draw(raster, objects, search.names)
    result = FindResult(
        model=card.name,
        objects=objects,
        counts={name: len(part) for name, part in parts.items()},
        areas_m2={name: round(float(part.area_m2.sum()), 2) if objects.crs else None for name, part in parts.items()},
        thresholds=search.thresholds,
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
    files.write(objects, document | {"run": run})
    return result


def _remarks(search: _Search, objects: gpd.GeoDataFrame, refined: bool) -> list[str]:
    """What is remarkable about a name in this scene, and about outlines."""
    notes = [
        f"{name!r} matches {one.share:.0%} of the scene, so tells nothing apart here: narrow it, or raise --min-score"
        for name, one in search.thresholds.items()
        if one.is_everywhere
    ]
    left = int((objects["outline"] == "none").sum()) if refined else 0
    if left:
        notes.append(f"{left} of {len(objects)} outlines could not be refined: they are those of the scores")
    return [*notes, *search.notes]
