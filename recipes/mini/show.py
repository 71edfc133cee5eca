"""Show what two models make of one scene: `python recipes/mini/show.py OLD NEW OUT.png [SCENE --classes WORDS]`.

The picture has two rows, each the scene beside its map: by OLD above, by NEW below. Words decide alone, without bands.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import rasterio
from affine import Affine
from PIL import Image
from rasterio.windows import Window

from geoglot.demo import SCENE
from geoglot.options import SegmentOptions
from geoglot.outputs.panels import check_picture, montage
from geoglot.tasks.segment.segment import segment

CLASSES = "trees, grass, buildings, roads"


def cut_out(scene: Path, window: Window, output: Path) -> Path:
    """Write a window of a scene, with its bands and its place, as a GeoTIFF."""
    moved = Affine.translation(window.col_off, window.row_off)
    with rasterio.open(scene) as source:
        changed = {"width": window.width, "height": window.height, "transform": source.transform @ moved}
        kept = {"count": source.count, "dtype": source.dtypes[0], "crs": source.crs, "nodata": source.nodata}
        with rasterio.open(output, "w", driver="GTiff", **kept, **changed) as target:
            target.write(source.read(window=window))
            target.colorinterp, target.descriptions = source.colorinterp, source.descriptions
    return output


def show(models: tuple[str, str], scene: Path, classes: str) -> Image.Image:
    """The overlays of both models, one below the other."""
    with tempfile.TemporaryDirectory() as folder:
        for number, model in enumerate(models):
            segment(
                scene, classes, Path(folder) / f"{number}.tif", model=model, options=SegmentOptions(evidence="words")
            )
        return montage([[Image.open(path).convert("RGB")] for path in sorted(Path(folder).glob("*.overlay.png"))])


@click.command()
@click.argument("old")
@click.argument("new")
@click.argument("output", type=click.Path(path_type=Path))
@click.argument("scene", type=click.Path(exists=True, path_type=Path), default=SCENE)
@click.option("--classes", default=CLASSES, show_default=True)
@click.option("--window", type=(int, int, int, int), help="Column, row, width and height of a part of the scene.")
def command(
    old: str, new: str, output: Path, scene: Path, classes: str, window: tuple[int, int, int, int] | None
) -> None:
    """Write OUTPUT, a PNG of SCENE (by default that of the demo) with its maps by the models OLD and NEW."""
    check_picture(output)
    with tempfile.TemporaryDirectory() as folder:
        shown = cut_out(scene, Window(*window), Path(folder) / scene.name) if window else scene
        show((old, new), shown, classes).quantize(256).save(output, "PNG", optimize=True)


if __name__ == "__main__":
    command()
