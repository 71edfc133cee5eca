"""geoglot find: words to objects, one polygon each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.options import FindOptions, ReadOptions, RefineOptions

if TYPE_CHECKING:
    from geoglot.tasks.find.find_result import FindResult


@click.command()
@click.argument("source")
@click.argument("names", nargs=-1)
@click.option("-o", "--output", type=shared.PATH, help="The objects: .gpkg, .parquet or .geojson.")
@flags(FindOptions, "options")
@flags(RefineOptions, "refine")
@flags(ReadOptions, "read")
@shared.run
def command(
    source: str,
    names: tuple[str, ...],
    output: Path | None,
    model: str,
    device: str | None,
    overwrite: bool,
    as_json: bool,
    *,
    options: FindOptions,
    refine: RefineOptions,
    read: ReadOptions,
) -> None:
    """Find, count and outline the objects NAMES in SOURCE, a raster of any size.

    Several words for one object, or many names, go into a file: NAMES is then one .txt or .json file. The same command
    resumes an interrupted run. Exit code 3: some windows failed; --json names them.

    Example: geoglot find scene.tif "swimming pool" "tennis court" -o pools.gpkg
    """
    from geoglot.models.zoo import load_model
    from geoglot.tasks.find.find import find

    refiner = shared.make_refiner(refine, device)
    mapper = load_model(model, device=device, precision="auto")
    asked = names[0] if len(names) == 1 else list(names) or None  # one text may hold commas or name a file
    with progress() as advance:
        result = find(
            source, asked, output, model=mapper, read=read, options=options, refiner=refiner, overwrite=overwrite,
            progress=advance,
        )  # fmt: skip
    shared.emit(result.to_json(), as_json, describe(result))
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
