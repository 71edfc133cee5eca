"""geoglot teach: labels to a model of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import many, shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.options import ReadOptions

if TYPE_CHECKING:
    from geoglot.training.teach.teach import TeachResult


@click.command()
@click.argument("scenes", nargs=-1, required=True)
@click.option(
    "--labels",
    type=shared.PATH,
    multiple=True,
    required=True,
    help="Points, boxes or polygons with a class; may be repeated.",
)
@click.option("-o", "--output", required=True, type=shared.PATH, help="Folder of the model.")
@click.option(
    "--class-column", help="Column of the classes. Default: class, label or name, or the only one with texts."
)
@many.area
@flags(ReadOptions, "read")
@shared.model
@shared.device
@shared.long
def command(
    scenes: tuple[str, ...],
    labels: tuple[Path, ...],
    output: Path,
    class_column: str | None,
    area: Path | None,
    model: str,
    device: str | None,
    as_json: bool,
    *,
    read: ReadOptions,
) -> None:
    """Teach classes of your own by labels on SCENES, drawn in QGIS or elsewhere: seconds to minutes.

    SCENES are files, folders and patterns. OUTPUT is a model from then on: give it to segment, find and ask as --model.
    To correct it, add labels where it is wrong and run the same command again, which takes seconds.

    Example: geoglot teach scene.tif --labels polygons.gpkg -o roofs
    """
    from geoglot.training.teach.teach import teach

    with progress() as advance:
        result = teach(
            scenes,
            labels,
            output,
            model=model,
            class_column=class_column,
            area=area,
            read=read,
            device=device,
            progress=advance,
        )
    shared.emit(result.to_json(), as_json, describe(result))


def describe(result: TeachResult) -> str:
    """The result for people: what each class was taught by and how well it is known, then what to do with it."""
    [table] = (page := result.page()).tables
    counted, *notes, column = page.notes
    use = f"use it with: geoglot segment SCENE --model {result.output} -o map.tif"
    return "\n".join(
        [
            *shared.table([table.head, *table.rows]),
            "",
            counted,
            *shared.result_lines({}, notes),
            column,
            page.title,
            use,
        ]
    )
