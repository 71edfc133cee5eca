"""geoglot datasets: list data sets, check them, cut them into tiles."""

from pathlib import Path

import click

from geoglot.cli import shared
from geoglot.cli.progress import progress
from geoglot.figures import format_count

_data = click.option("--data", required=True, type=shared.PATH, help="Folder of the data set, as published.")


@click.group()
def command() -> None:
    """Published data sets, and your own (`folder`): list, check, cut into tiles. Nothing is downloaded."""


@command.command("list")
@shared.as_json
def list_sets(as_json: bool) -> None:
    """List all data sets: name, tasks, splits, and where to get them.

    Example: geoglot datasets list
    """
    from geoglot.datasets.catalogue import DATASETS

    rows = [
        {"name": one.name, "title": one.title, "tasks": list(one.tasks), "splits": dict(one.splits), "page": one.page}
        for one in DATASETS.values()
    ]
    width = max(len(one.name) for one in DATASETS.values())
    lines = [
        f"{one.name:<{width}}  {', '.join(one.tasks)}: {', '.join(one.splits)}\n{'':<{width}}  {one.page}"
        for one in DATASETS.values()
    ]
    shared.emit({"datasets": rows}, as_json, "\n".join(lines))


@command.command()
@click.argument("dataset")
@_data
@click.option("--split", multiple=True, help="Only this split; may be repeated.")
@shared.long
def check(dataset: str, data: Path, split: tuple[str, ...], as_json: bool) -> None:
    """Read every image with its labels and report damage, misaligned masks and unknown values.

    Exit code 3: there are faults, or a class never occurs in train.

    Your own images, with masks, polygons, or YOLO or COCO labels, are the data set `folder`: docs/segclip.md.

    Examples: geoglot datasets check loveda --data LoveDA --split train; geoglot datasets check folder --data mine
    """
    from geoglot.datasets.catalogue import dataset_of
    from geoglot.datasets.check import check_splits

    found = dataset_of(dataset)
    with progress() as advance:
        checked = check_splits(found, data, split or _labelled(found, data), advance)
    lines = [
        line
        for one in checked
        for line in (f"{one.split}: {format_count(one.images, 'image')}", *one.faults, *one.notes)
    ]
    shared.emit({"splits": [one.to_json() for one in checked]}, as_json, "\n".join(lines))
    if not all(one.is_whole for one in checked):
        shared.exit_partly()


@command.command()
@click.argument("dataset")
@_data
@click.option("-o", "--output", required=True, type=shared.PATH, help="Folder of the tiles.")
@click.option("--side", type=click.IntRange(min=32), required=True, help="Side of a tile in pixels; 896 for iSAID.")
@click.option(
    "--overlap",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="In pixels; 384 for iSAID.",
)
@click.option("--split", multiple=True, help="Only this split; may be repeated.")
@shared.long
def tile(
    dataset: str, data: Path, output: Path, side: int, overlap: int, split: tuple[str, ...], as_json: bool
) -> None:
    """Cut images and masks into tiles. The result is a `folder` data set, for training and for scoring tile by tile.

    Example: geoglot datasets tile isaid --data iSAID -o iSAID-896 --side 896 --overlap 384
    """
    from geoglot.datasets.catalogue import dataset_of
    from geoglot.datasets.chips import tile_set

    found = dataset_of(dataset)
    with progress() as advance:
        made = tile_set(
            found, data, output, split or _labelled(found, data), side=side, overlap=overlap, progress=advance
        )
    text = "\n".join(f"{name}: {format_count(count, 'tile')}" for name, count in made.tiles.items())
    shared.emit(made.to_json(), as_json, f"{text}\n{made.output}")


def _labelled(found: object, data: Path) -> tuple[str, ...]:
    """The splits that have masks."""
    from geoglot.datasets.layout import MaskedImages

    return found.splits_of(data) if isinstance(found, MaskedImages) else ("val",)
