"""Ask questions with known answers about made-up scenes: which do the rules miss, if every object is detected?

    python recipes/ask/generated.py --scenes 10 --questions 50 --seed 0

Each scene is a grid (its own pixel size and UTM zone) with objects of six names, as boxes turned at random, discs and
L-shapes. make_questions.py makes the questions and their true answers in pixels; `ask` answers on a scene that
finds exactly these polygons. So a wrong answer is a fault of the grammar, the vocabulary or the geometry.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from affine import Affine
from make_questions import Made, Truth, make_questions
from polygons import StubScene

from geoglot.geo import Grid
from geoglot.lonlat import to_map
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.view import Value

NAMES = ("building", "car", "ship", "tennis court", "swimming pool", "storage tank")
AREA, PIXELS, SHARE = 0.005, 1.0, 0.05  # relative; pixels; percentage points


@dataclass
class Tally:
    """Results of one kind of question."""

    asked: int = 0
    right: int = 0
    worst: float = 0.0
    """Relative error of areas, pixels of distances."""


def scene_of(rng: np.random.Generator) -> tuple[StubScene, Truth]:
    """A scene, and its true objects."""
    pixel = float(rng.choice([0.5, 1.0, 2.0]))
    shape = (int(rng.integers(300, 700)), int(rng.integers(300, 700)))
    zone = int(rng.choice([32617, 32631, 32733]))
    x, y = float(rng.uniform(300_000, 700_000)), float(rng.uniform(4_000_000, 6_000_000))
    grid = Grid(pyproj.CRS(zone), Affine(pixel, 0, x, 0, -pixel, y), shape)
    names, polygons = [], []
    for name in NAMES:
        for _ in range(int(rng.integers(1, 12))):
            names.append(name)
            polygons.append(_thing(rng, shape))
    truth = Truth(grid, tuple(names), tuple(polygons))
    scene = StubScene({}, grid)
    scene.truth = {name: tuple(to_map(truth.of(name), grid)) for name in NAMES}
    return scene, truth


def _thing(rng: np.random.Generator, shape: tuple[int, int]) -> shapely.Polygon:
    size = float(rng.uniform(5, 40))
    row, col = (float(rng.uniform(60, side - 60)) for side in shape)
    kind = int(rng.integers(3))
    if kind == 0:
        return shapely.Point(col, row).buffer(size / 2)
    box = shapely.box(col - size / 2, row - size / 3, col + size / 2, row + size / 3)
    if kind == 1:
        box = box.difference(shapely.box(col, row, col + size, row + size))
    return shapely.affinity.rotate(box, float(rng.uniform(0, 90)))


def check(made: Made, value: Value | None, pixel: float) -> tuple[bool, float]:
    """Whether an answer is right within the tolerances, and its error."""
    if isinstance(value, bool):
        return made.answer == ("yes" if value else "no"), 0.0
    if isinstance(value, int | str):
        return str(value) == made.answer, 0.0
    if value is None:
        return False, float("inf")
    true = float(made.answer.rstrip("m2%").rstrip("m") if made.kind != "area" else made.answer.removesuffix("m2"))
    if made.kind == "area":
        error = abs(value - true) / true
        return error <= AREA, error
    if made.kind == "share":
        return abs(value - true) <= SHARE, abs(value - true)
    error = abs(value - true) / pixel
    return error <= PIXELS, error


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table by kind; returns 1 if any answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--questions", type=int, default=50, help="a scene")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    rng = np.random.default_rng(given.seed)
    tallies: dict[str, Tally] = defaultdict(Tally)
    misses = []
    started = time.monotonic()
    for number in range(given.scenes):
        scene, truth = scene_of(rng)
        made = make_questions(truth, given.questions, seed=given.seed + number)
        with Asker(scene) as asker:
            for one in made:
                answer = asker.ask(one.text)
                right, error = check(one, answer.value, scene.grid.resolution_m or 1.0)
                tally = tallies[one.kind]
                tally.asked, tally.right, tally.worst = tally.asked + 1, tally.right + right, max(tally.worst, error)
                if not right:
                    misses.append(f"{one.text}  true {one.answer}, answered {answer.value}: {answer.text}")
    total, hit = sum(one.asked for one in tallies.values()), sum(one.right for one in tallies.values())
    print(f"{given.scenes} scenes, seed {given.seed}: {hit} of {total} right, {time.monotonic() - started:.1f} s")
    for kind, tally in sorted(tallies.items()):
        unit = {"area": f"worst error {tally.worst:.4%}", "distance": f"worst error {tally.worst:.3f} pixels"}
        print(f"  {kind:12} {tally.right:4} of {tally.asked:4}  {unit.get(kind, '')}")
    print("\n".join(misses))
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
