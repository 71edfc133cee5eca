"""Routes of jobs: begin, follow, cancel, and what they made: tiles, objects, files."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse, StreamingResponse

from geoglot.app.bodies import (
    AskBody,
    AuditBody,
    Body,
    ChangeBody,
    FindBody,
    HeatBody,
    SearchBody,
    SegmentBody,
    TeachBody,
    check_no_paths,
    to_document,
)
from geoglot.app.job import Job
from geoglot.app.select_features import GEOJSON
from geoglot.app.state import State, TheState, TilePlace, png
from geoglot.app.workspace import Source, UnknownId
from geoglot.errors import InputError

router = APIRouter(prefix="/api/jobs", tags=["jobs"])
_LONGEST_WAIT = 30.0
_FILE = re.compile(
    r"(objects|hits|map|evidence|change)(\.scores|\.overlay|\.chart)?\.(geojson|gpkg|parquet|csv|tif|png)"
)
_TYPES = {".geojson": GEOJSON, ".gpkg": "application/geopackage+sqlite3", ".csv": "text/csv",
          ".parquet": "application/vnd.apache.parquet", ".tif": "image/tiff", ".png": "image/png"}  # fmt: skip
Wait = Annotated[float, Query(ge=0, le=_LONGEST_WAIT, description="Seconds to wait for the end of the job.")]


def _beginner(state: TheState, response: Response, wait: Wait = 0.0) -> Callable[[Body], Awaitable[dict[str, Any]]]:
    async def begin(body: Body) -> dict[str, Any]:
        job = submit(body, state)
        if wait:
            await state.jobs.wait(job, wait)
        response.status_code = 200 if job.ended else 202
        return job.to_json()

    return begin


Begin = Annotated[Callable[[Body], Awaitable[dict[str, Any]]], Depends(_beginner)]


@router.post("/heat", status_code=202, response_model=Job)
async def heat(body: HeatBody, begin: Begin) -> dict[str, Any]:
    """Score words all over a scene, and find their objects by the threshold that the scene gives."""
    return await begin(body)


@router.post("/find", status_code=202, response_model=Job)
async def find(body: FindBody, begin: Begin) -> dict[str, Any]:
    """Find objects by a threshold, in an area, with refined outlines."""
    return await begin(body)


@router.post("/segment", status_code=202, response_model=Job)
async def segment(body: SegmentBody, begin: Begin) -> dict[str, Any]:
    """Map classes."""
    return await begin(body)


@router.post("/teach", status_code=202, response_model=Job)
async def teach(body: TeachBody, begin: Begin) -> dict[str, Any]:
    """Teach a model by labels."""
    return await begin(body)


@router.post("/ask", status_code=202, response_model=Job)
async def ask(body: AskBody, begin: Begin) -> dict[str, Any]:
    """Ask a question about a scene."""
    return await begin(body)


@router.post("/search", status_code=202, response_model=Job)
async def search(body: SearchBody, begin: Begin) -> dict[str, Any]:
    """Search an archive."""
    return await begin(body)


@router.post("/change", status_code=202, response_model=Job)
async def change(body: ChangeBody, begin: Begin) -> dict[str, Any]:
    """Compare dates of one place."""
    return await begin(body)


@router.post("/audit", status_code=202, response_model=Job)
async def audit(body: AuditBody, begin: Begin) -> dict[str, Any]:
    """Draw a random sample of a map that a job made, to be decided place by place."""
    return await begin(body)


def submit(body: Body, state: State) -> Job:
    """Begin a job; UnknownId for a scene, an archive, a model or a map that is not there, InputError for a path."""
    check_no_paths(body)
    space, models = state.space, list[str]()
    if isinstance(body, TeachBody):
        space.taught_folder(body.name)
    if isinstance(body, AuditBody):
        _check_map(state.jobs.get(body.map))
        return state.jobs.submit(body.kind, to_document(body), {})
    if isinstance(body, SearchBody):
        sources = [space.archive(body.archive)]
        if body.image is not None:
            space.picture(body.image)
    else:
        scenes = body.scenes if isinstance(body, ChangeBody) else [body.scene]
        sources, models = [space.scene(scene) for scene in scenes], [body.model]
    if isinstance(body, SegmentBody):
        models += body.also
    states = [" ".join(source.content for source in sources), " ".join(space.model(model)[1] for model in models)]
    return state.jobs.submit(body.kind, to_document(body), dict(zip(("source", "model"), states, strict=True)))


def _check_map(job: Job) -> None:
    """InputError for a job that made no map of classes."""
    if job.kind not in ("segment", "change") or job.state != "done":
        raise InputError("an audit is of a class map or of a map of change that is made: segment or change")


@router.get("", response_model=list[Job])
async def list_jobs(state: TheState) -> list[dict[str, Any]]:
    """All jobs, the newest last."""
    return [job.to_json() for job in state.jobs.list()]


@router.get("/{job}", response_model=Job)
async def read_job(job: str, state: TheState) -> dict[str, Any]:
    """A job."""
    return state.jobs.get(job).to_json()


@router.delete("/{job}", status_code=204)
async def remove_job(job: str, state: TheState) -> Response:
    """Cancel a job that has not ended; forget one that has."""
    await state.jobs.remove(job)
    return Response(status_code=204)


@router.get("/{job}/events", response_class=StreamingResponse)
async def follow_job(job: str, state: TheState) -> StreamingResponse:
    """Server-sent events: the job, now and whenever it changed, until it ended."""
    found = state.jobs.get(job)

    async def events() -> AsyncIterator[str]:
        async for document in state.jobs.follow(found):
            yield f"data: {json.dumps(document)}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


@router.get("/{job}/scores/{index}/{z}/{x}/{y}.png", response_class=Response)
async def score_tile(job: str, index: int, tile: TilePlace, state: TheState, v: int = 0) -> Response:
    """A tile of scores: 0 where nothing is known, else 1 + 254 * score; 204 for a name that the job does not have.

    `v` is the version of the job.
    """
    found = state.jobs.get(job)
    if found.kind != "heat" or not 0 <= index < 1000:
        raise UnknownId("this job has no such scores")
    body = {"folder": str(state.jobs.place(job)), "index": index, "tile": tile}
    key = (job, found.created, index, tile, found.version)  # a job that is begun again counts its versions anew
    return png(await state.tile("score", body, key), lasting=found.state == "done")


@router.get("/{job}/map/{z}/{x}/{y}.png", response_class=Response)
async def map_tile(job: str, tile: TilePlace, state: TheState) -> Response:
    """A tile of a class map in the colours of its legend."""
    path = made_file(state, job, "map.tif")
    source = Source(job, path.name, str(path), "scene")
    body = {"source": source.place, "state": source.state, "tile": tile}
    return png(await state.tile("picture", body, (job, "map", source.state, tile)))


@router.get("/{job}/{name}.geojson", response_class=FileResponse)
async def read_features(job: str, name: str, state: TheState) -> FileResponse:
    """Objects, hits or evidence, to be drawn."""
    return FileResponse(made_file(state, job, f"{name}.geojson"), media_type=_TYPES[".geojson"])


@router.get("/{job}/files/{name}", response_class=FileResponse)
async def download(job: str, name: str, state: TheState) -> FileResponse:
    """A file that a job made, to be kept."""
    path = made_file(state, job, name)
    title = re.sub(r"[^\w-]+", "-", state.jobs.get(job).title)[:60].strip("-") or "geoglot"
    return FileResponse(path, media_type=_TYPES[path.suffix], filename=f"{title}-{name}")


def made_file(state: State, job: str, name: str) -> Path:
    """The path of a file that a finished job made; UnknownId."""
    found, path = state.jobs.get(job), state.jobs.place(job) / name
    if not _FILE.fullmatch(name) or found.state != "done" or not path.is_file():
        raise UnknownId(f"this job has no file {name[:40]!r}")
    return path
