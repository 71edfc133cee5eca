"""A folder of pictures as an archive in the cache, which is brought up to date whenever it is searched."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from geoglot.aliases import PathLike, Progress
from geoglot.errors import SourceError
from geoglot.index.build.build import finish, prepare, run_here
from geoglot.index.store.archive import Archive, is_archive
from geoglot.models.lazy_model import LazyModel
from geoglot.models.stored import BUNDLED
from geoglot.options import IndexOptions, ReadOptions
from geoglot.settings import load_settings


@dataclass(frozen=True)
class Opened:
    """An archive that can be searched."""

    archive: Archive
    notes: tuple[str, ...] = ()
    """On what could not be read."""
    model: LazyModel | None = None
    """The model that encoded a folder of pictures."""


def open_or_index(
    place: PathLike, model: PathLike | None = None, device: str | None = None, progress: Progress | None = None
) -> Opened:
    """The archive at a place; of a folder without one, or a single picture, the archive of what it holds.

    Pictures that were indexed before and have not changed are not read again; pictures that are gone are removed.
    SourceError if there is nothing to search.
    """
    if "://" in str(place) or is_archive(place):
        return Opened(Archive.open(place))
    if not Path(place).exists():
        raise SourceError(f"there is no archive and no folder {place}")
    encoder = LazyModel.of(model or BUNDLED, device)
    whole = Path(place).resolve()
    name = hashlib.sha256(f"{whole} {encoder.space.sha256}".encode()).hexdigest()[:16]
    folder = load_settings().cache / "search" / name
    report = None if progress is None else lambda what, done, total, _note: progress(what, done, total)
    job = prepare(
        folder, whole, model=encoder, read=ReadOptions(), options=IndexOptions(), progress=report, mirrors=True
    )
    run_here(job)
    added = finish(job)
    failed = [f"{source} was not searched: {reason}" for source, reason in added.failed[:5]]
    more = [f"and {len(added.failed) - 5:,} more were not searched"] if len(added.failed) > 5 else []
    return Opened(Archive.open(folder), (*failed, *more), encoder)
