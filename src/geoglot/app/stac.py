"""STAC API: archives as collections, and the parts of their sources as items. QGIS and pystac-client read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import shapely
from fastapi import APIRouter, Body, Query, Request

from geoglot.app.select_features import DEFAULT, GEOJSON, Asked, GeoJson, answer, check_known, link
from geoglot.app.state import Base, State, TheAsked, TheState
from geoglot.app.workspace import Source, UnknownId
from geoglot.errors import InputError

router = APIRouter(prefix="/stac", tags=["STAC API"])
_VERSION = "1.0.0"
_API = "https://api.stacspec.org/v1.0.0"
_CLASSES = [
    f"{_API}/core", f"{_API}/collections", f"{_API}/ogcapi-features", f"{_API}/item-search",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
]  # fmt: skip
_LISTS = ("ids", "collections", "intersects")
Text = Annotated[str | None, Query(max_length=4000)]


@router.get("/")
@router.get("", include_in_schema=False)
async def landing(state: TheState, base: Base) -> dict[str, Any]:
    """The catalogue of all archives."""
    root = f"{base}/stac"
    children = [link("child", f"{root}/collections/{each.id}", title=each.name) for each in _archives(state)]
    return {
        "type": "Catalog", "id": "geoglot", "stac_version": _VERSION, "title": "geoglot",
        "description": "Archives that can be searched by words", "conformsTo": _CLASSES,
        "links": [
            link("self", f"{root}/"), link("root", f"{root}/"), link("conformance", f"{root}/conformance"),
            link("data", f"{root}/collections"),
            link("service-desc", f"{base}/api/openapi.json", "application/vnd.oai.openapi+json;version=3.0"),
            link("search", f"{root}/search", GEOJSON, method="GET"),
            link("search", f"{root}/search", GEOJSON, method="POST"), *children,
        ],
    }  # fmt: skip


@router.get("/conformance")
async def conformance() -> dict[str, Any]:
    """What of the standards is kept."""
    return {"conformsTo": _CLASSES}


@router.get("/collections")
async def collections(state: TheState, base: Base) -> dict[str, Any]:
    """All archives."""
    root = f"{base}/stac"
    found = [await _describe(each, state, root) for each in _archives(state)]
    return {"collections": found, "links": [link("self", f"{root}/collections"), link("root", f"{root}/")]}


@router.get("/collections/{name}")
async def collection(name: str, state: TheState, base: Base) -> dict[str, Any]:
    """One archive."""
    return await _describe(_archive(name, state), state, f"{base}/stac")


def _archives(state: State) -> list[Source]:
    return state.space.of_kind("archive")


def _archive(name: str, state: State) -> Source:
    source = state.space.archive(name)
    if source.kind != "archive":
        raise UnknownId(f"no archive has the id {name[:40]!r}")
    return source


async def _describe(source: Source, state: State, root: str) -> dict[str, Any]:
    facts = await state.describe(source)
    own = f"{root}/collections/{source.id}"
    bounds = facts.get("bounds") or [-180, -90, 180, 90]
    return {
        "type": "Collection", "id": source.id, "stac_version": _VERSION, "title": source.name, "license": "other",
        "description": facts.get("error") or f"{facts.get('chips') or 0} chips by {facts.get('model')}",
        "extent": {"spatial": {"bbox": [list(bounds)]},
                   "temporal": {"interval": [[_utc(facts.get("first")), _utc(facts.get("last"))]]}},
        "links": [link("self", own), link("root", f"{root}/"), link("parent", f"{root}/"),
                  link("items", f"{own}/items", GEOJSON)],
    }  # fmt: skip


def _utc(moment: str | None) -> str | None:
    return None if moment is None else f"{moment[:19]}Z"


async def _items(source: Source, state: State, root: str) -> list[dict[str, Any]]:
    document = json.loads(await state.tile("items", {"source": source.place}, (source.id, source.state, "items")))
    own = f"{root}/collections/{source.id}"
    return [
        {
            "type": "Feature", "stac_version": _VERSION, "stac_extensions": [], "collection": source.id, **each,
            "links": [link("self", f"{own}/items/{each['id']}", GEOJSON), link("root", f"{root}/"),
                      link("parent", own), link("collection", own)],
        }
        for each in document
    ]  # fmt: skip


@router.get("/collections/{name}/items", response_class=GeoJson)
async def items(name: str, state: TheState, base: Base, request: Request, asked: TheAsked) -> dict[str, Any]:
    """The items of an archive, in pages."""
    check_known(request.query_params, ())
    root = f"{base}/stac"
    found = await _items(_archive(name, state), state, root)
    return answer(asked, found, f"{root}/collections/{name}/items", [link("root", f"{root}/")])


@router.get("/collections/{name}/items/{item}", response_class=GeoJson)
async def item(name: str, item: str, state: TheState, base: Base) -> dict[str, Any]:
    """One item."""
    for each in await _items(_archive(name, state), state, f"{base}/stac"):
        if each["id"] == item:
            return each
    raise UnknownId(f"the archive has no item {item[:40]!r}")


@router.get("/search", response_class=GeoJson)
async def search(
    state: TheState, base: Base, request: Request, asked: TheAsked, ids: Text = None, collections: Text = None,
    intersects: Text = None,
) -> dict[str, Any]:  # fmt: skip
    """Items of all archives by place, time, id and collection."""
    check_known(request.query_params, _LISTS)
    lists = [None if text is None else text.split(",") for text in (ids, collections)]
    given = {"ids": ids, "collections": collections, "intersects": intersects}
    return await _search(state, f"{base}/stac", asked, (lists[0], lists[1]), intersects, given)


@router.post("/search", response_class=GeoJson)
async def search_post(state: TheState, base: Base, query: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """The same, with a JSON document."""
    check_known((key for key, value in query.items() if value is not None), _LISTS)
    limit, offset, moment = query.get("limit", DEFAULT), query.get("offset", 0), query.get("datetime")
    lists = query.get("ids"), query.get("collections")
    if not (isinstance(limit, int) and limit >= 1 and isinstance(offset, int) and offset >= 0):
        raise InputError("limit must be a whole number of at least 1, and offset one of at least 0")
    if not all(
        each is None or (isinstance(each, list) and all(isinstance(part, str) for part in each)) for each in lists
    ):
        raise InputError("ids and collections must be lists of texts")
    if moment is not None and not isinstance(moment, str):
        raise InputError("datetime must be a text")
    if isinstance(query.get("bbox"), str):
        raise InputError("bbox must be a list of numbers in a document")
    shape = query.get("intersects")
    asked = Asked.of(query.get("bbox"), moment, limit, offset)
    return await _search(state, f"{base}/stac", asked, lists, None if shape is None else json.dumps(shape), query,
                         post=True)  # fmt: skip


async def _search(
    state: State, root: str, asked: Asked, lists: tuple[Sequence[str] | None, Sequence[str] | None],
    intersects: str | None, given: dict[str, Any], *, post: bool = False,
) -> dict[str, Any]:  # fmt: skip
    ids, wanted = lists
    if intersects is not None and asked.box is not None:
        raise InputError("give bbox or intersects, not both")
    found = [
        each
        for source in _archives(state)
        if wanted is None or source.id in wanted
        for each in await _items(source, state, root)
        if ids is None or each["id"] in ids
    ]
    if intersects is not None:
        found = _touching(found, intersects)
    return answer(asked, found, f"{root}/search", [link("root", f"{root}/")], given=given, post=post)


def _touching(items: list[dict[str, Any]], intersects: str) -> list[dict[str, Any]]:
    try:
        shape = shapely.from_geojson(intersects)
        return [each for each in items if shape.intersects(shapely.from_geojson(json.dumps(each["geometry"])))]
    except (shapely.errors.ShapelyError, UnicodeDecodeError) as error:  # GEOS cuts its messages within a letter
        raise InputError("intersects must be a geometry of GeoJSON") from error
