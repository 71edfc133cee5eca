"""Photos to tiles: time, memory, and the rule of spacing looked at on all pairs of neighbouring centres.

    python benchmarks/pairs.py [--points 1000000] [--seed 0]

Three worlds of points: uniform over the box 10..20 E, 40..60 N at 10 m (few neighbours); towns (half of the points in
2,000 clumps of 1 km, as photos are) at 1 m; and a belt across the antimeridian and the borders of 10-degree bins.
"""

from __future__ import annotations

import resource
import time

import click
import numpy as np

from geoglot.pairs.collect.cells import Cells, apart, near
from geoglot.pairs.collect.centres import Lattice, greedy_centres, members

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
        spacing, start = SIDE / 2 * resolution, time.perf_counter()
        centres = greedy_centres(lon, lat, spacing, rng.permutation(points))
        middle = time.perf_counter()
        links = members(lon, lat, Lattice(lon[centres], lat[centres], SIDE, resolution))
        kept = links.capped(25, seed)
        end = time.perf_counter()
        looked, broken = too_near(lon[centres], lat[centres], spacing)
        wrong += broken
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{name:<14} {points:,} points: {len(centres):,} tiles in {middle - start:.1f} s, "
            f"{len(links.tile):,} links in {end - middle:.1f} s ({len(kept.tile):,} after the cap); "
            f"{looked:,} neighbouring pairs looked at, {broken} too near; peak memory {peak:.2f} GiB so far",
            flush=True,
        )
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    command()
