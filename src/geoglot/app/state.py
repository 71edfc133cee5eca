"""What all routes of the map share."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response

from geoglot.app.children import Pool
from geoglot.app.jobs import Jobs
from geoglot.app.mercator import DEEPEST, is_tile
from geoglot.app.tile_cache import TileCache
from geoglot.app.workspace import Source, UnknownId, Workspace
from geoglot.errors import GeoglotError

_SECONDS = 60.0  # of one picture


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
        task = "scene" if source.kind == "scene" else "archive"
        try:
            facts, _ = await self.readers.do(task, {"source": source.place, "state": source.state}, _SECONDS)
        except GeoglotError as error:
            return {"error": str(error).replace(source.place, source.name)}
        if "notes" in facts:  # where a file lies is nobody's business
            facts["notes"] = [note.replace(source.place, source.name) for note in facts["notes"]]
        return facts

    async def tile(self, task: str, body: dict[str, Any], key: Hashable) -> bytes:
        """A tile, made or kept."""
        if (kept := self.cache.get(key)) is not None:
            return kept
        _, tile = await self.readers.do(task, body, _SECONDS)
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


TheState = Annotated[State, Depends(_state)]
Base = Annotated[str, Depends(_base)]
TilePlace = Annotated[tuple[int, int, int], Depends(_tile_place)]


def png(tile: bytes, cache: str = "private, max-age=3600") -> Response:
    """A picture as an answer; 204 if there is none."""
    if not tile:
        return Response(status_code=204, headers={"cache-control": cache})
    return Response(tile, media_type="image/png", headers={"cache-control": cache})
