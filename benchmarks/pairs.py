"""From photos to tiles: time, memory, the spacing of all neighbouring centres, and how uniform random places are.

    python benchmarks/pairs.py [--points 1000000] [--seed 0]

Three worlds of points: uniform over the box 10..20 E, 40..60 N at 10 m (few neighbours); towns (half of the points in
2,000 clumps of 1 km, as photos are) at 1 m; and a belt across the antimeridian and the borders of 10-degree bins.

Memory: a collection whose searches have found all points, with the usual metadata of a photo (some 400 bytes), goes
through stage `photos` (without the downloads) and stage `tiles`, in a separate process.

Places: chi-square over 100 cells of 2 by 1 degrees from 55 to 65 N, whose expected counts follow their geodesic areas.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pyproj
import shapely
from figures_of_runs import peak_gb
from scipy.stats import chisquare

from geoglot.geodesy import geodesic_area_m2
from geoglot.pairs.collect.collect_recipe import PairsRecipe, PlacesRecipe, TilesRecipe
from geoglot.pairs.collect.photos import prefilter, read_photos
from geoglot.pairs.collect.places import draw_places
from geoglot.pairs.collect.spatial_hash import SpatialHash, axis_distances, find_neighbours
from geoglot.pairs.collect.stage import Collection
from geoglot.pairs.collect.tiles import UtmTiles, choose_centres, find_members, place_tiles

SIDE = 224
_A_SEARCH = 500  # photos of one place


def uniform(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points uniform over the area of 10..20 E, 40..60 N."""
    return rng.uniform(10, 20, count), np.degrees(
        np.arcsin(rng.uniform(np.sin(np.radians(40)), np.sin(np.radians(60)), count))
    )


