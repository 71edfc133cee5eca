"""The routes of samgeo-api (segment-geospatial), so that programs made for it get a model that runs on any computer.

GeoLibre: GEOLIBRE_ML_SAMGEO_URL=http://127.0.0.1:PORT/key/TOKEN/samgeo. Polygons come in longitude and latitude.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import AsyncIterator
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from geoglot.app.bodies import FindBody
from geoglot.app.children import error_of
from geoglot.app.routes_jobs import made_file, submit
from geoglot.app.routes_scenes import keep
from geoglot.app.select_features import bounds_of
from geoglot.app.state import State, TheState
from geoglot.app.workspace import UnknownId
from geoglot.errors import GeoglotError, InputError, LimitError
from geoglot.options import FindOptions
from geoglot.version import __version__

router = APIRouter(prefix="/samgeo", tags=["samgeo-api"])
_DEFAULT = 0.5  # their threshold, which stands for one that the scene gives
_FORMATS = ("geojson", "detections")
_LONGEST = 1800.0  # seconds that their clients wait
_PART = 2**20
Uploaded = Annotated[UploadFile, File()]
Word = Annotated[str, Form(max_length=2000)]
Pixels = Annotated[int, Form(ge=0, le=2**40)]
Coordinates = Annotated[str | None, Form(max_length=2**20)]


@router.get("/health")
async def health() -> dict[str, Any]:
    """Whether it is there."""
    return {"status": "ok", "version": __version__}


@router.get("/models")
async def models(state: TheState) -> dict[str, Any]:
    """The models; whatever a client asks for as SAM is answered by the map's own."""
    return {"models": {"sam3": state.space.list_models()}, "loaded": [next(iter(state.space.models))]}


@router.post("/segment/text")
async def segment_text(
    state: TheState,
    file: Uploaded,
    prompt: Word,
    output_format: Word = "geojson",
    confidence_threshold: Annotated[float, Form(ge=0, lt=1)] = _DEFAULT,
    min_size: Pixels = 0,
    max_size: Pixels = 0,
) -> dict[str, Any]:
    """Objects by words; sizes are in pixels, and 0 is no limit."""
    _check_format(output_format)
    score = None if confidence_threshold in (0, _DEFAULT) else confidence_threshold

    def ask(scene: dict[str, Any]) -> FindBody:
        pixel = (scene["resolution_m"] or 1.0) ** 2  # without a CRS, `find` refuses sizes and says why
        least, most = (size * pixel if size else None for size in (min_size, max_size))
        return FindBody(scene["id"], [prompt], options=FindOptions(min_score=score, min_area=least, max_area=most))

    return await _find(state, file, ask, output_format)


@router.post("/segment/predict")
async def segment_predict(
    state: TheState, file: Uploaded, output_format: Word = "geojson", point_coords: Coordinates = None,
    point_labels: Coordinates = None, boxes: Coordinates = None, point_crs: Word = "",
) -> dict[str, Any]:  # fmt: skip
    """Objects at points and in boxes. Coordinates must be longitude and latitude: point_crs=EPSG:4326."""
    _check_format(output_format)
    if point_crs != "EPSG:4326":
        raise InputError("point_crs must be EPSG:4326: points and boxes are taken in longitude and latitude")
    places = _places(point_coords, point_labels, boxes)
    return await _find(state, file, lambda scene: FindBody(scene["id"], places=places), output_format)


@router.post("/segment/automatic", status_code=501)
async def segment_automatic() -> None:
    """Everything without a word is what this model cannot do."""
    raise NotOffered("geoglot outlines what words name: use /segment/text")


class NotOffered(GeoglotError):
    """A route of others that has no counterpart here."""


def _check_format(name: str) -> None:
    if name not in _FORMATS:
        raise InputError(f"output_format must be {' or '.join(_FORMATS)}, got {name[:40]!r}")


def _places(points: str | None, labels: str | None, boxes: str | None) -> dict[str, Any]:
    """Points and boxes as features; points with the label 0, which show what is not meant, are left out."""
    try:
        pairs = [[float(part) for part in pair[:2]] for pair in json.loads(points or "[]")]
        kinds = [int(kind) for kind in json.loads(labels)] if labels else [1] * len(pairs)
        corners = [[float(part) for part in box[:4]] for box in json.loads(boxes or "[]")]
        if not all(map(math.isfinite, chain(*pairs, *corners))):
            raise ValueError("NaN is no place")
        shapes = [{"type": "Point", "coordinates": pair} for pair, kind in zip(pairs, kinds, strict=True) if kind]
        shapes += [_box(*corner) for corner in corners]
    except (TypeError, ValueError, IndexError, RecursionError) as error:
        raise InputError(
            "point_coords and boxes must be JSON lists of [x, y] and of [xmin, ymin, xmax, ymax], all finite"
        ) from error
    return {"type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": {}, "geometry": shape} for shape in shapes]}  # fmt: skip


def _box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    east += 360 * (east < west)  # across the antimeridian
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


async def _find(state: State, file: UploadFile, ask: Any, output_format: str) -> dict[str, Any]:
    """Keep the file, find objects in it, and forget both."""
    path = state.space.upload_path(file.filename or "image.tif", secrets.token_hex(8))
    path = path.with_name(f".{path.name}")  # a draft: gone when the map is started again
    await keep(path, _parts_of(file), state.most_upload)
    source = state.space.add_upload(path)
    try:
        scene = await state.describe(source)
        if "error" in scene:
            raise InputError(scene["error"])
        job = submit(ask(scene), state)
        try:
            await state.jobs.wait(job, _LONGEST)
            if not job.ended:
                raise LimitError(f"this took more than {_LONGEST:g} s")
            if job.error:
                raise error_of(job.error)
            found = json.loads(made_file(state, job.id, "objects.geojson").read_text())
        finally:
            await state.jobs.remove(job.id)
    finally:
        state.space.forget(source.id)
    return _answer(found, output_format)


async def _parts_of(file: UploadFile) -> AsyncIterator[bytes]:
    while part := await file.read(_PART):
        yield part


def _answer(found: dict[str, Any], output_format: str) -> dict[str, Any]:
    if not found["features"]:
        raise UnknownId("No objects found for the given prompt. Please try a different prompt.")
    if output_format == "detections":
        for each in found["features"]:
            each["geometry"] = _box(*(bounds_of(each["geometry"]) or (0.0, 0.0, 0.0, 0.0)))
        found["num_detections"] = len(found["features"])
    return found
