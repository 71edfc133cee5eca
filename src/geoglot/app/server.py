"""The server of the map: puts its parts together. Everything heavy is done by child processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from geoglot.aliases import PathLike
from geoglot.app import (
    features,
    page_files,
    routes_archives,
    routes_audits,
    routes_jobs,
    routes_scenes,
    routes_uploads,
    samgeo,
    stac,
    tilesets,
)
from geoglot.app.bodies import first_fault
from geoglot.app.children import Pool
from geoglot.app.guard import Guard, Rules, TooLarge, origin_of
from geoglot.app.job import Job, without_places
from geoglot.app.jobs import Jobs
from geoglot.app.state import State
from geoglot.app.statuses import status_of, tell
from geoglot.app.tile_cache import TileCache
from geoglot.app.workspace import Workspace, workspace_folder
from geoglot.errors import GeoglotError
from geoglot.outputs.atomic import disk_errors, hold
from geoglot.settings import Settings
from geoglot.version import __version__

READERS, WORKERS = 2, 2
_STANDARD = ("/ogc", "/stac")
_NICE = 10  # of workers, so that pictures come first


@dataclass(frozen=True)
class Serve:
    """What a map is started with."""

    places: Sequence[PathLike]
    rules: Rules
    model: PathLike = "mini"
    basemap: str | None = None
    """The address of tiles {z}/{x}/{y} of a base map; None needs no network."""


def create_app(serve: Serve, settings: Settings) -> ASGIApp:
    """The server of some sources. SourceError if one is not there, OutputError if the same map is running already."""
    folder = workspace_folder(settings.cache, serve.places)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    space = Workspace.open(folder, serve.places, list(dict.fromkeys([serve.model, "mini"])))
    readers = Pool(READERS, 0)
    workers = Pool(WORKERS, _NICE, ("warm", {"model": space.model(Path(serve.model).name)}))
    jobs = Jobs(folder / "jobs", workers, _tasks_of(space), settings.serve_seconds)
    state = State(space, readers, jobs, TileCache(), serve.basemap, settings.serve_upload_mb * 2**20)

    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as stack:
            stack.enter_context(hold(folder))
            space.clear_drafts()
            warming: list[asyncio.Task[Any]] = [asyncio.create_task(pool.warm()) for pool in (readers, workers)]
            warming += [asyncio.create_task(state.describe(source)) for source in space.sources.values()]
            await jobs.restore()
            yield
            for task in warming:
                task.cancel()
            await jobs.close()
            await asyncio.gather(readers.close(), workers.close())

    app = make_api(live)
    app.state.map = state
    return Guard(app, serve.rules, origin_of(serve.basemap) if serve.basemap else "")


def make_api(live: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None) -> FastAPI:
    """All routes and errors. Its OpenAPI document is what the page is typed by (`scripts/openapi.py`)."""
    app = FastAPI(
        title="geoglot", version=__version__, lifespan=live, openapi_url="/api/openapi.json", docs_url=None,
        redoc_url=None, summary="Say it in words, see it on the map", redirect_slashes=False,
    )  # fmt: skip
    for part in (routes_scenes, routes_uploads, routes_jobs, routes_audits, routes_archives, features, tilesets, stac,
                 samgeo, page_files):  # fmt: skip
        app.include_router(part.router)
    _tell_errors(app)
    return app


def _tasks_of(space: Workspace) -> Callable[[Job], dict[str, Any]]:
    """What a child is told of a job: the body, and the places that its ids stand for."""

    def make(job: Job) -> dict[str, Any]:
        body, folder = job.body, str(space.folder / "jobs" / job.id)
        if job.kind == "search":
            sources = [space.archive(body["archive"])]
        elif job.kind == "audit":
            sources = []
        else:
            sources = [space.scene(scene) for scene in body.get("scenes") or [body["scene"]]]
        places = [source.place for source in sources]
        shown = {f"{folder}/": ""} | space.shown()
        task: dict[str, Any] = {"body": body, "folder": folder, "vectors": str(space.folder / "vectors"),
                                "source": next(iter(places), ""), "sources": places, "shown": shown}  # fmt: skip
        if job.kind == "search":
            task["state"], task["image"] = sources[0].content, body.get("image") and str(space.picture(body["image"]))
        elif job.kind == "audit":
            task["map"] = str(space.folder / "jobs" / body["map"])
        else:
            task["model"], task["also"] = space.model(body["model"]), list(map(space.model, body.get("also", [])))
        if job.kind == "teach":
            task["output"] = str(space.taught_folder(body["name"]))
        return task

    return make


def _tell_errors(app: FastAPI) -> None:
    async def known(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(without_places(tell(error), request.app.state.map.space.shown()), status_of(error))

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # nobody reads it: the client went while it was sending

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        message = first_fault(cast(RequestValidationError, error).errors())[:400]
        status = 400 if request.url.path.startswith(_STANDARD) else 422  # OGC and STAC say so
        return JSONResponse({"error": {"kind": "InputError", "message": message}}, status)

    async def plain(_: Request, error: Exception) -> JSONResponse:
        error = cast(HTTPException, error)
        return JSONResponse({"error": {"kind": "Refused", "message": str(error.detail)}}, error.status_code)

    for kind in (GeoglotError, TooLarge):
        app.add_exception_handler(kind, known)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
