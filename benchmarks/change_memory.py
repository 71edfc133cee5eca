"""Peak memory and time of `change` over two dates of a large raster: 10 classes, a stub model, maps and polygons.

    python benchmarks/change_memory.py [--width 30000] [--height 30000] [--json]

The bar: under 2 GB at 30,000 px a side. Memory grows with the width of a raster, not with its height. The run is a
process of its own, and the operating system counts its peak resident size.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window

from geoglot.tasks.change.change import change

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from stubs import COLOURS, ColourScorer
from worlds import class_field, paint

NAMES = tuple(COLOURS)
BLOCK = 512
LIMIT_GB = 2.0
CHANGED = 0.02  # of the blocks


def make_dates(folder: Path, shape: tuple[int, int]) -> tuple[Path, Path]:
    """Two tiled 3-band rasters of painted blocks, of which a few are other ones on the second date."""
    fields = [class_field((BLOCK, BLOCK), len(NAMES), seed, blob=150) for seed in range(8)]
    blocks = [paint(field, NAMES) for field in fields]
    profile = {"driver": "GTiff", "width": shape[1], "height": shape[0], "count": 3, "dtype": "uint8"}
    place = {"crs": "EPSG:32631", "transform": Affine(1, 0, 400_000, 0, -1, 5_700_000)}
    tiles = {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "BIGTIFF": "YES", "compress": "zstd"}
    paths = folder / "2015-06-29.tif", folder / "2020-07-02.tif"
    for later, path in enumerate(paths):
        rng, changes = np.random.default_rng(0), np.random.default_rng(1)
        with rasterio.open(path, "w", **profile, **place, **tiles) as dataset:
            for row in range(0, shape[0], BLOCK):
                for col in range(0, shape[1], BLOCK):
                    kind, moves = int(rng.integers(len(blocks))), changes.random() < CHANGED
                    height, width = min(BLOCK, shape[0] - row), min(BLOCK, shape[1] - col)
                    pixels = blocks[(kind + (moves and later)) % len(blocks)][:, :height, :width]
                    dataset.write(pixels, window=Window(col, row, width, height))
    return paths


def measure(folder: Path) -> dict[str, float]:
    """Compare the dates in this process; returns peak memory in GB and the time."""
    started = time.monotonic()
    sources = sorted(folder.glob("20*.tif"))
    scorer = ColourScorer(NAMES, patch=16)
    result = change(sources, None, folder / "change.tif", model=scorer, polygons=folder / "change.gpkg")
    seconds = time.monotonic() - started
    pixels = sum(each.pixels[0] for each in result.classes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "peak_gb": round(peak, 3), "seconds": round(seconds, 1), "mpx_per_s": round(pixels / seconds / 1e6, 2),
        "regions": sum(sum(counts.values()) for each in result.classes for counts in each.objects),
    }  # fmt: skip


@click.command()
@click.option("--width", default=30_000, show_default=True)
@click.option("--height", default=30_000, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--measure", "one", hidden=True)
def main(width: int, height: int, as_json: bool, one: str | None) -> None:
    """Print peak memory and time; exit 1 if the memory exceeds the limit."""
    if one:
        click.echo(json.dumps(measure(Path(one))))
        return
    with tempfile.TemporaryDirectory() as name:
        make_dates(Path(name), (height, width))
        done = subprocess.run([sys.executable, __file__, "--measure", name], capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout.splitlines()[-1]) | {"width": width, "height": height, "limit_gb": LIMIT_GB}
    click.echo(
        json.dumps(facts)
        if as_json
        else f"{width} x {height} px, 2 dates, {len(NAMES)} classes: peak {facts['peak_gb']:.2f} GB, "
        f"{facts['seconds']:.0f} s, {facts['mpx_per_s']} Mpx/s, {facts['regions']} regions"
    )
    sys.exit(facts["peak_gb"] > LIMIT_GB)


if __name__ == "__main__":
    main()
