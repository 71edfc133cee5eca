"""geoglot export: a segmenter as ONNX."""

from pathlib import Path

import click

from geoglot.cli import shared
from geoglot.cli.progress import progress


@click.command()
@click.argument("model")
@click.option("-o", "--output", required=True, type=shared.PATH, help="The graph, an .onnx file.")
@click.option("--side", type=click.IntRange(min=32), help="Side of a tile in pixels. Default: that of training.")
@click.option("--fixed", is_flag=True, help="Only tiles of this size and number, for runtimes that want that.")
@shared.overwrite
@shared.long
def command(model: str, output: Path, side: int | None, fixed: bool, overwrite: bool, as_json: bool) -> None:
    """Write a segmenter that `geoglot train segment` made as ONNX, checked against PyTorch.

    Input `pixels`: float32, (tile, 3, rows, cols), brightness 0..1, sides multiples of 32. Output `scores`: logits of
    each class for every fourth pixel, (tile, class, rows / 4, cols / 4).

    Example: geoglot export runs/loveda/model -o loveda.onnx
    """
    from geoglot.tasks.export import export_model

    with progress() as advance:
        made = export_model(model, output, side, fixed=fixed, overwrite=overwrite, progress=advance)
    text = f"{made.path}  {made.path.stat().st_size / 1e6:.1f} MB, largest difference to PyTorch {made.difference:.1e}"
    shared.emit(made.to_json(), as_json, text)
