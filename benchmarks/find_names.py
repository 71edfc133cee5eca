"""Seconds a name of `find` on a scene that is encoded already, one name at a time and several together.

    python benchmarks/find_names.py [--side 4096] [--repeats 5] [--json]

The scene is the first three bands of the one that ships with geoglot, repeated in mirrored copies. Medians by the clock
and of computing time, which other work on the machine changes less; peak memory is that of the process, with encoding.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from dataclasses import astuple
from pathlib import Path
from typing import Any

import click
import numpy as np
import rasterio
from figures_of_runs import Spent, Watch, peak_gb

from geoglot.demo import SCENE
from geoglot.scene.encoded_scene import EncodedScene, encode_scene
from geoglot.tasks.find.find import find

NAMES = ("car", "swimming pool", "lake", "road")


def make_scene(path: Path, side: int) -> None:
    """Mirrored copies beside and below each other, as bytes."""
    with rasterio.open(SCENE) as dataset:
        pixels, place = dataset.read([1, 2, 3]), {"crs": dataset.crs, "transform": dataset.transform}
    low, high = np.percentile(pixels, [1, 99])
    pixels = ((pixels - low) / (high - low) * 254 + 1).clip(1, 255).astype(np.uint8)
    pixels = np.pad(pixels, [(0, 0), *((0, side - length) for length in pixels.shape[1:])], mode="symmetric")
    size = {"driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8", "tiled": True}
    with rasterio.open(path, "w", **size, **place) as dataset:
        dataset.write(pixels)


def measure(scene: EncodedScene, names: tuple[str, ...], repeats: int) -> dict[str, Any]:
    """Medians of some searches; the first does not count."""
    runs, objects = list[Spent](), 0
    for _ in range(repeats + 1):
        watch = Watch()
        objects = len(find(scene, list(names)).objects)
        runs.append(watch.read(1 / len(names)))
    seconds, computing = (statistics.median(each) for each in zip(*map(astuple, runs[1:]), strict=True))
    return {
        "names": ", ".join(names), "objects": objects, "seconds a name": round(seconds, 3),
        "computing": round(computing, 3), "peak_gb": round(peak_gb(), 2),
    }  # fmt: skip


@click.command()
@click.option("--side", default=4096, show_default=True, help="pixels")
@click.option("--repeats", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(side: int, repeats: int, as_json: bool) -> None:
    """Print the medians for each name, and for all of them together."""
    with tempfile.TemporaryDirectory() as name:
        make_scene(Path(name) / "scene.tif", side)
        with encode_scene(Path(name) / "scene.tif") as scene:
            rows = [measure(scene, names, repeats) for names in (*((name,) for name in NAMES), NAMES)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            f"{row['seconds a name']:.2f} s a name, computing {row['computing']:.2f} s, {row['objects']:,} objects, "
            f"peak {row['peak_gb']} GB: {row['names']}"
        )


if __name__ == "__main__":
    main()
