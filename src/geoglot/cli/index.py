"""geoglot index: archives of imagery, to be searched by words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.figures import format_count, format_number
from geoglot.options import IndexOptions, ReadOptions

if TYPE_CHECKING:
    from geoglot.index.build import Added

_SHOWN = 10  # sources that failed; --json has all
_model = click.option("--model", help="Name or folder of a model. Default: that of the archive; mini for a new one.")


@click.group()
def command() -> None:
    """Archives: chips of any number of scenes as vectors, on disk, to be searched by words."""


@command.command()
@click.argument("archive", type=shared.PATH)
@click.argument("sources", nargs=-1, required=True)
@flags(IndexOptions, "options")
@flags(ReadOptions, "read", "tile", "overlap", "resolution")
@_model
@shared.device
@shared.long
def add(
    archive: Path,
    sources: tuple[str, ...],
    model: str | None,
    device: str | None,
    as_json: bool,
    *,
    options: IndexOptions,
    read: ReadOptions,
) -> None:
    """Add SOURCES to ARCHIVE, a folder, which is made if it is missing.

    SOURCES are rasters, pictures, folders of these, patterns such as "scenes/**/*.tif", and lists: a .txt with a source
    a line, or a .csv with columns source, time, cloud. What is in the archive is not read again, and a killed run goes
    on when it is run again. Exit code 3: some sources could not be read.

    Example: geoglot index add archive/ scenes/ --scale 224m,896m
    """
    from geoglot.index.build import add as add_sources
    from geoglot.index.build import load_for

    encoder = load_for(archive, model, device)
    with progress() as advance:
        added = add_sources(archive, sources, model=encoder, read=read, options=options, progress=advance)
    _report(added, as_json)


@command.command()
@click.argument("archive")
@shared.short
def info(archive: str, as_json: bool) -> None:
    """Say what ARCHIVE covers: by which model, where, when, and how much was not seen and why."""
    from geoglot.index.archive import Archive
    from geoglot.index.coverage import cover

    found = cover(Archive.open(archive))
    shared.emit(found.to_json(), as_json, "\n".join(f"{name:<10}{value}" for name, value in found.lines()))


@command.command()
@click.argument("archive", type=shared.PATH)
@click.argument("sources", nargs=-1, required=True)
@shared.short
def remove(archive: Path, sources: tuple[str, ...], as_json: bool) -> None:
    """Remove SOURCES from ARCHIVE: files, folders, or patterns such as "/scenes/2019*". Files themselves stay.

    Searches find them no more; `geoglot index compact` frees the space.
    """
    from geoglot.index.remove import remove as remove_sources

    chips = remove_sources(archive, sources)
    shared.emit({"archive": str(archive), "removed": chips}, as_json, f"{format_count(chips, 'chip')} removed")


@command.command()
@click.argument("archive", type=shared.PATH)
@shared.short
def compact(archive: Path, as_json: bool) -> None:
    """Rewrite small shards of ARCHIVE as large ones, which are searched quicker, and free space of removed sources."""
    from geoglot.index.compact import compact as compact_shards

    done = compact_shards(archive)
    text = f"{format_count(done.shards_before, 'shard')} became {done.shards:,}"
    shared.emit({"archive": str(archive), **vars(done)}, as_json, text)


def _report(added: Added, as_json: bool) -> None:
    lines = [
        f"{added.place}: {format_count(added.chips, 'chip')} added, {format_number(added.area_km2)} km², "
        f"from {format_count(added.sources - added.there, 'source')}; {added.there:,} were there",
        *(f"note      {note}" for note in added.notes),
        *(f"failed    {source}: {reason}" for source, reason in added.failed[:_SHOWN]),
    ]
    shared.emit(added.to_json(), as_json, "\n".join(lines))
    if added.failed:
        shared.exit_partly(f"{len(added.failed):,} sources could not be read in whole or in part")
