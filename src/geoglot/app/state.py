"""What all routes of the map share."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response

from geoglot.app.children import Pool
from geoglot.app.job import without_places
from geoglot.app.jobs import Jobs
from geoglot.app.mercator import DEEPEST, is_tile
from geoglot.app.select_features import DEFAULT, Asked
from geoglot.app.tile_cache import TileCache
from geoglot.app.workspace import Source, UnknownId, Workspace
from geoglot.errors import ChildError, GeoglotError, LimitError

SECONDS = 60.0  # of one picture


@dataclass
class State:
    """The parts of a running map."""

    space: Workspace
    readers: Pool
    jobs: Jobs
    cache: TileCache
    basemap: str | None
    most_upload: int
    _facts: dict[tuple[str, str], asyncio.Task[dict[str, Any]]] = field(default_factory=dict)

    async def describe(self, source: Source) -> dict[str, Any]:
        """Facts of a source, which are read once; one that cannot be read has an error instead."""
        key = (source.id, source.state)
        if key not in self._facts:
            self._facts[key] = asyncio.create_task(self._read_facts(source))
        facts = await asyncio.shield(self._facts[key])
        return {"id": source.id, "name": source.name, "kind": source.kind, "dropped": source.dropped} | facts

    async def _read_facts(self, source: Source) -> dict[str, Any]:
        task, shown = "scene" if source.kind == "scene" else "archive", {source.place: source.name}
        try:
            facts, _ = await self.readers.do(task, {"source": source.place, "state": source.state}, SECONDS)
        except GeoglotError as error:
            facts = {"error": str(error)}
            if isinstance(error, ChildError | LimitError):  # of this moment, and not of the file
                self._facts.pop((source.id, source.state), None)
        document: dict[str, Any] = without_places(facts, shown)
        return document

    async def tile(self, task: str, body: dict[str, Any], key: Hashable) -> bytes:
        """A tile, made or kept."""
        if (kept := self.cache.get(key)) is not None:
            return kept
        _, tile = await self.readers.do(task, body, SECONDS)
        self.cache.put(key, tile)
        return tile


def _state(request: Request) -> State:
    state: State = request.app.state.map
    return state


def _base(request: Request) -> str:
    """The address of the map as the caller wrote it, for links in documents of other programs."""
    host = request.headers.get("x-forwarded-host", request.headers.get("host", ""))
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    return f"{scheme}://{host}{request.scope.get('geoglot.base', '')}"


def _tile_place(
    z: Annotated[int, Path(ge=0, le=DEEPEST)], x: Annotated[int, Path(ge=0)], y: Annotated[int, Path(ge=0)]
) -> tuple[int, int, int]:
    if not is_tile(z, x, y):
        raise UnknownId(f"there is no tile {z}/{x}/{y}")
    return z, x, y


def _asked(
    limit: Annotated[int, Query(ge=1)] = DEFAULT,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    bbox: Annotated[str | None, Query(max_length=200)] = None,
    datetime: Annotated[str | None, Query(max_length=100)] = None,
) -> Asked:
    return Asked.of(bbox, datetime, limit, offset)


TheState = Annotated[State, Depends(_state)]
Base = Annotated[str, Depends(_base)]
TheAsked = Annotated[Asked, Depends(_asked)]
TilePlace = Annotated[tuple[int, int, int], Depends(_tile_place)]


def png(tile: bytes, *, lasting: bool = True) -> Response:
    """A picture as an answer; 204 if there is none.

    A browser may keep one that is `lasting`, and asks whether it still holds: files are replaced while a map is open.
    """
    headers = {"cache-control": "private, no-cache" if lasting else "no-store"}
    if lasting:
        headers["etag"] = f'"{hashlib.sha256(tile).hexdigest()[:32]}"'
    if not tile:
        return Response(status_code=204, headers=headers)
    return Response(tile, media_type="image/png", headers=headers)
