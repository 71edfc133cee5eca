"""OGC API Features: objects, hits and evidence. QGIS, ArcGIS and GDAL read them as they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request

from geoglot.app.job import Job
from geoglot.app.routes_jobs import made_file
from geoglot.app.select_features import GEOJSON, GeoJson, answer, bounds_of, check_known, link
from geoglot.app.state import Base, State, TheAsked, TheState
from geoglot.app.workspace import UnknownId

router = APIRouter(prefix="/ogc", tags=["OGC API"])
_CORE = "http://www.opengis.net/spec/ogcapi"
_CLASSES = [
    *(f"{_CORE}-common-{part}" for part in ("1/1.0/conf/core", "2/1.0/conf/collections")),
    *(f"{_CORE}-features-1/1.0/conf/{name}" for name in ("core", "oas30", "geojson")),
    *(f"{_CORE}-tiles-1/1.0/conf/{name}" for name in ("core", "tileset", "tilesets-list", "dataset-tilesets", "png")),
]
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


@dataclass(frozen=True)
class Collection:
    """Something that another program may open."""

    id: str
    title: str
    description: str
    job: Job | None = None
    """Whose features, or tiles, these are."""
    index: int | None = None
    """Of a name of a heat, for its scores."""
    scene: dict[str, Any] | None = None

    @property
    def has_features(self) -> bool:
        """Whether it has features, or else tiles."""
        return self.scene is None and self.index is None and not self.id.endswith("-map")


async def _collections(state: State, source: str | None = None) -> list[Collection]:
    """All collections; those of a scene or a job only, if there is such a source."""
    scenes = [each for each in state.space.of_kind("scene") if source in (None, each.id)]
    found = [
        Collection(facts["id"], facts["name"], "The picture of a scene", scene=facts)
        for facts in await asyncio.gather(*map(state.describe, scenes))
        if "error" not in facts and facts["placed"]
    ]
    for job in state.jobs.list():
        found += _of_job(job) if job.state == "done" and source in (None, job.id) else []
    return found


def _of_job(job: Job) -> Iterator[Collection]:
    files = (job.result or {}).get("files", [])
    if any(name.endswith(".geojson") for name in files):
        yield Collection(job.id, f"{job.title} ({job.kind})", f"What {job.kind} found", job)
    for name in (job.result or {}).get("names", []):
        about = "Scores: 0 is unknown, else 1 + 254 * score"
        yield Collection(f"{job.id}-{name['index']}", f"{name['name']} (scores)", about, job, name["index"])
    if "map.tif" in files:
        yield Collection(f"{job.id}-map", f"{job.title} (map)", "Classes in the colours of the legend", job)


async def find_collection(name: str, state: State) -> Collection:
    """A collection by its id; UnknownId."""
    for each in await _collections(state, name.partition("-")[0]):
        if each.id == name:
            return each
    raise UnknownId(f"no collection has the id {name[:40]!r}")


def _describe(each: Collection, root: str) -> dict[str, Any]:
    own = f"{root}/collections/{each.id}"
    document: dict[str, Any] = {"id": each.id, "title": each.title, "description": each.description, "crs": [_CRS84]}
    document["links"] = [link("self", own, title=each.title)]
    if each.scene is not None:
        document["extent"] = {"spatial": {"bbox": [each.scene["bounds"]], "crs": _CRS84}}
    if each.has_features:
        document |= {"itemType": "feature"}
        document["links"] += [link("items", f"{own}/items", GEOJSON)]
    else:
        tiles = f"{root}/collections/{each.id}/map/tiles"
        document["links"] += [link("http://www.opengis.net/def/rel/ogc/1.0/tilesets-map", tiles)]
    return document


@router.get("/")
@router.get("", include_in_schema=False)
async def landing(base: Base) -> dict[str, Any]:
    """Where everything is."""
    root = f"{base}/ogc"
    return {
        "title": "geoglot", "description": "What words found, and the scenes in which they were looked for",
        "links": [
            link("self", f"{root}/"), link("service-desc", f"{base}/api/openapi.json",
                                             "application/vnd.oai.openapi+json;version=3.0"),
            link("conformance", f"{root}/conformance"), link("data", f"{root}/collections"),
            link("http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes", f"{root}/tileMatrixSets"),
        ],
    }  # fmt: skip


@router.get("/conformance")
async def conformance() -> dict[str, Any]:
    """What of the standards is kept."""
    return {"conformsTo": _CLASSES}


@router.get("/collections")
async def collections(state: TheState, base: Base) -> dict[str, Any]:
    """Everything that another program may open."""
    root = f"{base}/ogc"
    found = [_describe(each, root) for each in await _collections(state)]
    return {"links": [link("self", f"{root}/collections")], "collections": found}


@router.get("/collections/{name}")
async def collection(name: str, state: TheState, base: Base) -> dict[str, Any]:
    """One collection."""
    return _describe(await find_collection(name, state), f"{base}/ogc")


@router.get("/collections/{name}/items", response_class=GeoJson)
async def items(name: str, state: TheState, base: Base, request: Request, asked: TheAsked) -> dict[str, Any]:
    """The features of a collection, in pages."""
    check_known(request.query_params, ())
    own = f"{base}/ogc/collections/{name}"
    return answer(asked, await _features(name, state), f"{own}/items", [link("collection", own)])


@router.get("/collections/{name}/items/{feature}", response_class=GeoJson)
async def item(name: str, feature: str, state: TheState, base: Base) -> dict[str, Any]:
    """One feature."""
    for each in await _features(name, state):
        if str(each["id"]) == feature:
            root = f"{base}/ogc/collections/{name}"
            return each | {"links": [link("self", f"{root}/items/{feature}", GEOJSON), link("collection", root)]}
    raise UnknownId(f"the collection has no feature {feature[:40]!r}")


async def _features(name: str, state: State) -> list[dict[str, Any]]:
    found = await find_collection(name, state)
    if found.job is None or not found.has_features:
        raise UnknownId(f"{name} has tiles, and no features")
    [kind] = [name for name in found.job.result["files"] if name.endswith(".geojson")] if found.job.result else [""]
    path = made_file(state, found.job.id, kind)
    return await asyncio.to_thread(_read, str(path), path.stat().st_mtime_ns)


@lru_cache(4)
def _read(path: str, _: int) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a text makes a key of the cache
        features: list[dict[str, Any]] = json.load(file)["features"]
    for number, each in enumerate(features, 1):
        each["id"] = each["properties"].get("id", number)
        each["bbox"] = bounds_of(each["geometry"])
    return features
