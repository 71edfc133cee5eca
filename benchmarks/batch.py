"""How much faster `--jobs 2` maps many small scenes: `segment` over the four quarters of the demo scene, four times.

    python benchmarks/batch.py [--jobs 2] [--scenes 16] [--repeats 5] [--json]

Each run is a process of its own and maps into an empty folder. Jobs share the processors: with one job, a scene has
them all; with two, each of two scenes has half of them, and what one thread does alone is done twice at once. Runs with
one and with several jobs take turns, so that other work on the machine falls on both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import rasterio
from rasterio.windows import Window

from geoglot.demo import SCENE

CLASSES = "trees, grass, houses, road"
COMMAND = [sys.executable, "-m", "geoglot", "segment"]


def cut_scenes(folder: Path, count: int) -> None:
    """Quarters of the demo scene of 300 x 300 px, as many as are wanted."""
    with rasterio.open(SCENE) as whole:
        for number in range(count):
            window = Window(300 * (number % 2), 300 * (number // 2 % 2), 300, 300)
            profile = whole.profile | {"width": 300, "height": 300, "transform": whole.window_transform(window)}
            with rasterio.open(folder / f"{number:02}.tif", "w", **profile) as part:
                part.write(whole.read(window=window))
                part.colorinterp = whole.colorinterp


def measure(scenes: Path, jobs: int) -> float:
    """Seconds that a batch takes by the clock."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*COMMAND, str(scenes), "--classes", CLASSES, "-o", f"{folder}/maps", "--jobs", str(jobs), "-q"]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start


@click.command()
@click.option("--jobs", default=2, show_default=True)
@click.option("--scenes", default=16, show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(jobs: int, scenes: int, repeats: int, as_json: bool) -> None:
    """Print the median of the runs with one and with several jobs, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        cut_scenes(Path(folder), scenes)
        runs = [(measure(Path(folder), 1), measure(Path(folder), jobs)) for _ in range(repeats)]
    one, several = (statistics.median(times) for times in zip(*runs, strict=True))
    ratio = statistics.median(alone / shared for alone, shared in runs)
    found = {"scenes": scenes, "jobs": jobs, "one_s": one, "several_s": several, "ratio": ratio}
    if as_json:
        print(json.dumps(found))
        return
    print(f"{scenes} scenes of 300 x 300 px, {os.cpu_count()} processors, median of {repeats}")
    print(f"  1 job   {one:6.1f} s")
    print(f"  {jobs} jobs  {several:6.1f} s")
    print(f"  {ratio:.2f} times as fast, the median of the ratios")


if __name__ == "__main__":
    main()
