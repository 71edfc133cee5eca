"""Routes of scenes: what is there, files that are dropped, thumbnails and tiles."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from geoglot.app.answers import MapState, Scene
from geoglot.app.guard import TooLarge
from geoglot.app.state import SECONDS, TheState, TilePlace, png
from geoglot.app.workspace import Source
from geoglot.errors import GeoglotError, SourceError
from geoglot.outputs.atomic import disk_errors
from geoglot.version import __version__

router = APIRouter(prefix="/api", tags=["scenes"])


@router.get("/state", response_model=MapState)
async def read_state(state: TheState) -> dict[str, Any]:
    """Everything that a page needs to begin."""
    space = state.space
    scenes = await asyncio.gather(*map(state.describe, space.of_kind("scene")))
    archives = await asyncio.gather(*map(state.describe, space.of_kind("archive", "folder")))
    return {
        "version": __version__, "model": next(iter(space.models)), "models": space.list_models(), "scenes": scenes,
        "archives": archives, "jobs": [job.to_json() for job in state.jobs.list()],
        "upload_mb": state.most_upload // 2**20, "basemap": state.basemap,
    }  # fmt: skip


@router.post("/scenes", status_code=201, response_model=Scene)
async def drop_scene(request: Request, state: TheState, name: Annotated[str, Query(max_length=200)]) -> dict[str, Any]:
    """Open a file whose bytes are the body of the request. One that a child process cannot read is refused."""
    path = state.space.upload_path(name, hashlib.sha256(name.encode()).hexdigest())
    draft = path.with_name(f".{path.name}.{id(request)}.part")
    digest = await keep(draft, request.stream(), state.most_upload)
    path = state.space.upload_path(name, digest)
    was_open = path.exists()  # the same bytes under the same name
    source = state.space.add_upload(draft.replace(path))
    try:
        facts = await state.describe(source)
        if "error" in facts:
            raise SourceError(facts["error"])
        await state.readers.do("thumbnail", {"source": source.place, "side": 32}, SECONDS)  # a file that is cut short
    except GeoglotError as error:
        if not was_open:
            state.space.forget(source.id)
        raise type(error)(str(error).replace(source.place, source.name)) from error
    return facts


async def keep(path: Path, parts: AsyncIterable[bytes], most: int) -> str:
    """Write a file that is sent; its digest. TooLarge, or OutputError if the disk is full: then nothing is left."""
    digest, size = hashlib.sha256(), 0
    try:
        with disk_errors(Path(path.name)), path.open("wb") as file:
            async for part in parts:
                if (size := size + len(part)) > most:
                    raise TooLarge
                digest.update(part)
                await asyncio.to_thread(file.write, part)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


@router.get("/scenes/{scene}", response_model=Scene)
async def read_scene(scene: str, state: TheState) -> dict[str, Any]:
    """Facts of a scene."""
    return await state.describe(state.space.scene(scene))


@router.delete("/scenes/{scene}", status_code=204)
async def forget_scene(scene: str, state: TheState) -> Response:
    """Remove a file that was dropped."""
    state.space.forget(scene)
    return Response(status_code=204)


@router.get("/scenes/{scene}/tiles/{z}/{x}/{y}.png", response_class=Response)
async def scene_tile(scene: str, tile: TilePlace, state: TheState) -> Response:
    """A picture tile, transparent without data; 204 where the scene is not."""
    return png(await picture_tile(state, state.space.scene(scene), tile))


async def picture_tile(state: TheState, source: Source, tile: tuple[int, int, int]) -> bytes:
    """The picture of a scene in a tile."""
    body = {"source": source.place, "state": source.state, "tile": tile}
    return await state.tile("picture", body, (source.id, source.state, tile))


@router.get("/scenes/{scene}/thumbnail.png", response_class=Response)
async def scene_thumbnail(scene: str, state: TheState, side: Annotated[int, Query(ge=16, le=1024)] = 256) -> Response:
    """The whole scene, at most `side` pixels a side."""
    source = state.space.scene(scene)
    body = {"source": source.place, "state": source.state, "side": side}
    return png(await state.tile("thumbnail", body, (source.id, source.state, side)))
