"""Routes of archives: what they cover, and pictures of their chips."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from geoglot.app.answers import ArchiveFacts
from geoglot.app.state import TheState, png

router = APIRouter(prefix="/api/archives", tags=["archives"])


@router.get("/{archive}", response_model=ArchiveFacts)
async def read_archive(archive: str, state: TheState) -> dict[str, Any]:
    """What an archive covers."""
    return await state.describe(state.space.archive(archive))


@router.get("/{archive}/chips/{chip}.png", response_class=Response)
async def chip_picture(
    archive: str,
    chip: Annotated[int, Path(ge=0, lt=2**52)],
    state: TheState,
    side: Annotated[int, Query(ge=16, le=512)] = 192,
) -> Response:
    """A picture of a chip; 204 if there is none."""
    source = state.space.archive(archive)
    body = {"source": source.place, "state": source.state, "chip": chip, "side": side}
    return png(await state.tile("chip", body, (source.id, source.state, chip, side)))
