"""geoglot classify: a label for every image, or every window of a raster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import options
from geoglot.cli.reading import CLASSES_HELP, fields, read_options, reading

if TYPE_CHECKING:
    from geoglot.tasks.classify import Labels


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--classes", required=True, help=CLASSES_HELP)
@reading
@click.option(
    "--windows/--whole",
    default=None,
    help="A label a window, or one a source; windows for georeferenced rasters, if not given.",
)
@options.model
@options.device
@options.batch
@options.gsd
@options.as_json
@options.quiet
@options.verbose
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Label SOURCES: images, folders of images, rasters.

    A window is told as (row, column, height, width), in pixels of the grid that is read.

    Example: geoglot classify photos/ --classes "airport, harbour, forest" --json
    """
    from geoglot.models.zoo import load_model
    from geoglot.tasks.classify import ClassifyOptions, classify

    choice = ClassifyOptions(windows=given["windows"], **fields(given))
    model = load_model(given["model"], device=given["device"], precision="auto")
    read = read_options(given)
    with options.progress() as progress:
        labels = classify(
            list(given["sources"]), given["classes"], model=model, read=read, options=choice, progress=progress
        )
    options.emit(labels.to_json(), given["as_json"], describe(labels))
    if labels.failed:
        click.echo(f"geoglot: {len(labels.failed)} windows or sources failed: {labels.failed[0][1].reason}", err=True)
        ctx.exit(options.PARTLY)


def describe(labels: Labels) -> str:
    """The labels for people, a line each."""
    rows = [
        f"{one.probability:6.1%}  {one.label}  {one.source}{f'  {tuple(one.window)}' if one.window else ''}"
        for one in labels.results
    ]
    return "\n".join([*rows, *(f"note  {note}" for note in labels.notes)])
