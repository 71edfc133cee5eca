"""geoglot train init: look at a folder of images and labels, and write a recipe for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import shared
from geoglot.cli.progress import progress
from geoglot.figures import format_count, format_duration, format_number

if TYPE_CHECKING:
    from geoglot.training.train_init import Initiated


@click.command()
@click.argument("folder", type=shared.PATH)
@click.option("-o", "--output", type=shared.PATH, help="The recipe; default: FOLDER.toml beside the folder.")
@click.option("--classes", help='Names for the classes in their order, with commas: "field, house, road".')
@shared.device
@shared.long
def init(folder: Path, output: Path | None, classes: str | None, device: str | None, as_json: bool) -> None:
    """Look at a folder of images and masks, divide it by place, and write a recipe that trains on it.

    Masks may hold ids of any numbers, colours, or 0 and 255; labels may be YOLO texts, COCO, or polygons (GeoPackage,
    GeoJSON, Shapefile). What training cannot read as it is goes into FOLDER-geoglot; your files are not touched.

    Example: geoglot train init mine, then geoglot train segment mine.toml
    """
    from geoglot.training.train_init import train_init

    names = [name.strip() for name in classes.split(",")] if classes else []
    with progress() as advance:
        made = train_init(folder, output, names, device, advance)
    shared.emit(made.to_json(), as_json, _describe(made))


def _describe(made: Initiated) -> str:
    taken, time = made.taken, made.estimate
    (low, left), (high, right) = taken.sizes
    size = f"{low:,} x {left:,} px" + (f" to {high:,} x {right:,} px" if taken.sizes[0] != taken.sizes[1] else "")
    metres = taken.resolution
    expected, low_time, high_time = map(format_duration, (time.seconds, time.low, time.high))
    scale = f", {format_number(metres[0])} to {format_number(metres[1])} m a pixel" if metres else ""
    rows = [
        f"{kind['id']:>14}  {kind['share']:>6.1%}  {kind['name']} {kind['colour'] or ''}".rstrip()
        for kind in taken.classes
    ]
    splits = ", ".join(f"{name} {count:,}" for name, count in taken.splits.items())
    lines = [
        f"found     {format_count(taken.images, 'image')} of {size}{scale}; labels: {taken.kind}",
        "classes     id   share  name",
        *rows,
        f"splits    {splits}, by {'the folders' if taken.split_by == 'folders' else taken.split_by}",
        f"data      {taken.data} ({format_count(taken.converted, 'mask')} written; your files are as they were)",
        f"recipe    {made.recipe}",
        f"time      about {expected} ({low_time} to {high_time}; {time.basis})",
        *(f"note      {note}" for note in taken.notes),
        f"next      geoglot train segment {made.recipe}",
    ]
    return "\n".join(lines)
