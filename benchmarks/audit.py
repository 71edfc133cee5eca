"""Audits of maps whose truth is known: how often the 95 % intervals hold it, and how far the estimates are off.

`python benchmarks/audit.py [AUDITS]` draws, decides and estimates as `geoglot audit` does, with another seed each time
(500 by default). A map is a scatter of errors over the truth: which pixels of which class are wrong is all that the
estimates depend on. Beside the intervals stand those of 1.96 standard errors, which is what most tools give. They have
no width where a stratum shows no error, so they leave out what the sample did not meet.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from jaxtyping import Float

from geoglot.options import AuditOptions
from geoglot.tasks.audit.census import take_census
from geoglot.tasks.audit.class_raster import open_classes
from geoglot.tasks.audit.estimate import Counts, Sample, Z, estimate_ratios
from geoglot.tasks.audit.pick_places import pick_places
from geoglot.tasks.audit.sample_size import allocate

_PIXELS = 400_000


@dataclass(frozen=True)
class World:
    """Shares of the classes in the map, and for each of them the shares of what is really there."""

    name: str
    mapped: tuple[float, ...]
    really: tuple[tuple[float, ...], ...]
    options: AuditOptions


_EVEN = ((0.85, 0.1, 0.05), (0.1, 0.85, 0.05), (0.1, 0.05, 0.85))
_TEN = [
    [0.9 if own == other else 0.0125 for other in range(10)] for own in range(10)
]  # 1 % of each is really the first
WORLDS = (
    World("three classes, 85 % right", (0.5, 0.3, 0.2), _EVEN, AuditOptions()),
    World("2 % changed, 0.5 % missed", (0.98, 0.02), ((0.995, 0.005), (0.3, 0.7)), AuditOptions(size=600, least=75)),
    World("1 % changed, 0.1 % missed", (0.99, 0.01), ((0.999, 0.001), (0.2, 0.8)), AuditOptions(size=300, least=50)),
    World("200 pixels changed", (0.9995, 0.0005), ((0.9995, 0.0005), (0.3, 0.7)), AuditOptions(size=300, least=50)),
    World("ten classes, the first 1 %", (0.01, *[0.11] * 9), tuple(map(tuple, _TEN)), AuditOptions(size=250, least=25)),
)


def make(world: World, folder: Path, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """The map as a file, and the truth of each pixel."""
    mapped = np.repeat(np.arange(len(world.mapped)), np.round(np.array(world.mapped) * _PIXELS).astype(int))[:_PIXELS]
    mapped = np.pad(mapped, (0, _PIXELS - len(mapped)))
    truth = mapped.copy()
    for own, shares in enumerate(world.really):
        pixels = np.flatnonzero(mapped == own)
        counts = np.round(np.array(shares) / sum(shares) * len(pixels)).astype(int)
        counts[own] += len(pixels) - counts.sum()
        truth[pixels] = rng.permutation(np.repeat(np.arange(len(shares)), counts))
    order = rng.permutation(_PIXELS)
    mapped, truth = (ids[order].reshape(-1, 800).astype(np.uint8) for ids in (mapped, truth))
    path = folder / "map.tif"
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "height": mapped.shape[0], "width": 800}
    with rasterio.open(path, "w", crs="EPSG:32631", transform=Affine(10, 0, 5e5, 0, -10, 5e6), **profile) as dataset:
        dataset.write(mapped, 1)
    return path, truth


def audit(world: World, audits: int, folder: Path) -> None:
    """Print what so many audits of a map give: of areas, and of user's, producer's and overall accuracy."""
    path, truth = make(world, folder, np.random.default_rng(1))
    number, started = len(world.mapped), time.monotonic()
    with open_classes(path) as raster:
        census = take_census(raster)
        sizes = np.array(allocate(census.strata, world.options))
        mapped = raster.read(raster.grid.whole)[0]
        found = np.zeros((audits, number, number), np.int64)  # audit, stratum, true class
        for seed in range(audits):
            places = pick_places(raster, census, sizes.tolist(), seed)
            true = [truth[place.row, place.col] for place in places]
            np.add.at(found[seed], ([place.stratum for place in places], true), 1)
    sample = Sample(
        np.array([stratum.weight for stratum in census.strata]), sizes,
        np.array([stratum.pixels for stratum in census.strata]),
    )  # fmt: skip
    matrix = np.array(
        [[((mapped == own) & (truth == other)).sum() for other in range(number)] for own in range(number)]
    )
    print(f"\n{world.name}: {sizes.sum():,} places in {number} strata")
    _print_areas(found, matrix, sample)
    _print_accuracies(found, matrix, sample)
    print(f"  {(time.monotonic() - started) / audits * 1000:.0f} ms an audit", flush=True)


def _print_areas(found: np.ndarray, matrix: np.ndarray, sample: Sample) -> None:
    audits, number, _ = found.shape
    every = np.broadcast_to(sample.sizes, (audits, number))
    held, plain = [], []
    for true in range(number):
        share = matrix[:, true].sum() / matrix.sum()
        anywhere = np.ones((audits, number), bool)
        ratios = estimate_ratios(Counts(found[:, :, true], every, anywhere, anywhere), sample)
        held.append(np.mean((ratios.low <= share + 1e-9) & (share - 1e-9 <= ratios.high)))
        part = found[:, :, true] / sample.sizes
        error = np.sqrt((sample.weights**2 * part * (1 - part) / (sample.sizes - 1)).sum(-1))
        plain.append(np.mean(abs(ratios.value - share) <= Z * error + 1e-9))
        bias, doubt = ratios.value.mean() / share - 1, Z * ratios.value.std() / np.sqrt(audits) / share
        if number <= 3 or true == 0:
            print(
                f"  area of class {true} ({share:.3%}): bias {bias:+.2%} (+-{doubt:.2%} by chance), held by "
                f"{held[-1]:.1%} of the intervals ({plain[-1]:.1%} of those of 1.96 standard errors), mean width "
                f"{(ratios.high - ratios.low).mean() / share:.0%} of it"
            )
    print(f"  all areas: held by {np.mean(held):.1%} ({np.mean(plain):.1%} of those of 1.96 standard errors)")


def _print_accuracies(found: np.ndarray, matrix: np.ndarray, sample: Sample) -> None:
    audits, number, _ = found.shape
    anywhere, users, producers = np.ones((audits, number), bool), list[float](), list[float]()
    for own in range(number):
        is_own = np.broadcast_to(np.arange(number) == own, (audits, number))
        right = np.where(is_own, found[:, :, own], 0)
        of_map = Counts(right, np.where(is_own, sample.sizes, 0), is_own, is_own)
        of_truth = Counts(right, found[:, :, own], is_own, ~is_own)
        users.append(_held(of_map, matrix[own, own] / matrix[own].sum(), sample))
        producers.append(_held(of_truth, matrix[own, own] / matrix[:, own].sum(), sample))
    every = np.broadcast_to(sample.sizes, (audits, number))
    overall = Counts(np.diagonal(found, axis1=1, axis2=2), every, anywhere, anywhere)
    right = _held(overall, np.trace(matrix) / matrix.sum(), sample)
    of_map, of_truth = np.mean(users), np.mean(producers)
    print(f"  accuracies: overall held by {right:.1%}, user's by {of_map:.1%}, producer's by {of_truth:.1%}")


def _held(counts: Counts, share: Float[np.ndarray, ""], sample: Sample) -> float:
    """How many of the intervals hold a share, of those that the samples can tell."""
    ratios = estimate_ratios(counts, sample)
    known = np.isfinite(ratios.value)
    return float(np.mean(((ratios.low <= share + 1e-7) & (share - 1e-7 <= ratios.high))[known]))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for each in WORLDS:
            audit(each, int(sys.argv[1]) if len(sys.argv) > 1 else 500, Path(scratch))
