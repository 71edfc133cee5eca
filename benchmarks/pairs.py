"""Photos to tiles: time, memory, the rule of spacing on all pairs of neighbouring centres; and how uniform places are.

    python benchmarks/pairs.py [--points 1000000] [--seed 0]

Three worlds of points: uniform over the box 10..20 E, 40..60 N at 10 m (few neighbours); towns (half of the points in
2,000 clumps of 1 km, as photos are) at 1 m; and a belt across the antimeridian and the borders of 10-degree bins.

Places: chi-square over 100 cells of 2 by 1 degrees from 55 to 65 N, whose expected counts follow their geodesic areas.
"""

from __future__ import annotations

import resource
import time

import click
import numpy as np
import pyproj
import shapely
from scipy.stats import chisquare

from geoglot.geo import geodesic_area_m2
from geoglot.pairs.collect.cells import Cells, apart, near
from geoglot.pairs.collect.centres import Lattice, greedy_centres, members
from geoglot.pairs.collect.places import draw_places
from geoglot.pairs.collect.recipe import PlacesRecipe

SIDE = 224


def uniform(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Over 10..20 E, 40..60 N, uniform over area."""
    return rng.uniform(10, 20, count), np.degrees(
        np.arcsin(rng.uniform(np.sin(np.radians(40)), np.sin(np.radians(60)), count))
    )


def towns(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Half uniform, half within 1 km of one of 2,000 places, some of them crowded."""
    lon, lat = uniform(count, rng)
    homes = rng.choice(2000, count // 2, p=rng.dirichlet(np.full(2000, 0.3)))
    place = uniform(2000, rng)
    lon[: count // 2] = place[0][homes] + rng.normal(0, 0.008, count // 2)
    lat[: count // 2] = place[1][homes] + rng.normal(0, 0.005, count // 2)
    return lon, lat


def belt(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """2 degrees around the antimeridian and the parallel of 60 N, where bins of 10 degrees meet."""
    return (rng.uniform(179, 181, count) + 180) % 360 - 180, rng.uniform(59, 61, count)


def too_near(lon: np.ndarray, lat: np.ndarray, spacing: float) -> tuple[int, int]:
    """All pairs of neighbouring centres looked at, and those that break the rule."""
    cells = Cells(spacing)
    one, other = near(cells, lon, lat, cells.of(lon, lat), spacing)
    one, other = one[one < other], other[one < other]
    east, north = apart(lon[one], lat[one], lon[other], lat[other])
    return len(one), int(((east < spacing) & (north < spacing)).sum())


def uniformity(seed: int) -> float:
    """The p-value of places over cells around 60 N."""
    bounds = (5.0, 55.0, 25.0, 65.0)
    places = draw_places(PlacesRecipe(count=100_000, seed=seed, bounds=bounds))
    west, south = np.meshgrid(np.arange(5.0, 25.0, 2.0), np.arange(55.0, 65.0, 1.0), indexing="ij")
    cells = [
        shapely.segmentize(shapely.box(w, s, w + 2, s + 1), 0.05) for w, s in zip(west.flat, south.flat, strict=True)
    ]
    areas = geodesic_area_m2(cells, pyproj.CRS("OGC:CRS84"))
    counts, *_ = np.histogram2d(*places.T, bins=(np.arange(5.0, 26.0, 2.0), np.arange(55.0, 66.0, 1.0)))
    return float(chisquare(counts.ravel(), areas / areas.sum() * counts.sum()).pvalue)


@click.command()
@click.option("--points", default=1_000_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def command(points: int, seed: int) -> None:
    """Measure; exit 1 if a centre is too near another."""
    wrong = 0
    for name, world, resolution in (
        ("uniform, 10 m", uniform, 10.0),
        ("towns, 1 m", towns, 1.0),
        ("belt, 10 m", belt, 10.0),
    ):
        rng = np.random.default_rng(seed)
        lon, lat = world(points, rng)
        spacing, start, worked = SIDE / 2 * resolution, time.perf_counter(), time.process_time()
        centres = greedy_centres(lon, lat, spacing, rng.permutation(points))
        middle = time.perf_counter()
        links = members(lon, lat, Lattice(lon[centres], lat[centres], SIDE, resolution))
        kept = links.capped(25, seed)
        end, worked = time.perf_counter(), time.process_time() - worked
        looked, broken = too_near(lon[centres], lat[centres], spacing)
        wrong += broken
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{name:<14} {points:,} points: {len(centres):,} tiles in {middle - start:.1f} s, "
            f"{len(links.tile):,} links in {end - middle:.1f} s ({len(kept.tile):,} after the cap), "
            f"{worked:.1f} s of a core; "
            f"{looked:,} neighbouring pairs looked at, {broken} too near; peak memory {peak:.2f} GiB so far",
            flush=True,
        )
    chances = [uniformity(one) for one in range(seed, seed + 5)]
    print(f"places at 60 N: p of chi-square, 5 seeds: {', '.join(f'{chance:.2f}' for chance in chances)}")
    raise SystemExit(wrong > 0 or min(chances) < 1e-4)


if __name__ == "__main__":
    command()
