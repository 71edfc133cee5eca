"""Jobs on a scene: heat, find, segment and ask. Runs in a child that keeps its models.

Vectors of a scene are kept in a folder that all jobs share, so that it is encoded once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd

from geoglot.aliases import Progress
from geoglot.app.bodies import AskBody, FindBody, HeatBody, SegmentBody, names_of, parse_body
from geoglot.app.child import Done, Report
from geoglot.app.kept_vectors import trim_vectors
from geoglot.app.mercator import placed
from geoglot.app.of_areas import write_area
from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.lonlat import to_map, to_pixels
from geoglot.models.taught import Taught, join_taught
from geoglot.models.zoo import Model
from geoglot.options import FindOptions
from geoglot.outputs.atomic import appears, write_bytes
from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import hex_of
from geoglot.outputs.vector_files import write_frames
from geoglot.scene.absence import ABSENT, absence_notes, round_presence
from geoglot.scene.class_words import parse_classes, parse_words
from geoglot.scene.consult_bands import consult_bands
from geoglot.scene.dense import Dense, dense_of, model_of
from geoglot.scene.encoded_scene import EncodedScene, encode_scene
from geoglot.scene.read import open_scene
from geoglot.scene.visible import look_ahead
from geoglot.tasks.find.find import find
from geoglot.tasks.find.find_result import FindResult
from geoglot.tasks.find.heat import Heat
from geoglot.tasks.find.heat_map import HeatMap, byte_of

_MODELS = 3  # that stay loaded
_MOST_LISTED = 1000  # objects in the document of a job; its files hold all


@lru_cache(_MODELS)
def dense_model(place: str, _state: str = "") -> Dense:
    """A model that stays loaded."""
    from geoglot.models.zoo import load_model

    return dense_of(load_model(place, precision="auto"))


def warm(body: dict[str, Any], _: Report) -> Done:
    """Load a model, and what it needs to see."""
    dense_model(*body["model"])
    return {}, b""


def advance(report: Report) -> Progress:
    """Progress of a door as reports of a job."""
    return lambda _, done, total: report(done=done, total=total)


def _vectors(task: dict[str, Any]) -> Path:
    """The folder in which the vectors of all scenes are kept, with room for more."""
    folder = Path(task["vectors"])
    trim_vectors(folder)
    return folder


def do_heat(task: dict[str, Any], report: Report) -> Done:
    """Score words over a scene, a row of windows at a time, then find their objects."""
    body, folder = parse_body(HeatBody, task["body"]), Path(task["folder"])
    dense, options = dense_model(*task["model"]), replace(body.options, vectors=_vectors(task), overlay=False)
    words = parse_classes(names_of(body.words))
    with open_scene(task["source"], body.read, dense.card.resolution) as raster:
        sight = look_ahead(dense, raster, body.read, words, insist=options.min_score is not None)
        bands = consult_bands(raster, words, options.evidence, compete=False, hidden=sight.why)
        background = None if options.background is None else parse_words(options.background)
        question = dense.question(words, background, options.templates)
        heat = Heat(folder, question, bands.evidence, frozenset(sight.why))
        report(result={"names": _names_facts(heat.names, sight.why)})

        def show(scene: EncodedScene, rows: int) -> None:
            heat.fill(scene, rows)
            report(version=1)

        if len(sight.why) == len(words):
            result = find(raster, names_of(body.words), model=dense, read=body.read, options=options)
        else:
            opening = encode_scene(raster, dense, read=body.read, vectors=options.vectors, finished=show,
                                   progress=advance(report))  # fmt: skip
            with opening as scene:
                show(scene, scene.plan.lattice[0])
                result = find(scene, names_of(body.words), read=body.read, options=options)
        grid = raster.grid
    document = _document(result, grid, folder)
    return document | {"names": _describe_names(result, folder), "crs": grid.crs is not None}, b""


def _describe_names(result: FindResult, folder: Path) -> list[dict[str, Any]]:
    """What the page needs to draw a name: its threshold, and the ground under each byte of its tiles."""
    try:
        heat = HeatMap.open(folder)
    except FileNotFoundError:
        heat = None
    absent = {name: "".join(absence_notes([name])) for name in result.counts if _is_absent(result, name)}
    described = []
    for index, facts in enumerate(_names_facts(tuple(result.counts), {**absent, **result.why})):
        threshold, presence = result.thresholds.get(facts["name"]), result.presence.get(facts["name"])
        described.append(facts | {
            "presence": None if presence is None else round_presence(presence, 4),
            "threshold": threshold and threshold.line, "default_value": threshold and byte_of(threshold.line),
            "area_m2": None if heat is None else [round(float(area), 2) for area in heat.areas(index)],
            "unit": "px" if heat is not None and heat.grid.crs is None else "m2",
        })  # fmt: skip
    return described


def _is_absent(result: FindResult, name: str) -> bool:
    return not result.counts[name] and result.presence.get(name, 1.0) < ABSENT


def _names_facts(names: tuple[str, ...], why: Mapping[str, str]) -> list[dict[str, Any]]:
    """What is known of each name before it was looked for."""
    return [
        {"name": name, "index": index, "why": why.get(name, ""), "color": colour}
        for index, (name, colour) in enumerate(zip(names, colours_of(names), strict=True))
    ]


def colours_of(names: Sequence[str]) -> list[str]:
    """The colour of each name in all results, as #rrggbb."""
    return list(map(hex_of, Legend(tuple(names)).colours))


