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
@click.option("--int8", multiple=True, help="Numbers of 8 bits, calibrated and checked on this scene; repeatable.")
@shared.overwrite
@shared.long
def command(
    model: str, output: Path, side: int | None, fixed: bool, int8: tuple[str, ...], overwrite: bool, as_json: bool
) -> None:
    """Write a segmenter that `geoglot train` made as ONNX, checked against PyTorch.

    Input `pixels`: float32, (tile, band, rows, cols), brightness 0..1, sides multiples of 32. Output `scores`: logits
    of each class for every fourth pixel, (tile, class, rows / 4, cols / 4).

    Example: geoglot export runs/loveda/model -o loveda.onnx
    """
    from geoglot.tasks.export import export_model

    with progress() as advance:
        made = export_model(model, output, side, fixed=fixed, int8=int8, overwrite=overwrite, progress=advance)
    text = f"{made.path}  {made.path.stat().st_size / 1e6:.1f} MB, largest difference to PyTorch {made.difference:.1e}"
    if made.int8:
        text += (
            f"\n8 bits ({made.int8.method}): {made.int8.speedup:.1f} times as fast, {made.int8.same:.1%} same classes"
        )
    shared.emit(made.to_json(), as_json, text)
