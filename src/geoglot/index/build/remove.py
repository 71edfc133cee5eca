"""Removes sources from an archive."""

from __future__ import annotations

from collections.abc import Sequence, Set
from fnmatch import fnmatchcase
from pathlib import Path

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.figures import format_some
from geoglot.index.build.known_sources import Known, forget
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
        if not (fits := _named_by(source, named)):
            raise InputError(f"{place} holds nothing of {source}; it holds {format_some(sorted(named), 3)}")
        gone |= fits
    return archive.rows - forget(archive, known, lambda row: row.source in gone).rows


def _named_by(source: str, names: Set[str]) -> set[str]:
    """The names of a file or of all in a folder, else those that fit a pattern; names may hold a [ or * too."""
    whole = str(Path(source).resolve()) if is_local(source) else source
    own = {name for name in names if name in (source, whole) or name.startswith(f"{whole.rstrip('/')}/")}
    return own or {name for name in names if fnmatchcase(name, whole)}
