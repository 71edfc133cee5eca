"""geoglot change: what changed between dates, by words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import many, report, shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.errors import InputError
from geoglot.options import ChangeOptions, ReadOptions

if TYPE_CHECKING:
    from geoglot.tasks.change.result import ChangeResult


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    required=True,
    type=shared.PATH,
    help="The map of changes, a GeoTIFF (COG); of many places a folder.",
)
@click.option("--classes", help=shared.CLASSES_HELP + " Not needed for a model with classes of its own.")
@click.option("--polygons", type=shared.PATH, help=f"Also polygons: {shared.VECTORS}.")
@click.option(
    "--table",
    type=shared.PATH,
    help="Also a table of areas, .csv: a row for each date, in one unit; of many places a row for each place.",
)
@many.jobs
@flags(ChangeOptions, "options")
@flags(ReadOptions, "read")
@report.flag
@shared.run
def command(
    sources: tuple[str, ...],
    output: Path,
    classes: str | None,
    polygons: Path | None,
    table: Path | None,
    jobs: int,
    model: str,
    device: str | None,
    overwrite: bool,
    as_json: bool,
    *,
    options: ChangeOptions,
    read: ReadOptions,
) -> None:
    """Compare SOURCES, rasters of one place on two or more dates, oldest first, by words.

    If SOURCES are folders or patterns, one for each date, scenes of one name are one place: each place gets a map in
    the folder OUTPUT, and --polygons is an ending, such as .gpkg. The same command resumes an interrupted run, and
    passes over places that are complete. Exit code 3: some windows or places failed; they are named.

    \b
    Example:
      geoglot change 2015.tif 2021.tif --classes "water, forest" -o change.tif --polygons change.gpkg
      geoglot change 2015/ 2021/ --classes "water, forest" -o changes/ --jobs 4 --table changes.csv
    """
    from geoglot.tasks.batch.scenes import is_many
    from geoglot.tasks.change.change import change

    settings: dict[str, Any] = {"polygons": polygons, "read": read, "options": options, "overwrite": overwrite}
    folders = [source for source in sources if is_many(source)]
    if folders and len(folders) < len(sources):
        raise InputError(
            f"give files as dates, or folders and patterns, not both; {folders[0]} is no file, and other dates are"
        )
    if folders:
        scenes = many.Scenes(sources, output, table, jobs, device, as_json)
        many.run(change, scenes, classes, settings | {"model": model})
        return
    from geoglot.models.zoo import load_model

    seer = load_model(model, device=device, precision="auto")
    with progress() as advance:
        result = change(sources, classes, output, model=seer, table=table, progress=advance, **settings)
    report.emit([result], result.to_json(), as_json, describe(result))
    if not result.known:
        shared.exit_without_result()
    if result.failed:
        shared.exit_partly(f"{len(result.failed)} windows failed; see {result.outputs['manifest']}")


def describe(result: ChangeResult) -> str:
    """The result for people: a row for each date with the areas of all classes, then the files."""
    [table] = result.page().tables
    lines = shared.table([table.head, *table.rows], first=str.rjust)
    notes = shared.merge_notes(result.notes, [date["source"] for date in result.alignment])
    last = f"{result.windows} windows by {result.model} in {result.seconds:.1f} s"
    return "\n".join([*lines, "", result.summary, *shared.result_lines(result.outputs, notes), last])
