"""Alignment of dates: planted shifts on a made-up pair and on pairs of yours, and peak memory on large rasters.

    python benchmarks/aligning.py [--pair 2010.tif 2015.tif ...] [--side 30000] [--json]

A shift is planted by another stated place of the second file, so no pixel is touched. On a real pair, whose own shift
is not known, the error is what the estimate departs from that without a planted shift. The bars: every error below
0.3 px, and memory under 2 GB, the same at every size.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import rasterio
from affine import Affine
from scipy import ndimage

from geoglot.tasks.change.align.align import align_dates

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from figures_of_runs import peak_gb
from memory import make_scene

from worlds import class_field, paint, write_scene

SHIFTS = ((0.5, 0.5), (-1.3, 2.4), (2.75, -0.2), (-3.0, -3.0), (7.25, 4.5))
"""Pixels of the second date (right, down)."""
LIMIT_PX, LIMIT_GB = 0.3, 2.0


def make_pair(folder: Path) -> tuple[Path, Path]:
    """One made-up place in two lights, a fifth of it changed."""
    before, after = (_paint(seed) for seed in (0, 1))
    changed = np.where(class_field(before.shape[1:], 5, 7, blob=60) == 0, after, before) * 0.75 + 0.15
    noise = np.random.default_rng(2).normal(scale=0.015, size=(2, *before.shape))
    pictures = ((np.stack([before, changed]) + noise).clip(0.02, 1) * 255).astype(np.uint8)
    names = ("made-2020-06-01.tif", "made-2021-09-01.tif")
    first, second = (write_scene(folder / name, each) for name, each in zip(names, pictures, strict=True))
    return first, second


def _paint(seed: int) -> np.ndarray:
    side = 600
    grain = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), 1.2)
    field = class_field((side, side), 4, seed, blob=40)
    return np.asarray(paint(field, ("water", "forest", "crop", "road")) / 255 * 0.5 + 0.2 + 0.12 * grain)


def shift_of(pair: tuple[Path, Path]) -> np.ndarray:
    """How far the second date lies from the first, in pixels of the common grid (right, down)."""
    with align_dates(pair) as aligned:
        first, second = (dated.shift for dated in aligned.dates)
        return np.array([second.right - first.right, second.down - first.down])


def misplace(path: Path, copy: Path, shift: tuple[float, float]) -> Path:
    """A copy of a raster whose stated place is wrong by pixels to the right and down."""
    shutil.copyfile(path, copy)
    with rasterio.open(copy, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
        file.transform = file.transform @ Affine.translation(*shift)
    return copy


def errors(pair: tuple[Path, Path], folder: Path, known: bool) -> np.ndarray:
    """The largest error along an axis, in pixels, for each planted shift; `known` if the files lie on one another."""
    start = np.zeros(2) if known else shift_of(pair)
    found = []
    for planted in SHIFTS:
        moved = misplace(pair[1], folder / f"moved-{pair[1].name}", planted)
        found.append(np.abs(shift_of((pair[0], moved)) - start - planted).max())
    return np.array(found)


def peak(side: int) -> tuple[float, float]:
    """Peak memory in GB of aligning two rasters of `side` x `side` pixels in a process of its own, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = (Path(folder) / f"{name}.tif" for name in ("2020-01-01", "2021-01-01"))
        make_scene(first, side)
        misplace(first, second, (1.5, -2.25))
        start = time.monotonic()
        text = subprocess.run(
            [sys.executable, __file__, "--measure", str(first), str(second)], check=True, capture_output=True, text=True
        ).stdout
        return float(text), time.monotonic() - start


@click.command()
@click.option(
    "--pair", nargs=2, type=click.Path(exists=True, path_type=Path), multiple=True, help="Two dates of yours."
)
@click.option("--side", type=int, multiple=True, default=(4000, 16000), show_default=True, help="Pixels of a raster.")
@click.option("--measure", nargs=2, type=click.Path(path_type=Path), hidden=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    pair: tuple[tuple[Path, Path], ...], side: tuple[int, ...], measure: tuple[Path, Path] | None, as_json: bool
) -> None:
    """Print errors of planted shifts and peak memory."""
    if measure:
        with align_dates(measure):
            return click.echo(peak_gb())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = [(make_pair(folder), True), *((each, False) for each in pair)]
        table = {f"{a.name} {b.name}": errors((a, b), folder, known).round(3).tolist() for (a, b), known in pairs}
    memory = {str(each): [round(number, 2) for number in peak(each)] for each in side}
    if as_json:
        return click.echo(json.dumps({"errors_px": table, "memory_gb_and_seconds": memory}))
    for which, found in table.items():
        click.echo(f"{which}: errors {', '.join(f'{error:.2f}' for error in found)} px (bar: below {LIMIT_PX})")
    for number, (gigabytes, seconds) in memory.items():
        click.echo(f"{number} px a side: {gigabytes:.2f} GB (bar: under {LIMIT_GB}), {seconds:.0f} s")


if __name__ == "__main__":
    main()
