"""Time and peak memory of `segment` by mini against the raster's size and the number of classes, as slopes and charts.

    python benchmarks/scale.py [--side 2048 --side 8192 --side 32768] [--classes 1 --classes 4 --classes 16
        --classes 64] [--repeats 5] [--charts docs] [--json]

Sizes are mapped to seven classes, and numbers of classes on 4,096 px a side. Every run is a new process, in which a
small raster is mapped first: seconds are those of a warm run, and the operating system counts the peak resident size.
Rasters from 20,000 px a side are mapped once, others `--repeats` times, and medians are printed. A slope is the
exponent between neighbours in a table: time of a raster twice as wide grows 4 to the power of its slope, so 1 is linear
in pixels; of memory, 0 is flat. With --charts two files are drawn: scale-size.svg and scale-classes.svg.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import click
from figures_of_runs import describe_machine, peak_gb, run_apart
from memory import make_scene

from geoglot.models.zoo import load_word_model
from geoglot.options import SegmentOptions
from geoglot.outputs.chart import Chart, Series
from geoglot.tasks.segment.segment import segment

_WORDS = """
water, trees, building, road, grass, field, sand, snow, bridge, railway, airport, harbour, ship, car,
stadium, swimming pool, tennis court, parking lot, greenhouse, quarry, river, lake, beach, island, desert,
mountain, glacier, swamp, orchard, vineyard, cemetery, church, school, hospital, factory, warehouse, power
station, dam, canal, runway, aeroplane, helicopter, truck, bus, train, crane, chimney, wind turbine, solar
panel, storage tank, roundabout, motorway, footpath, playground, golf course, football pitch, basketball
court, garden, hedge, barn, castle, tower, fountain, tent
"""
WORDS = tuple(" ".join(word.split()) for word in _WORDS.split(","))
FEW, FEW_SIDE = 7, 4096
ONCE = 20_000  # pixels a side, from which a raster is mapped once
LINEAR, FLAT = 0.1, 0.1


@dataclass(frozen=True)
class Point:
    """What one raster and one number of classes cost."""

    side: int
    classes: int
    seconds: tuple[float, ...]
    """Of each run."""
    peak_gb: tuple[float, ...]

    @property
    def time(self) -> float:
        """The median, in seconds."""
        return statistics.median(self.seconds)

    @property
    def memory(self) -> float:
        """The median, in GB."""
        return statistics.median(self.peak_gb)


def measure(scene: Path, small: Path, classes: int, output: Path) -> dict[str, float]:
    """Map in this process; seconds, and peak memory in GB."""
    words, model = ", ".join(WORDS[:classes]), load_word_model("mini", precision="auto")
    options = SegmentOptions(background="building, road, field" if classes == 1 else "")
    segment(small, words, output, model=model, options=options, overwrite=True)
    began = time.perf_counter()
    segment(scene, words, output, model=model, options=options, overwrite=True)
    return {"seconds": time.perf_counter() - began, "peak_gb": peak_gb()}


def run_point(folder: Path, side: int, classes: int, repeats: int) -> Point:
    """`measure` in new processes."""
    scene, small, output = folder / f"{side}.tif", folder / "small.tif", folder / "map.tif"
    for path, size in ((scene, side), (small, 1024)):
        if not path.exists():
            make_scene(path, size)
    times = 1 if side >= ONCE else repeats
    runs = [run_apart(__file__, "--measure", scene, small, classes, output) for _ in range(times)]
    seconds, peaks = ([float(run[key]) for run in runs] for key in ("seconds", "peak_gb"))
    return Point(side, classes, tuple(seconds), tuple(peaks))


def slopes(sizes: Sequence[float], values: Sequence[float]) -> list[float]:
    """The exponent of growth from each size to the next."""
    points = list(zip(sizes, values, strict=True))
    return [math.log(after / before) / math.log(large / small) for (small, before), (large, after) in pairwise(points)]


def table(points: Sequence[Point], sizes: Sequence[float]) -> str:
    """The points and the slopes between them."""
    times, peaks = (["", *(f"{each:.2f}" for each in slopes(sizes, values))] for values in (
        [point.time for point in points], [point.memory for point in points]
    ))  # fmt: skip
    lines = ["px a side  classes       time  s/Mpx  slope      peak  slope  runs"]
    for point, time_slope, peak_slope in zip(points, times, peaks, strict=True):
        lines.append(
            f"{point.side:>9,}  {point.classes:>7}  {point.time:7.1f} s  {point.time / point.side**2 * 1e6:5.3f}  "
            f"{time_slope:>5}  {point.memory:5.2f} GB  {peak_slope:>5}  {len(point.seconds):>4}"
        )
    return "\n".join(lines)


def draw(points: Sequence[Point], labels: Sequence[str], path: Path) -> None:
    """Seconds a million pixels and peak memory over sizes or classes."""
    each_mpx = [point.time / point.side**2 * 1e6 for point in points]
    series = [
        Series("seconds for a million pixels", each_mpx, (31, 119, 180)),
        Series("peak memory in GB", [point.memory for point in points], (214, 39, 40)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        Chart(series, labels, range(len(points)), "s, GB").write(Path(folder) / "chart.png", path)


def bars(points: Sequence[Point]) -> bool:
    """Whether time is linear in pixels within 10 % and memory flat within 10 %, between the two largest rasters."""
    small, large = points[-2:]
    growth = (large.time / large.side**2) / (small.time / small.side**2)
    return abs(growth - 1) <= LINEAR and large.memory / small.memory - 1 <= FLAT


@click.command()
@click.option("--side", "sides", type=int, multiple=True, default=(2048, 8192, 32768), show_default=True)
@click.option("--classes", "counts", type=int, multiple=True, default=(1, 4, 16, 64), show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--charts", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
@click.option("--measure", "one", nargs=4, hidden=True)
def main(
    sides: tuple[int, ...],
    counts: tuple[int, ...],
    repeats: int,
    charts: Path | None,
    as_json: bool,
    one: tuple[str, str, str, str] | None,
) -> None:
    """Print tables and slopes; exit 1 if time is not linear in the size or memory not flat."""
    if one:
        scene, small, classes, output = one
        click.echo(json.dumps(measure(Path(scene), Path(small), int(classes), Path(output))))
        return
    with tempfile.TemporaryDirectory() as name:
        by_size = [run_point(Path(name), side, FEW, repeats) for side in sides]
        by_classes = [run_point(Path(name), FEW_SIDE, count, repeats) for count in counts]
    if as_json:
        points = {"by_size": list(map(asdict, by_size)), "by_classes": list(map(asdict, by_classes))}
        click.echo(json.dumps({"machine": describe_machine(), **points}))
    else:
        click.echo(f"{describe_machine()}\n{table(by_size, [side**2 for side in sides])}")
        click.echo(table(by_classes, counts))
    if charts:
        draw(by_size, [f"{side:,} px" for side in sides], charts / "scale-size.svg")
        draw(by_classes, [f"{count} classes" for count in counts], charts / "scale-classes.svg")
    sys.exit(len(by_size) > 1 and not bars(by_size))


if __name__ == "__main__":
    main()
