"""Changes of a made-up country: what `geoglot change` finds of six planted kinds, beside two plain ways.

    python recipes/change/measure_change.py [--model SEER] [--seed 0 --seed 1 --seed 2] [--smoke]

Each seed is a country, its second date has planted changes and new crops, and a third has new crops alone. The dates
differ in light, season, haze, place, ground resolution and CRS (`date_files.NUISANCES`, which add up). The table has

- F1 of each kind of change at every pixel of 1 m, as one asks for it: "new buildings" are all that was no house and is
  one. Pixels within 2 m of the edge of a true change are left out, as in the ISPRS benchmarks; the column "every pixel"
  has the mean with them;
- `any`: F1 of changed against unchanged;
- `false`: the share of ground called changed between the two dates without change;
- `shift`: the largest error of the estimated shift, in pixels of the first date.

The plain ways are the difference of two maps of the same words, and the difference of embeddings, whose threshold is
chosen on another seed, where the truth is known to it. All use one model, which `small_seer.py` trains, or SEER has.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "world"))

import click
import numpy as np
from date_files import NUISANCES, Nuisance, read_onto, write_date
from later import KINDS, years_later
from noise import Ints
from plain_ways import Found, Seen, best_threshold, compare_maps, compare_vectors, distances, look, warp_onto
from rich.console import Console
from rich.table import Table
from scipy import ndimage
from small_seer import train_seer
from world import CLASSES, World

from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.tasks.change.change import change

TUNING_SEED = 10
BORDER = 2
WAYS = ("two maps", "embeddings", "geoglot change")
Counts = dict[str, np.ndarray]
"""Of each kind (right, called, true), in pixels; "false" has (called, all), "shift" errors in metres."""


@dataclass(frozen=True)
class Dates:
    """Three dates of a country: the first, a later one with changes, and one without."""

    world: World
    first: Path
    changed: Path
    same: Path
    later: Ints
    """Classes of the later date."""
    shift: np.ndarray
    """Metres east and north by which the places of the later files are wrong."""


def write_dates(seed: int, side_m: int, nuisance: Nuisance, folder: Path) -> Dates:
    """Draw the three dates of a seed."""
    folder.mkdir(parents=True, exist_ok=True)
    world, later = World(seed, side_m), years_later(World(seed, side_m), seed)
    files = [folder / f"{name}.tif" for name in ("first", "changed", "same")]
    rngs = [np.random.default_rng((seed, 1)), np.random.default_rng((seed, 2)), np.random.default_rng((seed, 2))]
    write_date(world, files[0], rngs[0])
    shift = write_date(later, files[1], rngs[1], nuisance)
    write_date(years_later(world, seed, changed=False), files[2], rngs[2], nuisance)
    return Dates(world, *files, later.truth(world.grid.whole), shift)


def changes(first: Path, second: Path, dates: Dates, model: VisionLanguageModel, folder: Path) -> Found:
    """What geoglot says of two dates."""
    result = change([first, second], list(CLASSES), folder / "change.tif", model=model, overwrite=True)
    frame = dates.shift if result.alignment[0]["shift_applied"] else (0.0, 0.0)  # whose place is kept is wrong, too
    ids = read_onto(folder / "change.tif", dates.world.grid, frame)
    before, after = np.full((2, 256), -1)
    for each in result.transitions:
        before[each.number], after[each.number] = (_class_of(name) for name in (each.source, each.target))
    return Found(before[ids], after[ids], (ids > 0) & (ids < 255), ids < 255, np.array(result.shift_m))


def _class_of(name: str) -> int:
    """The class of a name, -1 for what is none of them."""
    return CLASSES.index(name) if name in CLASSES else -1


def count(found: Found, dates: Dates) -> Counts:
    """Right, called and true pixels of each kind, with the edges of changes and without."""
    first = dates.world.truth(dates.world.grid.whole)
    true = first != dates.later
    inner, outer = ndimage.binary_erosion(true, iterations=BORDER), ndimage.binary_dilation(true, iterations=BORDER)
    counts = {}
    for suffix, known in (("", found.known & (inner | ~outer)), (", every pixel", found.known)):
        for name, kind in KINDS.items():
            called = found.changed & kind.mask(found.before, found.after) & known
            counts[name + suffix] = _triple(called, kind.mask(first, dates.later) & known)
        counts["any" + suffix] = _triple(found.changed & known, true & known)
    return counts


def _triple(called: np.ndarray, true: np.ndarray) -> np.ndarray:
    return np.array([(called & true).sum(), called.sum(), true.sum()])


def measure(dates: Dates, model: VisionLanguageModel, threshold: float, folder: Path) -> dict[str, Counts]:
    """Counts of each way."""
    seen = {
        path: look(warp_onto(path, dates.first, folder / f"{path.stem}-warped.tif"), model, CLASSES)
        for path in (dates.first, dates.changed, dates.same)
    }
    counts = {}
    for way in WAYS:
        both = [_find(way, path, dates, seen, model, threshold, folder) for path in (dates.changed, dates.same)]
        counts[way] = count(both[0], dates) | {"false": np.array([both[1].changed.sum(), both[1].known.sum()])}
        errors = [np.hypot(*(found.moved + dates.shift)) for found in both if found.moved is not None]
        counts[way]["shift"] = np.array(errors or [np.nan])
    return counts


def _find(
    way: str,
    path: Path,
    dates: Dates,
    seen: dict[Path, Seen],
    model: VisionLanguageModel,
    threshold: float,
    folder: Path,
) -> Found:
    if way == "two maps":
        return compare_maps(seen[dates.first], seen[path])
    if way == "embeddings":
        return compare_vectors(seen[dates.first], seen[path], threshold)
    return changes(dates.first, path, dates, model, folder)


def choose_threshold(model: VisionLanguageModel, side_m: int, nuisance: Nuisance, folder: Path) -> float:
    """The threshold of embeddings that is best on the seed for tuning."""
    dates = write_dates(TUNING_SEED, side_m, nuisance, folder)
    before = look(dates.first, model, CLASSES)
    after = look(warp_onto(dates.changed, dates.first, folder / "warped.tif"), model, CLASSES)
    return best_threshold(distances(before, after), dates.world.truth(dates.world.grid.whole) != dates.later)


def f1(counts: np.ndarray) -> float:
    """2 right / (called + true); NaN where there is nothing to find."""
    right, called, true = counts
    return float(2 * right / (called + true)) if true else float("nan")


def show(runs: dict[str, list[dict[str, Counts]]]) -> None:
    """A table of percentages: the means over seeds, and the worst seed in brackets."""
    table = Table(
        "", "way", *KINDS, "mean (worst)", "every pixel", "any", "false", "shift", title="F1 and false share, percent"
    )
    for nuisance, seeds in runs.items():
        for way in WAYS:
            table.add_row(nuisance, way, *_cells([counts[way] for counts in seeds]))
    Console(width=190).print(table)


def _cells(seeds: list[Counts]) -> list[str]:
    def each(suffix: str) -> np.ndarray:
        return np.array([[100 * f1(counts[name + suffix]) for name in KINDS] for counts in seeds])

    kinds, anything = each(""), [100 * f1(counts["any"]) for counts in seeds]
    means = np.nanmean(kinds, 1)
    false = [100 * counts["false"][0] / counts["false"][1] for counts in seeds]
    cells = [f"{value:.0f}" for value in np.nanmean(kinds, 0)]
    last = [
        f"{np.nanmean(each(', every pixel')):.1f}",
        f"{np.mean(anything):.1f}",
        f"{np.mean(false):.2f} ({np.max(false):.2f})",
    ]
    last.append(f"{max(counts['shift'].max() for counts in seeds):.2f}")
    return [*cells, f"{means.mean():.1f} ({means.min():.1f})", *last]


@click.command()
@click.option("--model", "seer", type=click.Path(path_type=Path, exists=True), help="A folder that small_seer.py made.")
@click.option("--seed", "seeds", type=int, multiple=True, default=(0, 1, 2), show_default=True)
@click.option("--nuisance", "names", type=click.Choice(list(NUISANCES)), multiple=True, help="Only these.")
@click.option("--side", default=1024, show_default=True, help="Metres along the country.")
@click.option("--smoke", is_flag=True, help="Everything in a minute, to see that it runs.")
def command(seer: Path | None, seeds: tuple[int, ...], names: tuple[str, ...], side: int, smoke: bool) -> None:
    """Measure all ways on all dates."""
    runs: dict[str, list[dict[str, Counts]]] = defaultdict(list)
    side = 256 if smoke else side
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        model = load_word_model(seer or train_seer(folder / "seer", *((4, 8, 256) if smoke else ())), device="cpu")
        threshold = choose_threshold(model, side, list(NUISANCES.values())[-1], folder / "tuning")
        for name in names or NUISANCES:
            for seed in seeds:
                place = folder / f"{name}-{seed}"
                dates = write_dates(seed, side, NUISANCES[name], place)
                runs[name].append(measure(dates, model, threshold, place))
            show(runs)


if __name__ == "__main__":
    command()
