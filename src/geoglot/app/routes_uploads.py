"""Routes for files that say what is meant: a picture to search by, and the polygons of an area."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from geoglot.app.answers import Area, Picture
from geoglot.app.routes_scenes import keep
from geoglot.app.state import SECONDS, TheState
from geoglot.app.workspace import plain_stem
from geoglot.errors import GeoglotError, InputError

router = APIRouter(prefix="/api", tags=["uploads"])
#: Bytes of a picture, and of a file of an area
MOST = 64 * 2**20
_AREAS = (".geojson", ".json", ".gpkg", ".kml", ".kmz", ".fgb", ".parquet", ".zip")
FileName = Annotated[str, Query(max_length=200)]


@router.post("/pictures", status_code=201, response_model=Picture)
async def drop_picture(request: Request, state: TheState, name: FileName) -> dict[str, Any]:
    """Keep a picture, the bytes of the request, that searches take as an example of what is meant."""
    draft = state.space.picture_path(name, secrets.token_hex(8))
    digest = await keep(draft, request.stream(), MOST)
    path = state.space.picture_path(name, digest)
    was_there = path.exists()
    draft.replace(path)
    try:
        await state.readers.do("thumbnail", {"source": str(path), "side": 32}, SECONDS)
    except GeoglotError as error:
        if not was_there:
            path.unlink(missing_ok=True)
        raise type(error)(str(error).replace(str(path), name)) from error
    state.space.trim_pictures()
    return {"id": path.name, "name": name}


@router.post("/areas", response_model=Area)
async def read_area(request: Request, state: TheState, name: FileName) -> dict[str, Any]:
    """The polygons in a vector file, the bytes of the request, in longitude and latitude. The file is not kept."""
    suffix = Path(name).suffix.lower()
    if suffix not in _AREAS:
        raise InputError(f"an area is read from {', '.join(_AREAS)}, got a file {name[:80]!r}")
    path = state.space.folder / "pictures" / f".{plain_stem(name)}.{secrets.token_hex(8)}{suffix}"
    try:
        await keep(path, request.stream(), MOST)
        document, _ = await state.readers.do("polygons", {"file": str(path)}, SECONDS)
    except GeoglotError as error:
        raise type(error)(str(error).replace(str(path), name)) from error
    finally:
        path.unlink(missing_ok=True)
    return document
