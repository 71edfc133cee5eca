"""Routes of audits: the places of a sample, their pictures, what was decided, and the areas that follow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any

from annotated_types import Ge, MaxLen
from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse

from geoglot.app.answers import AuditState
from geoglot.app.job import without_places
from geoglot.app.state import SECONDS, State, TheState
from geoglot.app.workspace import UnknownId

router = APIRouter(prefix="/api/jobs/{job}/audit", tags=["audits"])
PlaceId = Annotated[int, Path(ge=1, le=10**6)]


@dataclass(frozen=True)
class Decisions:
    """What places really are: a class of the map, "?" if it cannot be told, or "" to open it again."""

    names: Annotated[dict[Annotated[int, Ge(1)], Annotated[str, MaxLen(200)]], MaxLen(1000)]
    """By the ids of the places."""


@router.get("", response_model=AuditState)
async def read_audit(job: str, state: TheState) -> dict[str, Any]:
    """All places of a sample with what was decided, and the areas that follow."""
    return await _audit(state, job)


@router.put("", response_model=AuditState)
async def decide_places(job: str, decisions: Decisions, state: TheState) -> dict[str, Any]:
    """Write down what places really are; the answer tells what follows."""
    async with state.jobs.turn(job):  # whoever decides the next places waits until these are written
        return await _audit(state, job, decisions.names)


@router.get("/places/{place}.png", response_class=FileResponse)
async def place_picture(job: str, place: PlaceId, state: TheState) -> FileResponse:
    """The picture of a place: every date, from afar and from near."""
    return _file(state, job, f"chips/{place:04d}.png", "image/png")


@router.get("/sample.csv", response_class=FileResponse)
async def sample_table(job: str, state: TheState) -> Response:
    """The table of the sample, as `geoglot audit` reads it."""
    return _file(state, job, "sample.csv", "text/csv")


async def _audit(state: State, job: str, decisions: dict[int, str] | None = None) -> dict[str, Any]:
    folder = _folder(state, job).parent
    body = {"folder": str(folder), "decisions": decisions}
    document, _ = await state.readers.do("audited", body, SECONDS)
    shown: dict[str, Any] = without_places(document, {f"{folder}/": ""})
    return shown


def _file(state: State, job: str, name: str, kind: str) -> FileResponse:
    path = _folder(state, job) / name
    if not path.is_file():
        raise UnknownId("this audit has no such place")
    return FileResponse(path, media_type=kind, filename=path.name)


def _folder(state: State, job: str) -> FilePath:
    """The folder of a sample that was drawn; UnknownId."""
    if state.jobs.get(job).kind != "audit" or state.jobs.get(job).state != "done":
        raise UnknownId("this job has drawn no sample")
    return state.jobs.place(job) / "sample"
