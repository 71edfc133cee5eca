"""geoglot index: archives of imagery, to be searched by words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.index_bridge import bridge
from geoglot.cli.index_exchange import export, import_
from geoglot.cli.index_teach import teach
from geoglot.cli.index_watch import watch
from geoglot.cli.progress import progress
from geoglot.figures import format_count, format_number
from geoglot.options import IndexOptions, ReadOptions

if TYPE_CHECKING:
    from geoglot.index.build.build import Added

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
@click.option("--ray", help="Address of a Ray cluster that does the work, such as auto; local starts one here.")
@shared.long
def add(
    archive: Path,
    sources: tuple[str, ...],
    model: str | None,
    device: str | None,
    ray: str | None,
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
    from geoglot.index.build.build import add as add_sources
    from geoglot.index.build.build import load_for
    from geoglot.index.build.on_ray import add_on_ray

    with progress() as advance:
        if ray is None:
            encoder = load_for(archive, model, device)
            added = add_sources(archive, sources, model=encoder, read=read, options=options, progress=advance)
        else:
            added = add_on_ray(archive, sources, ray, model, read=read, options=options, progress=advance)
    _report(added, as_json)


@command.command()
@click.argument("archive", type=shared.PATH)
@click.argument("sources", nargs=-1, required=True)
@click.option("-o", "--output", required=True, help="Folder of the units, here or at a URL.")
@flags(IndexOptions, "options")
@flags(ReadOptions, "read", "tile", "overlap", "resolution")
@_model
@shared.long
def plan(
    archive: Path,
    sources: tuple[str, ...],
    output: str,
    model: str | None,
    as_json: bool,
    *,
    options: IndexOptions,
    read: ReadOptions,
) -> None:
    """Write units of work, to be done by any number of machines, for what ARCHIVE lacks of SOURCES.

    \b
    Example:
      geoglot index plan archive/ scenes/ -o plan/
      ls plan/unit-*.json | xargs -P 8 -n 4 geoglot index work
      geoglot index commit archive/ plan/
    """
    from geoglot.index.build.build import prepare
    from geoglot.index.build.cluster import write_plan

    with progress() as advance:
        job = prepare(archive, sources, model=model, read=read, options=options, progress=advance)
    units = write_plan(job, output)
    text = f"{format_count(len(units), 'unit')} in {output}; do each with: geoglot index work UNIT"
    _report(job.added, as_json, {"units": units}, text)


@command.command()
@click.argument("units", nargs=-1, required=True)
@_model
@shared.device
@shared.long
def work(units: tuple[str, ...], model: str | None, device: str | None, as_json: bool) -> None:
    """Do UNITS, files of `geoglot index plan`; the result of each appears beside it. A second time changes nothing.

    Exit code 3: some sources could not be read; the rest was done.

    Example: geoglot index work plan/unit-*.json
    """
    from functools import cache

    from geoglot.index.build.cluster import do_unit
    from geoglot.index.build.units import list_failures
    from geoglot.models.zoo import load_word_model

    load = cache(lambda name: load_word_model(model or name, device=device, precision="auto"))
    failed = list[tuple[str, str]]()
    with progress() as advance:
        for number, unit in enumerate(units, 1):
            failed += do_unit(unit, load).failed
            advance("units", number, len(units))
    document = {"units": list(units), "failed": list_failures(failed)}
    shared.emit(document, as_json, f"{format_count(len(units), 'unit')} done")
    if failed:
        shared.exit_partly(f"{failed[0][0]}: {failed[0][1]}")


@command.command()
@click.argument("archive", type=shared.PATH)
@click.argument("units")
@shared.long
def commit(archive: Path, units: str, as_json: bool) -> None:
    """Join what was done of the folder UNITS to ARCHIVE. Exit code 3: some units were not done, or only in part.

    Example: geoglot index commit archive/ plan/
    """
    from geoglot.index.build.cluster import join_units

    with progress() as advance:
        joined = join_units(archive, units, advance)
    lines = [
        f"{archive}: {format_count(joined.chips, 'chip')} added from {format_count(joined.units, 'unit')}",
        *(f"missing   {unit}" for unit in joined.missing[:_SHOWN]),
        *(f"failed    {source}: {reason}" for source, reason in joined.failed[:_SHOWN]),
    ]
    shared.emit(joined.to_json(), as_json, "\n".join(lines))
    if joined.missing or joined.failed:
        shared.exit_partly(f"{len(joined.missing):,} units and {len(joined.failed):,} sources are missing")


@command.command()
@click.argument("archive")
@shared.short
def info(archive: str, as_json: bool) -> None:
    """Say what ARCHIVE covers: by which model, where, when, and how much was not seen and why.

    Example: geoglot index info archive/
    """
    from geoglot.index.store.archive import Archive
    from geoglot.index.store.coverage import cover

    found = cover(Archive.open(archive))
    shared.emit(found.to_json(), as_json, "\n".join(f"{name:<10}{value}" for name, value in found.lines()))


@command.command()
@click.argument("archive", type=shared.PATH)
@click.argument("sources", nargs=-1, required=True)
@shared.short
def remove(archive: Path, sources: tuple[str, ...], as_json: bool) -> None:
    """Remove SOURCES from ARCHIVE: files, folders, or patterns such as "/scenes/2019*". Files themselves stay.

    Searches find them no more; `geoglot index compact` frees the space.

    Example: geoglot index remove archive/ "/scenes/2019*"
    """
    from geoglot.index.build.remove import remove as remove_sources

    chips = remove_sources(archive, sources)
    shared.emit({"archive": str(archive), "removed": chips}, as_json, f"{format_count(chips, 'chip')} removed")


@command.command()
@click.argument("archive", type=shared.PATH)
@shared.short
def compact(archive: Path, as_json: bool) -> None:
    """Rewrite small shards of ARCHIVE as large ones, which are searched quicker, and free space of removed sources.

    Example: geoglot index compact archive/
    """
    from geoglot.index.store.compact import compact as compact_shards

    done = compact_shards(archive)
    text = f"{format_count(done.shards_before, 'shard')} became {done.shards:,}"
    shared.emit({"archive": str(archive), **vars(done)}, as_json, text)


def _report(added: Added, as_json: bool, more: Mapping[str, Any] = MappingProxyType({}), text: str = "") -> None:
    done = (
        f"{added.place}: {format_count(added.chips, 'chip')} added, {format_number(added.area_km2)} km², "
        f"from {format_count(added.sources - added.there, 'source')}; {added.there:,} there before"
    )
    lines = [
        text or done,
        *(f"note      {note}" for note in added.notes),
        *(f"failed    {source}: {reason}" for source, reason in added.failed[:_SHOWN]),
    ]
    shared.emit({**added.to_json(), **more}, as_json, "\n".join(lines))
    if added.failed:
        shared.exit_partly(f"{format_count(len(added.failed), 'source')} could not be read in whole or in part")


command.add_command(teach)
command.add_command(watch)
command.add_command(bridge)
command.add_command(import_)
command.add_command(export)