def do_find(task: dict[str, Any], report: Report) -> Done:
    """Find objects, with the vectors that are kept."""
    body, folder = parse_body(FindBody, task["body"]), Path(task["folder"])
    dense = dense_model(*task["model"])
    places = None if body.places is None else write_features(body.places, folder / "places.geojson")
    options = replace(body.options, vectors=_vectors(task), area=write_area(body.area, folder), points=places,
                      overlay=False)  # fmt: skip
    words = None if body.words is None else names_of(body.words)
    with open_scene(task["source"], body.read, dense.card.resolution) as raster:
        result = find(raster, words, model=dense, read=body.read, options=options, refiner=body.refine,
                      progress=advance(report))  # fmt: skip
        grid = raster.grid
    return _document(result, grid, folder), b""


def _document(result: FindResult, grid: Grid, folder: Path) -> dict[str, Any]:
    """The document of `find`, which lists the first objects and names the files of all."""
    document = result.to_json()
    document["objects"] = document["objects"][:_MOST_LISTED]
    return document | {"found": len(result.objects), "files": write_objects(result.objects, grid, folder)}


def do_segment(task: dict[str, Any], report: Report) -> Done:
    """Map classes."""
    from geoglot.tasks.segment.segment import segment

    body, folder = parse_body(SegmentBody, task["body"]), Path(task["folder"])
    model, taught = _model(task["model"]), [_model(each) for each in task["also"]]
    result = segment(
        task["source"], names_of(body.words), folder / "map.tif", model=_together([model, *taught]),
        polygons=folder / "map.gpkg", read=body.read, options=replace(body.options, area=write_area(body.area, folder)),
        overwrite=True, progress=advance(report),
    )  # fmt: skip
    document = result.to_json()
    for share in document["classes"]:
        share["color"] = hex_of(result.legend.colour_of(share["name"]))
    files = [name for name in ("map.tif", "map.gpkg", "map.scores.tif", "map.overlay.png") if (folder / name).exists()]
    return document | {"files": files}, b""


def _model(place: Sequence[str]) -> Model:
    return model_of(dense_model(*place))


def _together(models: Sequence[Model]) -> Model:
    """Several taught models as one; one model is itself. InputError for others."""
    taught = [model for model in models if isinstance(model, Taught)]
    if len(models) == 1:
        return models[0]
    if len(taught) < len(models):
        raise InputError("only models that were taught here are taken together")
    return join_taught(taught)


def do_ask(task: dict[str, Any], report: Report) -> Done:
    """Answer a question about a scene."""
    from geoglot.tasks.ask.ask import ask
    from geoglot.tasks.ask.ask_options import AskOptions

    body, folder = parse_body(AskBody, task["body"]), Path(task["folder"])
    options = AskOptions(find=FindOptions(overlay=False, vectors=_vectors(task), area=write_area(body.area, folder)))
    answer = ask(task["source"], body.question, model=_model(task["model"]), read=body.read,
                 options=options, progress=advance(report))  # fmt: skip
    document = answer.to_json()
    write_bytes(folder / "evidence.geojson", json.dumps(document["evidence"]).encode())
    return document | {"files": ["evidence.geojson"]}, b""


def write_features(document: dict[str, Any], path: Path) -> Path:
    """Features of a request as the file that the doors read; InputError for anything else."""
    if document.get("type") != "FeatureCollection" or not document.get("features"):
        raise InputError("what was drawn must be a FeatureCollection of GeoJSON with at least one feature")
    write_bytes(path, json.dumps(document).encode())
    return path


def write_objects(objects: gpd.GeoDataFrame, grid: Grid, folder: Path) -> list[str]:
    """The table of objects in each format; objects of a scene without a CRS lie where the map shows the scene."""
    if grid.crs is None:
        shapes = to_map(to_pixels(objects.geometry.to_numpy(), grid), placed(grid))
        objects = objects.set_geometry(gpd.GeoSeries(shapes, objects.index, crs=placed(grid).crs))
    elif objects.crs is None:
        objects = objects.set_crs(grid.crs)
    names = ["objects.geojson", "objects.gpkg", "objects.parquet", "objects.csv"]
    for name in names[:-1]:
        write_frames([objects], folder / name, "objects")
    with appears(folder / names[-1]) as draft:
        objects.drop(columns="geometry").to_csv(draft, index=False)
    return names
