"""Peak memory and time of `change` over two dates of a large raster: 10 classes, a stub model, maps and polygons.

    python benchmarks/change_memory.py [--width 30000] [--height 30000] [--json]

The bar: under 2 GB at 30,000 px a side. Memory grows with the width of a raster, not with its height. The run is a
process of its own, and the operating system counts its peak resident size.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from figures_of_runs import peak_gb, run_apart
from memory import NAMES, painted_blocks, write_blocks
from numpy.random import Generator

from geoglot.tasks.change.change import change
from stubs import ColourScorer

LIMIT_GB = 2.0
CHANGED = 0.02  # of the blocks


def make_dates(folder: Path, shape: tuple[int, int]) -> tuple[Path, Path]:
    """Two tiled 3-band rasters of painted blocks, of which a few are other ones on the second date."""
    blocks = painted_blocks()
    paths = folder / "2015-06-29.tif", folder / "2020-07-02.tif"
    for later, path in enumerate(paths):
        rng, changes = np.random.default_rng(0), np.random.default_rng(1)

        def choose(rng: Generator = rng, changes: Generator = changes, later: int = later) -> int:
            kind, moves = int(rng.integers(len(blocks))), changes.random() < CHANGED
            return (kind + (moves and later)) % len(blocks)

        write_blocks(path, shape, blocks, choose)
    return paths


def measure(folder: Path) -> dict[str, float]:
    """Compare the dates in this process; returns peak memory in GB and the time."""
    started = time.monotonic()
    sources = sorted(folder.glob("20*.tif"))
    scorer = ColourScorer(NAMES, patch=16)
    result = change(sources, None, folder / "change.tif", model=scorer, polygons=folder / "change.gpkg")
    seconds = time.monotonic() - started
    pixels = sum(each.pixels[0] for each in result.classes)
    return {
        "peak_gb": round(peak_gb(), 3), "seconds": round(seconds, 1), "mpx_per_s": round(pixels / seconds / 1e6, 2),
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
        found = run_apart(__file__, "--measure", name)
    facts = found | {"width": width, "height": height, "limit_gb": LIMIT_GB}
    click.echo(
        json.dumps(facts)
        if as_json
        else f"{width} x {height} px, 2 dates, {len(NAMES)} classes: peak {facts['peak_gb']:.2f} GB, "
        f"{facts['seconds']:.0f} s, {facts['mpx_per_s']} Mpx/s, {facts['regions']} regions"
    )
    sys.exit(facts["peak_gb"] > LIMIT_GB)


if __name__ == "__main__":
    main()
