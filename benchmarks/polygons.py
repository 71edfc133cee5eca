"""Polygons of a class map: time against `rasterio.features.shapes` of the whole array and one file, and peak memory.

    python benchmarks/polygons.py [--side 8192] [--blob 24] [--repeats 5] [--json]
    python benchmarks/polygons.py --side 16384 --blob 12 --repeats 1

The first line makes about 100,000 polygons, the second about 2,000,000. The plain way holds the map, its shapes and a
frame of all polygons, and knows no areas and no scores. Each run is a process of its own, the two ways take turns, and
the ratio is the median of those of each turn: of time by the clock, and of computing time, which other work on the
machine changes less. Peak memory is that of the process, with everything that `segment` imports.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import rasterio
from affine import Affine
from figures_of_runs import Watch, peak_gb, run_apart
from rasterio.windows import Window

CLASSES = 6
STRIP = 512  # rows, as a run of `segment` keeps
PLACE = {"crs": "EPSG:32631", "transform": Affine(1, 0, 400_000, 0, -1, 5_700_000)}


def make_map(path: Path, side: int, blob: int) -> None:
    """A map of blobs some `blob` pixels wide, of which the class 0 is none."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from worlds import class_field

    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "uint8", "compress": "zstd"}
    with rasterio.open(path, "w", **profile, **PLACE) as dataset:
        for seed, row in enumerate(range(0, side, STRIP)):
            field = class_field((min(STRIP, side - row), side), CLASSES + 1, seed, blob)
            dataset.write(field.astype(np.uint8), 1, window=Window(0, row, side, len(field)))


def write_plainly(path: Path, output: Path) -> int:
    """The polygons as one would write them in a notebook; returns their number."""
    import geopandas as gpd
    import rasterio.features
    import shapely.geometry

    with rasterio.open(path) as dataset:
        classes = dataset.read(1)
    shapes = list(rasterio.features.shapes(classes, mask=classes != 0, transform=PLACE["transform"]))
    polygons = [shapely.geometry.shape(geometry) for geometry, _ in shapes]
    frame = gpd.GeoDataFrame({"class": [int(value) for _, value in shapes]}, geometry=polygons, crs=PLACE["crs"])
    frame.to_file(output, driver="GPKG", layer="classes")
    return len(frame)


def write_by_strips(path: Path, output: Path) -> int:
    """The polygons as `segment` writes them, with areas and scores; returns their number."""
    import pyproj

    import geoglot.tasks.segment.map_run  # noqa: F401 its memory counts
    from geoglot.geo import Grid
    from geoglot.outputs.legend import Legend
    from geoglot.outputs.shapes import ClassStrip, trace
    from geoglot.outputs.vector_files import write_polygons

    def strips() -> Iterator[ClassStrip]:
        for row in range(0, dataset.height, STRIP):
            classes = dataset.read(1, window=Window(0, row, dataset.width, min(STRIP, dataset.height - row)))
            yield ClassStrip(row, classes, np.full(classes.shape, 200, np.uint8))

    with rasterio.open(path) as dataset:
        legend = Legend(tuple(f"class {number}" for number in range(1, CLASSES + 1)))
        grid = Grid(pyproj.CRS(PLACE["crs"]), PLACE["transform"], dataset.shape)
        return write_polygons(trace(strips(), frozenset({0, legend.nodata})), grid, legend, 250, output)


WAYS = {"plain": write_plainly, "geoglot": write_by_strips}


def measure(way: str, path: Path, output: Path) -> dict[str, float]:
    """One way in this process, without its imports."""
    WAYS[way](path.with_name("small.tif"), output.with_name(f"warm-{output.name}"))
    watch = Watch()
    polygons = WAYS[way](path, output)
    spent = watch.read()
    return {"polygons": polygons, "seconds": spent.wall, "computing": spent.cpu, "peak_gb": peak_gb()}


def child(way: str, folder: Path) -> dict[str, float]:
    """`measure` in a fresh process."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        return run_apart(__file__, "--measure", way, folder / "map.tif", f"{output}/polygons.gpkg")


@click.command()
@click.option("--side", default=8192, show_default=True, help="pixels")
@click.option("--blob", default=24, show_default=True, help="width of the blobs in pixels")
@click.option("--repeats", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--measure", "one", nargs=3, hidden=True)
def main(side: int, blob: int, repeats: int, as_json: bool, one: tuple[str, str, str] | None) -> None:
    """Print time, computing time and peak memory of both ways."""
    if one:
        click.echo(json.dumps(measure(one[0], Path(one[1]), Path(one[2]))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_map(folder / "map.tif", side, blob)
        make_map(folder / "small.tif", STRIP // 2, blob)
        turns = [{way: child(way, folder) for way in WAYS} for _ in range(repeats)]
    click.echo(json.dumps(turns, indent=2) if as_json else table(turns))


def table(turns: list[dict[str, dict[str, float]]]) -> str:
    """The medians and their ratio."""
    count = turns[0]["geoglot"]["polygons"]
    lines = [f"{count:,} polygons, medians of {len(turns)}", "           seconds  computing  peak GB"]
    for way in WAYS:
        facts = [statistics.median(turn[way][key] for turn in turns) for key in ("seconds", "computing", "peak_gb")]
        lines.append("{:<9}{:9.1f}{:11.1f}{:9.2f}".format(way, *facts))
    for key in ("seconds", "computing"):
        ratios = sorted(turn["geoglot"][key] / turn["plain"][key] for turn in turns)
        lines.append(f"ratio of {key}: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