def towns(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points, half of them uniform, half within 1 km of one of 2,000 places, some of them crowded."""
    lon, lat = uniform(count, rng)
    homes = rng.choice(2000, count // 2, p=rng.dirichlet(np.full(2000, 0.3)))
    place = uniform(2000, rng)
    lon[: count // 2] = place[0][homes] + rng.normal(0, 0.008, count // 2)
    lat[: count // 2] = place[1][homes] + rng.normal(0, 0.005, count // 2)
    return lon, lat


def belt(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points within 2 degrees of the antimeridian and of 60 N, where bins of 10 degrees meet."""
    return (rng.uniform(179, 181, count) + 180) % 360 - 180, rng.uniform(59, 61, count)


def too_near(lon: np.ndarray, lat: np.ndarray, spacing: float) -> tuple[int, int]:
    """Number of pairs of neighbouring centres, and of those that are too near."""
    cells = SpatialHash(spacing)
    one, other = find_neighbours(cells, lon, lat, cells.cell_of(lon, lat), spacing)
    one, other = one[one < other], other[one < other]
    east, north = axis_distances(lon[one], lat[one], lon[other], lat[other])
    return len(one), int(((east < spacing) & (north < spacing)).sum())


def uniformity(seed: int) -> float:
    """The p-value that places are uniform over cells around 60 N."""
    bounds = (5.0, 55.0, 25.0, 65.0)
    places = draw_places(PlacesRecipe(count=100_000, seed=seed, bounds=bounds))
    west, south = np.meshgrid(np.arange(5.0, 25.0, 2.0), np.arange(55.0, 65.0, 1.0), indexing="ij")
    cells = [
        shapely.segmentize(shapely.box(w, s, w + 2, s + 1), 0.05) for w, s in zip(west.flat, south.flat, strict=True)
    ]
    areas = geodesic_area_m2(cells, pyproj.CRS("OGC:CRS84"))
    counts, *_ = np.histogram2d(*places.T, bins=(np.arange(5.0, 26.0, 2.0), np.arange(55.0, 66.0, 1.0)))
    return float(chisquare(counts.ravel(), areas / areas.sum() * counts.sum()).pvalue)


def hold(folder: Path, points: int, seed: int) -> None:
    """Take all photos of a collection from search results to tiles."""
    rng = np.random.default_rng(seed)
    found = [folder / f"{number}.json" for number in range(max(1, points // _A_SEARCH))]
    for number, path in enumerate(found):
        path.write_text(json.dumps({"photos": [photo(number * _A_SEARCH + one, rng) for one in range(_A_SEARCH)]}))
    collection = Collection(
        PairsRecipe("held", folder, tiles=TilesRecipe(resolution=10.0)), folder, lambda what, done, total: None
    )
    empty, start, worked = peak_gb(), time.perf_counter(), time.process_time()
    frame = read_photos(found)
    frame["left"] = prefilter(frame, collection.recipe)
    collection.keep_table("photos", frame)
    collection.keep_table("left", frame[["key", "left"]])
    collection.keep_table("kept", frame[frame["left"] == ""].drop(columns="left"))
    middle, held = time.perf_counter(), peak_gb()
    del frame
    tiles = place_tiles(collection).counts["tiles"]
    print(
        f"photos held   {len(found) * _A_SEARCH:,} photos: found to kept in {middle - start:.1f} s and {held:.2f} GB, "
        f"{tiles:,} tiles in {time.perf_counter() - middle:.1f} s, {time.process_time() - worked:.1f} s of a core; "
        f"peak memory {peak_gb():.2f} GB ({empty:.2f} GB before)",
        flush=True,
    )


def photo(number: int, rng: np.random.Generator) -> dict[str, object]:
    """A photo's metadata as a service gives it, with texts of usual length."""
    (lon,), (lat,) = uniform(1, rng)
    identity, user = str(40_000_000_000 + number), f"{10_000_000 + number % 50_000}@N0{number % 9}"
    return {
        "source": "flickr", "id": identity, "lon": lon, "lat": lat,
        "time": f"20{13 + number % 10}-0{1 + number % 9}-1{number % 9}T12:{number % 60:02d}:00", "user": user,
        "author": f"Somebody {number % 50_000}", "title": f"A view of the valley, number {number}", "licence": "cc-by",
        "page": f"https://www.flickr.com/photos/{user}/{identity}",
        "url": f"https://live.staticflickr.com/65535/{identity}_{number:010x}_z.jpg", "accuracy": 16, "state": "",
    }  # fmt: skip


def alone(work: Callable[..., None], *arguments: object) -> None:
    """Run in a separate process, so that its peak memory is that of the work."""
    child = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit(child.exitcode)


@click.command()
@click.option("--points", default=1_000_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def command(points: int, seed: int) -> None:
    """Measure; exit 1 if a centre is too near another."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        alone(hold, Path(folder), points, seed)
    for name, world, resolution in (
        ("uniform, 10 m", uniform, 10.0),
        ("towns, 1 m", towns, 1.0),
        ("belt, 10 m", belt, 10.0),
    ):
        rng = np.random.default_rng(seed)
        lon, lat = world(points, rng)
        spacing, start, worked = SIDE / 2 * resolution, time.perf_counter(), time.process_time()
        centres = choose_centres(lon, lat, spacing, rng.permutation(points))
        middle = time.perf_counter()
        links = find_members(lon, lat, UtmTiles(lon[centres], lat[centres], SIDE, resolution))
        kept = links.draw_at_most(25, seed)
        end, worked = time.perf_counter(), time.process_time() - worked
        looked, broken = too_near(lon[centres], lat[centres], spacing)
        wrong += broken
        print(
            f"{name:<14} {points:,} points: {len(centres):,} tiles in {middle - start:.1f} s, "
            f"{len(links.tile):,} links in {end - middle:.1f} s ({len(kept.tile):,} after the cap), "
            f"{worked:.1f} s of a core; "
            f"{looked:,} neighbouring pairs looked at, {broken} too near; peak memory {peak_gb():.2f} GB so far",
            flush=True,
        )
    chances = [uniformity(one) for one in range(seed, seed + 5)]
    print(f"places at 60 N: p of chi-square, 5 seeds: {', '.join(f'{chance:.2f}' for chance in chances)}")
    raise SystemExit(wrong > 0 or min(chances) < 1e-4)


if __name__ == "__main__":
    command()
