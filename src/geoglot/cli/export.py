"""geoglot export: a segmenter, or a tower of a model that reads words, as ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import shared
from geoglot.cli.progress import progress

if TYPE_CHECKING:
    from geoglot.tasks.export import Exported
    from geoglot.tasks.export_tower import ExportedTower, Tower


@click.command()
@click.argument("model")
@click.option("-o", "--output", required=True, type=shared.PATH, help="The graph, an .onnx file.")
@click.option("--tower", type=click.Choice(("image", "text")), help="Of a model that reads words. Default: image.")
@click.option("--side", type=click.IntRange(min=32), help="Side of a tile in pixels. Default: that of training.")
@click.option("--fixed", is_flag=True, help="Only tiles of this size and number, for runtimes that want that.")
@click.option(
    "--int8", multiple=True, help="Numbers of 8 bits, checked on this scene (--tower text: file of texts); repeatable."
)
@shared.overwrite
@shared.long
def command(
    model: str,
    output: Path,
    tower: Tower | None,
    side: int | None,
    fixed: bool,
    int8: tuple[str, ...],
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a segmenter that `geoglot train` made, or a tower of a CLIP, a GRAFT or mini, as ONNX.

    The graph is checked against PyTorch. A segmenter takes `pixels` (tile, band, rows, cols; float32, brightness 0..1,
    sides multiples of 32) and gives `scores`, logits of each class for every fourth pixel. An image tower takes
    `pixels` of its own side and gives `embeddings` and `patches`; a text tower takes `tokens` and `lengths`.

    Example: geoglot export runs/loveda/model -o loveda.onnx
    """
    from geoglot.errors import InputError
    from geoglot.models.stored import card_of, find_model
    from geoglot.tasks.export import export_model
    from geoglot.tasks.export_tower import export_tower

    if not card_of(find_model(model)).classes:
        if side is not None or fixed:
            raise InputError("--side and --fixed are for segmenters; a tower takes tiles of its own side")
        tower_made = export_tower(model, output, tower or "image", int8=int8, overwrite=overwrite)
        shared.emit(tower_made.to_json(), as_json, _describe_tower(tower_made))
        return
    if tower is not None:
        raise InputError(f"{model} is a segmenter, which has no towers; leave --tower out")
    with progress() as advance:
        made = export_model(model, output, side, fixed=fixed, int8=int8, overwrite=overwrite, progress=advance)
    text = _describe(made)
    if made.int8:
        text += (
            f"\n8 bits ({made.int8.method}): {made.int8.speedup:.1f} times as fast, {made.int8.same:.1%} same classes"
        )
    shared.emit(made.to_json(), as_json, text)


def _describe(made: Exported | ExportedTower) -> str:
    size = made.path.stat().st_size / 1e6
    return f"{made.path}  {size:.1f} MB, largest difference to PyTorch {made.difference:.1e}"


def _describe_tower(made: ExportedTower) -> str:
    if made.int8 is None:
        return _describe(made)
    bits = made.int8
    worth = "" if bits.is_close else "; less than 0.99, so embeddings of 32 bits should be preferred"
    return (
        f"{_describe(made)}\n8 bits ({bits.method}): {bits.speedup:.1f} times as fast, cosine with 32 bits "
        f"{bits.cosine:.4f} (least {bits.least:.4f}){worth}"
    )
