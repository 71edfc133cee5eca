"""A real STAC API: stac-fastapi (https://github.com/stac-utils/stac-fastapi) over a list of items, under uvicorn."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import attr
import shapely
import uvicorn
from stac_fastapi.api.app import StacApi
from stac_fastapi.api.models import create_get_request_model, create_post_request_model
from stac_fastapi.extensions.pagination import TokenPaginationExtension
from stac_fastapi.extensions.query import QueryExtension
from stac_fastapi.types.config import ApiSettings
from stac_fastapi.types.core import BaseCoreClient
from stac_fastapi.types.errors import NotFoundError
from starlette.middleware import Middleware

PAGE = 3  # items a page at most, so that there are pages


@attr.s
class _Items(BaseCoreClient):
    """Items in memory; searches by collection, box, time and numbers of properties."""

    items: list[dict[str, Any]] = attr.ib(factory=list)
    collection: dict[str, Any] = attr.ib(factory=dict)

    def post_search(self, search_request: Any, **kwargs: Any) -> Any:
        found = [item for item in self.items if _fits(item, search_request)]
        first, size = int(search_request.token or 0), min(search_request.limit or PAGE, PAGE)
        base = str(kwargs["request"].base_url)
        links = []
        if first + size < len(found):
            body = {"token": str(first + size)}
            links = [{"rel": "next", "method": "POST", "href": f"{base}search", "body": body, "merge": True}]
        return {"type": "FeatureCollection", "features": found[first : first + size], "links": links}

    def get_search(self, *args: Any, **kwargs: Any) -> Any:
        raise NotFoundError("this one takes POST")

    def get_item(self, item_id: str, collection_id: str, **kwargs: Any) -> Any:
        return next(item for item in self.items if item["id"] == item_id)

    def all_collections(self, **kwargs: Any) -> Any:
        return {"collections": [self.collection], "links": []}

    def get_collection(self, collection_id: str, **kwargs: Any) -> Any:
        return self.collection

    def item_collection(self, *args: Any, **kwargs: Any) -> Any:
        return {"type": "FeatureCollection", "features": self.items, "links": []}


def _fits(item: dict[str, Any], asked: Any) -> bool:
    box = shapely.box(*asked.bbox) if asked.bbox else shapely.box(-180, -90, 180, 90)
    start, end = asked.start_date, asked.end_date
    moment = item["properties"]["datetime"]
    limits = getattr(asked, "query", None) or {}
    return (
        item["collection"] in (asked.collections or [item["collection"]])
        and shapely.geometry.shape(item["geometry"]).intersects(box)
        and (start is None or start.isoformat()[:19] <= moment[:19])
        and (end is None or moment[:19] <= end.isoformat()[:19])
        and all(item["properties"].get(name, 0) < rule["lt"] for name, rule in limits.items())
    )


@dataclass
class _Faulty:
    """Middleware that breaks the n-th searches."""

    app: Any
    faults: dict[int, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/search":
            await self.app(scope, receive, send)
            return
        fault = self.faults.pop(len(self.seen), "")
        self.seen.append(fault)
        if not fault:
            await self.app(scope, receive, send)
            return
        status, kind, body = {
            "500": (500, b"application/json", b'{"detail": "oops"}'),
            "429": (429, b"text/plain", b"slow down"),
            "truncated body": (200, b"application/geo+json", b'{"type": "FeatureCollection", "features": [{'),
            "wrong content type": (200, b"text/html", b"<html>Please log in</html>"),
        }[fault]
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"retry-after", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass
class StacPeer:
    url: str
    faults: dict[int, str]
    """Ordered: by the number of the search."""
    searches: list[str]
    """The fault, or nothing, of each search that came."""


def collection_of(name: str) -> dict[str, Any]:
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2010-01-01T00:00:00Z", None]]}}
    return {
        "type": "Collection", "id": name, "stac_version": "1.0.0", "description": name, "license": "other",
        "extent": extent, "links": [],
    }  # fmt: skip


def item_of(
    name: str, collection: str, outline: Any, moment: str, assets: dict[str, str], **facts: Any
) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": collection, "links": [],
        "geometry": shapely.geometry.mapping(outline), "bbox": list(outline.bounds),
        "properties": {"datetime": moment, **facts},
        "assets": {key: {"href": href, "type": "image/tiff"} for key, href in assets.items()},
    }  # fmt: skip


@contextmanager
def stac_peer(items: Sequence[dict[str, Any]], collection: str) -> Iterator[StacPeer]:
    """One on loopback that ends with the block."""
    extensions = [QueryExtension(), TokenPaginationExtension()]
    faults: dict[int, str] = {}
    seen: list[str] = []
    logging.getLogger("stac_fastapi").setLevel(logging.ERROR)
    api = StacApi(
        settings=ApiSettings(enable_response_models=False, stac_fastapi_title="peer"),
        client=_Items(items=list(items), collection=collection_of(collection)),
        extensions=extensions,
        search_get_request_model=create_get_request_model(extensions),
        search_post_request_model=create_post_request_model(extensions),
        middlewares=[Middleware(_Faulty, faults=faults, seen=seen)],
    )
    server = uvicorn.Server(uvicorn.Config(api.app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield StacPeer(f"http://127.0.0.1:{port}", faults, seen)
    finally:
        server.should_exit = True
        thread.join(5)
