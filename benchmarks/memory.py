"""Peak memory of `segment` against the raster's size: 10 classes, a stub model, with and without polygons.

    python benchmarks/memory.py [--side 15000 --side 60000] [--json]

Each run is a separate process, and the operating system counts its peak resident size. The bar: under 1.5 GB, and the
same at every size. The table also shows the need of a tool that keeps float64 scores and weights for every pixel,
(classes + 1) x rows x cols x 8 bytes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
import rasterio
from affine import Affine
from figures_of_runs import peak_gb, run_apart
from rasterio.windows import Window

from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.tasks.segment.map_files import Outputs
from geoglot.tasks.segment.map_run import segment_with

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from stubs import COLOURS, ColourScorer
from worlds import class_field, paint

NAMES = tuple(COLOURS)
BLOCK = 512
LIMIT_GB = 1.5


def make_scene(path: Path, side: int) -> None:
    """A tiled 3-band raster of `side` x `side` pixels: a few painted blocks, repeated in a seeded order."""
    rng, blocks = np.random.default_rng(0), painted_blocks()
    write_blocks(path, (side, side), blocks, lambda: int(rng.integers(len(blocks))))


def painted_blocks() -> list[np.ndarray]:
    """Blocks of all classes, (3, BLOCK, BLOCK)."""
    return [paint(class_field((BLOCK, BLOCK), len(NAMES), seed, blob=150), NAMES) for seed in range(8)]


def write_blocks(path: Path, shape: tuple[int, int], blocks: Sequence[np.ndarray], choose: Callable[[], int]) -> None:
    """A tiled raster of 1 m, (rows, cols): blocks (3, side, side) side by side, each chosen by number."""
    profile = {"driver": "GTiff", "height": shape[0], "width": shape[1], "count": 3, "dtype": "uint8"}
    place = {"crs": "EPSG:32631", "transform": Affine(1, 0, 400_000, 0, -1, 5_700_000)}
    tiles = {
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "zstd",
        "BIGTIFF": "YES",
        "num_threads": 2,
    }
    step = blocks[0].shape[-1]
    with rasterio.open(path, "w", **profile, **place, **tiles) as dataset:
        for row in range(0, shape[0], step):
            for col in range(0, shape[1], step):
                height, width = min(step, shape[0] - row), min(step, shape[1] - col)
                dataset.write(blocks[choose()][:, :height, :width], window=Window(col, row, width, height))


def measure(scene: Path, folder: Path, polygons: bool) -> dict[str, float]:
    """Segment in this process; returns peak memory in GB and the time."""
    read = ReadOptions(tile=512, overlap=64, batch=4)
    options = SegmentOptions(overlay=False)
    outputs = Outputs.of(folder / "map.tif", folder / "map.gpkg" if polygons else None, options)
    started = time.monotonic()
    scorer = ColourScorer(NAMES, patch=16)
    result = segment_with(scorer, Legend(NAMES), scene, outputs, read=read, options=options, overwrite=True)
    seconds = time.monotonic() - started
    pixels = sum(share.pixels for share in result.classes)
    return {"peak_gb": round(peak_gb(), 3), "seconds": round(seconds, 1), "mpx_per_s": round(pixels / seconds / 1e6, 2)}


@click.command()
@click.option("--side", "sides", type=int, multiple=True, default=(4_000, 16_000), show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--measure", "one", nargs=3, hidden=True)
def main(sides: tuple[int, ...], as_json: bool, one: tuple[str, str, str] | None) -> None:
    """Print peak memory for rasters of several sides; exit 1 if one exceeds the limit."""
    if one:
        click.echo(json.dumps(measure(Path(one[0]), Path(one[1]), bool(int(one[2])))))
        return
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side in sides:
            make_scene(folder / "scene.tif", side)
            for polygons in (False, True):
                facts = run_apart(__file__, "--measure", folder / "scene.tif", folder, int(polygons))
                whole = round((len(NAMES) + 1) * side * side * 8 / 1e9, 1)
                rows.append({"side": side, "polygons": polygons, **facts, "whole_raster_in_memory_gb": whole})
                if not as_json:
                    click.echo(describe(rows[-1]))
    if as_json:
        click.echo(json.dumps({"limit_gb": LIMIT_GB, "rows": rows}))
    sys.exit(any(row["peak_gb"] > LIMIT_GB for row in rows))


def describe(row: dict[str, float]) -> str:
    """A line of the table."""
    what = "map and polygons" if row["polygons"] else "map"
    return (
        f"{row['side']:>6} px  {what:<16}  peak {row['peak_gb']:.2f} GB  {row['seconds']:7.1f} s  "
        f"{row['mpx_per_s']:6.2f} Mpx/s   (scores of the whole raster: {row['whole_raster_in_memory_gb']:.1f} GB)"
    )


if __name__ == "__main__":
    main()
