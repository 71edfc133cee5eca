"""geoglot classify: a label for every image, or every window of a raster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import many, shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.options import ClassifyOptions, ReadOptions

if TYPE_CHECKING:
    from geoglot.tasks.image_labels import Labels


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--classes", required=True, help=shared.CLASSES_HELP)
@many.table
@many.jobs
@flags(ClassifyOptions, "options")
@flags(ReadOptions, "read", "tile", "overlap")
@shared.model
@shared.device
@shared.long
def command(
    sources: tuple[str, ...],
    classes: str,
    table: Path | None,
    jobs: int,
    model: str,
    device: str | None,
    as_json: bool,
    *,
    options: ClassifyOptions,
    read: ReadOptions,
) -> None:
    """Label SOURCES: images, folders of images, rasters.

    A window is printed as (row, column, height, width), in pixels of the grid that is read. With --table or --jobs
    there is a row for each source, with its commonest label. Jobs are for rasters; a folder of small pictures is faster
    without, as they are read in batches.

    \b
    Example:
      geoglot classify photos/ --classes "airport, harbour, forest" --json
      geoglot classify scenes/*.tif --classes "town, forest, water" --jobs 4 --table labels.csv
    """
    from geoglot.models.zoo import load_model
    from geoglot.tasks.classify import classify

    if table or jobs > 1:
        scenes = many.Scenes(sources, None, table, jobs, device, as_json)
        many.run(classify, scenes, classes, {"model": model, "read": read, "options": options})
        return
    loaded = load_model(model, device=device, precision="auto")
    with progress() as advance:
        labels = classify(list(sources), classes, model=loaded, read=read, options=options, progress=advance)
    shared.emit(labels.to_json(), as_json, describe(labels))
    if labels.failed:
        told = f"{len(labels.failed)} windows or sources failed: {labels.failed[0][1].reason}"
        if labels.results:
            shared.exit_partly(told)
        else:
            shared.exit_without_result(told)


def describe(labels: Labels) -> str:
    """The labels for people, a line each."""
    from geoglot.tasks.labels_page import doubt

    rows = [
        f"{one.probability:6.1%}  {one.label}  {one.source}{f'  {tuple(one.window)}' if one.window else ''}"
        f"{f'  {why}' if (why := doubt(one)) else ''}"
        for one in labels.results
    ]
    return "\n".join([*rows, *(f"note  {note}" for note in labels.notes)])
