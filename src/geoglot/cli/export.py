"""geoglot export: a segmenter as ONNX."""

from __future__ import annotations

from pathlib import Path

import click

from geoglot.cli import options


@click.command()
@click.argument("model")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The graph, an .onnx file.")
@click.option("--side", type=click.IntRange(min=32), help="Pixels of a tile; that of training, if not given.")
@click.option("--fixed", is_flag=True, help="Only tiles of this size and number, for runtimes that want that.")
@options.overwrite
@options.as_json
@options.quiet
@options.verbose
def command(model: str, output: Path, side: int | None, fixed: bool, overwrite: bool, as_json: bool) -> None:
    """Write a segmenter that `geoglot train segment` made as ONNX, checked against PyTorch.

    Input `pixels`: float32, (tile, 3, rows, cols), brightness 0..1, sides multiples of 32. Output `scores`: logits of
    each class for every fourth pixel, (tile, class, rows / 4, cols / 4).

    Example: geoglot export runs/loveda/model -o loveda.onnx
    """
    from geoglot.models.segmenter import load_segmenter
    from geoglot.tasks.export import check_wishes, export

    check_wishes(output, side)
    segmenter = load_segmenter(model, device="cpu")
    with options.progress() as progress:
        made = export(
            segmenter,
            output,
            side or segmenter.card.tile_size,
            fixed=fixed,
            overwrite=overwrite,
            progress=progress,
        )
    text = f"{made.path}  {made.path.stat().st_size / 1e6:.1f} MB, largest difference to PyTorch {made.difference:.1e}"
    options.emit(made.to_json(), as_json, text)
