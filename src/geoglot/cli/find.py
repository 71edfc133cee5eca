"""geoglot find: words to objects, one polygon each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import many, report, shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.options import FindOptions, ReadOptions, RefineOptions

if TYPE_CHECKING:
    from geoglot.tasks.find.find_result import FindResult


@click.command()
@click.argument("arguments", nargs=-1, required=True, metavar="SOURCES... [NAMES]...")
@click.option("-o", "--output", type=shared.PATH, help=f"The objects: {shared.VECTORS}; of many SOURCES a folder.")
@many.table
@many.together
@many.jobs
@flags(FindOptions, "options")
@flags(RefineOptions, "refine")
@flags(ReadOptions, "read")
@report.flag
@shared.run
def command(
    arguments: tuple[str, ...],
    output: Path | None,
    table: Path | None,
    together: Path | None,
    jobs: int,
    model: str,
    device: str | None,
    overwrite: bool,
    as_json: bool,
    *,
    options: FindOptions,
    refine: RefineOptions,
    read: ReadOptions,
) -> None:
    """Find, count and outline the objects NAMES in SOURCES, rasters of any size.

    Several words for one object, or many names, go into a file: NAMES is then one .txt or .json file. Many SOURCES come
    before the names, and may be folders (scenes/) and patterns such as "scenes/**/*.tif": the objects of each go into
    the folder OUTPUT. A scene that fails does not stop the others. The same command resumes an interrupted run, and
    passes over scenes that are complete. Exit code 3: some windows or scenes failed; --json names them.

    \b
    Example:
      geoglot find scene.tif "swimming pool" "tennis court" -o pools.gpkg
      geoglot find scenes/*.tif "swimming pool" -o pools/ --jobs 4 --table counts.csv
    """
    from geoglot.tasks.batch.scenes import split_sources
    from geoglot.tasks.find.find import find

    sources, names = split_sources(arguments)
    asked = names[0] if len(names) == 1 else names or None  # one text may hold commas or name a file
    settings: dict[str, Any] = {"read": read, "options": options, "overwrite": overwrite}
    if many.is_batch(sources, output, table, together):
        scenes = many.Scenes(sources, output, table, jobs, device, as_json, together)
        many.run(find, scenes, asked, settings | {"model": model, "refiner": refine})
        return
    from geoglot.models.zoo import load_model
    from geoglot.tasks.refine.load import refiner_of

    refiner = refiner_of(refine, device)
    mapper = load_model(model, device=device, precision="auto")
    with progress() as advance:
        result = find(sources[0], asked, output, model=mapper, refiner=refiner, progress=advance, **settings)
    report.emit([result], result.to_json(), as_json, describe(result))
    if result.failed:
        shared.exit_partly(f"{len(result.failed)} of {result.windows} windows failed")


def describe(result: FindResult) -> str:
    """The result for people: names with counts, then the files."""
    width, page = max(map(len, result.counts)), result.page()
    rows = [
        f"{name:<{width}}  {count:>6}  {area:>12}  {score}".rstrip() for name, count, area, score in page.tables[0].rows
    ]
    last = f"{result.windows} windows by {result.model} in {result.seconds:.1f} s"
    return "\n".join([*rows, "", result.summary, *shared.result_lines(page.files, page.notes), last])
