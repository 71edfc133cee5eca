"""Removes sources from an archive."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.figures import format_some
from geoglot.index.build.known_sources import Known, without
from geoglot.index.store.archive import Archive
from geoglot.sources.raster_guard import is_local


def remove(place: PathLike, sources: Sequence[PathLike]) -> int:
    """Remove sources from the archive in a folder; returns the number of their chips.

    A source is a file, a folder, or a pattern such as "/scenes/2019*"; it need not exist any more. Space is freed by
    `compact`. InputError if the archive holds none of it.
    """
    archive, known = Archive.open(place), Known()
    known.update(archive)
    named = {row.source for row in known.parts.values()}
    gone = set[str]()
    for source in map(str, sources):
        fits = {name for name in named if _is_meant(name, source)}
        if not fits:
            raise InputError(f"{place} holds nothing of {source}; it holds {format_some(sorted(named), 3)}")
        gone |= fits

    def change(now: Archive) -> Archive:
        known.update(now)
        return without(now, [row for row in known.parts.values() if row.source in gone])

    return archive.rows - archive.change(change).rows


def _is_meant(name: str, source: str) -> bool:
    whole = str(Path(source).resolve()) if is_local(source) else source
    return name in (source, whole) or name.startswith(f"{whole.rstrip('/')}/") or fnmatchcase(name, whole)
