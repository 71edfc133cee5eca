"""Find things by words in a raster of any size: one polygon per thing, with its score and area.

A scene is encoded once (`encoded_scene`). The scores of each name give instances (`search`, `instances`). A refiner
sees these in the picture and gives the outlines of objects (`refine_outlines`). Their overlaps are settled (`outline`)
before they become a table (`find_result`).
"""

import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import geopandas as gpd

from geoglot.aliases import ClassesLike, PathLike, Progress
from geoglot.errors import InputError
from geoglot.hashing import fingerprint
from geoglot.options import FindOptions, ReadOptions
from geoglot.outputs.legend import Legend, check_names
from geoglot.outputs.vector_names import check_placed, explain_format
from geoglot.scene.class_words import ClassWords, parse_classes, parse_words
from geoglot.scene.consult_bands import consult_bands
from geoglot.scene.dense import Dense, ModelLike, WordDense, dense_of
from geoglot.scene.encoded_scene import EncodedScene, encode_scene
from geoglot.scene.kept_scores import open_scratch
from geoglot.scene.question import Question
from geoglot.scene.read import open_scene, pixel_size, reading_notes
from geoglot.scene.taught_question import as_taught, question_facts
from geoglot.scene.vector_features import read_features
from geoglot.scene.visible import look_ahead, unseen_background
from geoglot.sources.raster import Raster
from geoglot.tasks.find.find_result import FindFiles, FindResult, tabulate
from geoglot.tasks.find.outline import settle
from geoglot.tasks.find.refine_outlines import digest, open_outline_journal, refine_outlines
from geoglot.tasks.find.search import Search, search_names, search_places
from geoglot.tasks.find.small_pieces import small_notes
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

    `names` is "swimming pool, tennis court", a list, a mapping of names to words, or a file of these. It is None with
    `options.points`, a file of points and boxes on the things. `output` is a .gpkg, .geojson, .fgb, .parquet, .shp,
    .zip or .pmtiles; a picture and a manifest are written beside it. An EncodedScene is not encoded again, and `model`
    is ignored. `refiner` is "none", "edges", the result of `load_sam`, or a refiner of your own.

    The table is empty if no object is found. A killed run resumes and gives the same bytes. `overwrite` allows the call
    to replace the result of another run; files that geoglot did not make are never touched. Raises InputError,
    SourceError or OutputError; the result lists windows that failed.
    """
    started, refiner = time.monotonic(), choose_refiner(refiner)
    files = FindFiles.of(Path(output), options.overlay) if output else None
    given, read_as = (source.raster, source.read) if isinstance(source, EncodedScene) else (source, read)
    if files:
        listed = names if isinstance(names, PathLike) else None
        files.made.check(given.uri if isinstance(given, Raster) else given, options.points, options.area, listed)
    with ExitStack() as stack:
        dense = source.dense if isinstance(source, EncodedScene) else dense_of(model)
        reader = dense.model if isinstance(dense, WordDense) else None
        words = None if names is None else as_taught(reader, parse_classes(names))
        question = _question(dense, words, options)
        places = _read_places(options)
        asked = _asked(words, question, places, read, options) | {"refiner": refiner.facts() if refiner else None}

        def start(facts: dict[str, Any]) -> None:
            if files:
                files.made.start(fingerprint(facts | asked), overwrite)

        raster = stack.enter_context(open_scene(given, read, dense.card.resolution))
        _check_limits(options, raster)
        check_placed(files.objects if files else None, raster.grid.crs)
        sight = look_ahead(dense, raster, read_as, words or (), insist=options.min_score is not None)
        unseen = unseen_background(dense, pixel_size(raster, read_as), parse_words(options.background or ()))
        bands = consult_bands(raster, words or (), options.evidence, compete=False, hidden=sight.why)
        opening = encode_scene(
            source if isinstance(source, EncodedScene) else raster, dense, read=read, area=options.area,
            vectors=options.vectors, output=files.objects if files else None, before=start, progress=progress,
            blank=words is not None and len(sight.why) == len(words),
        )  # fmt: skip
        scene = stack.enter_context(opening)
        if question is not None:
            kept = stack.enter_context(open_scratch())
            search = search_names(scene, question, options.min_score, sight, progress, bands.evidence, kept)
        else:
            assert places is not None
            search = search_places(scene, places)
        own = fingerprint(scene.facts | asked | {"candidates": digest(search.instances)})
        opening_journal = open_outline_journal(files.objects if files else None, own, refined=refiner is not None)
        with opening_journal as journal:
            refined = refine_outlines(search.instances, scene.raster, refiner, journal, progress)
            scene.raster.check_unchanged()
            objects, shared = settle([*search.large, *refined], scene, options)
            table, resumed = tabulate(objects, scene.raster.grid, scene.plan), journal.resumed if journal else ()
            told = (*scene.resumed, *resumed, *unseen, *bands.notes, *shared, *small_notes(table, words or ()))
            run = {"names": search.names, "options": asdict(read) | asdict(options), "refiner": asked["refiner"]}
            return _finish(scene, search, table, files, run | bands.facts(), told, started)


def _check_limits(options: FindOptions, raster: Raster) -> None:
    if raster.grid.crs is None and (options.min_area is not None or options.max_area is not None):
        raise InputError(
            f"{raster.uri} has no CRS, so its objects have no square metres: leave out --min-area and --max-area, or "
            "assign the CRS first with: rio edit-info --crs EPSG:... --transform ..."
        )


def _question(dense: Dense, names: tuple[ClassWords, ...] | None, options: FindOptions) -> Question | None:
    """The question for names; None with points and boxes."""
    if (names is None) == (options.points is None):
        raise InputError(
            "give either names to find, such as 'building, tree', or a file of points and boxes (--points FILE)"
        )
    if names is None:
        if options.min_score is not None or options.background is not None:
            raise InputError("a least score and a background are for names; leave them out with points and boxes")
        return None
    background = None if options.background is None else parse_words(options.background)
    return dense.question(names, background, options.templates)


def _read_places(options: FindOptions) -> gpd.GeoDataFrame | None:
    """The points and boxes that a person drew, if they are given, each alone and with its `name`, if it has one."""
    if not options.points:
        return None
    places = read_features(Path(options.points)).explode(ignore_index=True)
    own = max((column for column in map(str, places.columns) if column.lower() == "name"), default="")  # KML: Name
    places = places.rename(columns={own: "name"})
    if "name" in places:
        check_names(name for name in places["name"] if isinstance(name, str))
    return places


def _asked(
    names: tuple[ClassWords, ...] | None,
    question: Question | None,
    places: gpd.GeoDataFrame | None,
    read: ReadOptions,
    options: FindOptions,
) -> dict[str, Any]:
    """Everything that decides the result, beside the encoded scene and the refiner."""
    return {
        "words": None if names is None else [asdict(entry) for entry in names],
        "options": read.facts() | {key: value for key, value in asdict(options).items() if key != "vectors"},
        "places": None if places is None else places.to_wkb(hex=True).to_csv(),
        **question_facts(question),
    }


def _finish(
    scene: EncodedScene,
    search: Search,
    table: gpd.GeoDataFrame,
    files: FindFiles | None,
    run: dict[str, Any],
    told: tuple[str, ...],
    started: float,
) -> FindResult:
    groups = table.groupby("name", sort=False).groups
    parts = {name: table.loc[groups[name]] if name in groups else table[:0] for name in search.names}
    unrefined = int((table["outline"] == "none").sum()) if run["refiner"] else 0
    reading = reading_notes(scene.raster, scene.dense.card, scene.read)
    notes = list(dict.fromkeys([*told, *reading, *search.notes]))
    if unrefined:
        notes.append(f"{unrefined} of {len(table)} outlines could not be refined: they follow the scores")
    legend = Legend(tuple(search.names))
    notes += files.draw(scene.raster, table, legend, scene.area) if files else ()
    notes += explain_format(files.objects if files else None, table.columns.drop("geometry"), search.names)
    result = FindResult(
        model=scene.dense.card.name,
        objects=table,
        counts={name: len(part) for name, part in parts.items()},
        areas_m2={name: round(float(part.area_m2.sum()), 2) if table.crs else None for name, part in parts.items()},
        thresholds=search.thresholds,
        presence=search.presence,
        why=search.why,
        output=files.objects if files else None,
        overlay=files.overlay if files and files.overlay and files.overlay.exists() else None,
        manifest=files.made.record if files else None,
        windows=len(scene.plan) if set(search.names) - set(search.why) else 0,  # else nothing was computed
        failed=scene.failed,
        seconds=round(time.monotonic() - started, 2),
        scene=scene.raster.reopened(),
        area=scene.area,
        notes=tuple(notes),
    )
    if files:
        document = result.to_json()
        del document["objects"]  # the file beside the manifest holds them
        files.write(table, legend, document | {"run": scene.facts | run})
    return result
