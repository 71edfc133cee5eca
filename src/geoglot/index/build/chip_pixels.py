"""Reads the pixels of a chip again, as they were read when it was encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from geoglot.errors import SourceError
from geoglot.geo import Window
from geoglot.index.build.chips import at_scale, chip_corners
from geoglot.index.build.find_sources import hash_files, look_at
from geoglot.index.store.cells import Cell
from geoglot.options import ReadOptions
from geoglot.sources.listing import file_state
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.raster_guard import is_local
from geoglot.sources.tile import Tile
from geoglot.tables import parse_json


def read_chip(source: str, cell: str | None, side: int, reading: str = "") -> Tile:
    """A chip of `side` pixels: of a cell in a scene, else the whole picture with at most that many.

    `reading` is how its source was read, as `chip_facts` gives it. SourceError or ReadError if it cannot be read.
    """
    with open_chips(source, reading) as raster:
        return chip_of(raster, cell, side)


def open_chips(source: str, reading: str = "") -> Raster:
    """Open the source of chips as it was opened to encode them; `chip_of` reads them.

    SourceError if it cannot be, or if it is a file whose content is not what was encoded.
    """
    facts = _facts_of(reading)
    read = _options_of(facts)
    if is_local(source):
        _check_content(source, facts)
    return open_raster(source, bands=read.bands, sensor=read.sensor, nodata=read.nodata)


def _check_content(source: str, facts: Mapping[str, Any]) -> None:
    """SourceError for a file that has another content than the one that was encoded.

    Its size and time tell first, so that a file without a change is not read. What other programs write beside it, such
    as statistics, is no change as long as the file itself has none.
    """
    then, now = str(facts.get("state") or "").partition(", ")[0], file_state(Path(source))
    if then and now and now != then and _sha_of(source, now) != facts.get("sha"):
        raise SourceError(f"{source} has changed since it was indexed; read it anew: geoglot index add")


@lru_cache(maxsize=1024)
def _sha_of(source: str, state: str) -> str:
    """The hash of the content of a file, which is read once in each of its states."""
    return hash_files(look_at(source)[0])


def chip_of(raster: Raster, cell: str | None, side: int) -> Tile:
    """One of the chips of an open source; see `read_chip`."""
    if cell is None:
        return raster.thumbnail(side)
    if not is_local(raster.uri) and len(set(raster.indexes)) < 3:
        raise SourceError(
            f"{raster.uri} has fewer than 3 bands: a scene of a service has its colours in several files, "
            "and one alone does not show them"
        )
    place = Cell.parse(cell)
    scene, centre = at_scale(raster, place.scale_m, side), np.array(place.centre)
    top, left = chip_corners(scene.grid, centre[:1], centre[1:], side)
    return scene.read(Window(int(top[0]), int(left[0]), side, side))


def parse_reading(reading: str) -> ReadOptions:
    """The options of a `reading`; SourceError if it is damaged."""
    return _options_of(_facts_of(reading))


def _facts_of(reading: str) -> Mapping[str, Any]:
    try:
        facts = parse_json(reading) if reading else {}
    except (ValueError, TypeError) as error:
        raise _damaged(error) from error
    if not isinstance(facts, Mapping):
        raise _damaged(f"{type(facts).__name__} in place of facts")
    return facts


def _options_of(facts: Mapping[str, Any]) -> ReadOptions:
    try:
        known: dict[str, Any] = {
            field.name: tuple(value) if isinstance(value := facts[field.name], list) else value
            for field in fields(ReadOptions)
            if field.name in facts
        }
        return ReadOptions(**known)
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(error) from error


def _damaged(why: object) -> SourceError:
    return SourceError(f"how a source was read is damaged ({why}); restore the archive from a copy")
