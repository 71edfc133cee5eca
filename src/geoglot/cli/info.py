"""geoglot info: what a raster holds, and what a model can see in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import many, shared
from geoglot.cli.flags import flags
from geoglot.figures import format_count
from geoglot.options import ReadOptions

if TYPE_CHECKING:
    from geoglot.tasks.raster_info import RasterInfo

_MOST_LINES = 512  # bands


@click.command()
@click.argument("sources", nargs=-1, required=True)
@many.table
@many.jobs
@many.area
@flags(ReadOptions, "read", "tile", "overlap", "batch")
@shared.model
@shared.short
def command(
    sources: tuple[str, ...], table: Path | None, jobs: int, area: Path | None, model: str, as_json: bool, *,
    read: ReadOptions,
) -> None:  # fmt: skip
    """Describe SOURCES: bands, place, resolution, numbers, whether a model understands them, and what to try.

    Of many SOURCES, which may be folders and patterns, there is a row for each.

    \b
    Example:
      geoglot info scene.tif --model mini
      geoglot info scenes/*.tif --table scenes.csv
    """
    from geoglot.tasks.inspection import inspect_raster
    from geoglot.tasks.next_command import next_command

    if many.is_batch(sources, None, table):
        scenes = many.Scenes(sources, None, table, jobs, None, as_json)
        many.run(inspect_raster, scenes, None, {"read": read, "model": model, "area": area})
        return
    info = inspect_raster(sources[0], read=read, model=model, area=area)
    following = next_command(info, read, model, area)
    text = describe(info) + (f"\ntry       {following}" if following else "")
    shared.emit({**info.to_json(), "try": following}, as_json, text)


def describe(info: RasterInfo) -> str:
    """The result for people."""
    from geoglot.tasks.raster_page import raster_facts

    lines = [f"{what:<9} {said}" for what, said in raster_facts(info).items()]
    return "\n".join([*lines, "", *band_table(info), *(f"note      {note}" for note in info.notes)])


def band_table(info: RasterInfo) -> list[str]:
    """One line per band, and one for those that are too many."""
    from geoglot.tasks.raster_page import band_cells

    rows = [band_cells(band) for band in info.bands[:_MOST_LINES]]
    width = max(len(name) for _, name, *_ in rows)
    lines = [
        f"band {index:>3}  {name:<{width}}  {colour:<8}  {kind:<8}  {numbers}"
        for index, name, colour, kind, numbers in rows
    ]
    more = len(info.bands) - len(rows)
    return [*lines, f"and {format_count(more, 'more band')}, which --json lists"] if more else lines
