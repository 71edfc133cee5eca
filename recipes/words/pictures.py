"""Words to a segmenter on real pictures: does a student find roads, or the water of floods, better than its teacher?

    python recipes/words/pictures.py DATA [--set roads_massachusetts --set flood_area] [--clicks 0 --clicks 10]

DATA holds `labelled/roads_massachusetts/{images,masks}` (Mnih 2013) and `labelled/flood_area/{images,masks}`. mini maps
the pictures of the places that training may see, without their masks, and a student learns from that. Both are scored
by the masks of the other places, which are those that mini's own training kept aside: IoU of the class, percent. With
ten clicks the teacher is mini as `geoglot teach` taught it by ten points on the class and ten off it, each in a picture
of its own.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import click
import geopandas as gpd
import numpy as np
import shapely
from PIL import Image
from scipy import ndimage

from geoglot.evaluation.metrics import confusion, ious
from geoglot.evaluation.segmentation import class_map
from geoglot.models.zoo import load_segmenter, load_word_model
from geoglot.options import ReadOptions
from geoglot.scene.averaged import average
from geoglot.scene.dense import ClassDense, Dense
from geoglot.scene.read import open_scene
from geoglot.scene.taught_scores import scores_of
from geoglot.training.loop import Fit
from geoglot.training.teach.teach import teach
from geoglot.training.words.soft_crops import SoftSampling
from geoglot.training.words.train_words import teaching_words, train_words
from geoglot.training.words.words_recipe import WordsRecipe

sys.path.insert(0, str(Path(__file__).parents[1] / "mini"))

from labelled_sets import READERS


@dataclass(frozen=True)
class Asked:
    """What is asked of a set."""

    name: str
    words: tuple[str, ...]
    background: tuple[str, ...]
    resolution: float
    """Metres a pixel; the pictures do not say it."""


ASKED = {
    "roads_massachusetts": Asked("road", ("road", "street"), ("forest", "house", "grass", "lake", "parking lot"), 1.0),
    "flood_area": Asked("water", ("flood water", "muddy water"), ("trees", "house", "grass", "road", "field"), 0.3),
}


DEEP = 3
"""Pixels from the edge of a region, at least, where somebody would click."""


def mask_of(path: Path) -> np.ndarray:
    """Where a picture shows the class."""
    return np.asarray(Image.open(path.parents[1] / "masks" / f"{path.stem}.png").convert("L")) > 127


def score(dense: Dense, paths: list[Path], asked: Asked) -> float:
    """IoU of the class over all pixels of pictures, percent."""
    names, matrix = list(dense.labels), np.zeros((2, 3), np.int64)
    for path in paths:
        with open_scene(path, ReadOptions(resolution=asked.resolution), dense.card.resolution) as raster:
            found = class_map(raster, dense, names, 4) == names.index(asked.name) + 1
        matrix += confusion(mask_of(path).astype(int), found.astype(int), 2)
    return float(100 * ious(matrix)[1])


def draw_clicks(learned: list[Path], asked: Asked, each: int, seed: int, labels: Path) -> list[Path]:
    """Write points inside the class and off it, as somebody may draw them; returns the pictures that have one."""
    rng, rows = np.random.default_rng(seed), list[tuple[str, str, shapely.Point]]()
    clicked = set[Path]()
    for name, inside in ((asked.name, True), ("other", False)):
        for path in rng.permutation(len(learned)).tolist():
            depth = ndimage.distance_transform_edt(np.pad(mask_of(learned[path]) == inside, 1))[1:-1, 1:-1]
            if depth.max() < DEEP or sum(row[0] == name for row in rows) == each:
                continue
            row, col = map(int, rng.choice(np.argwhere(depth >= DEEP)))
            rows.append((name, learned[path].name, shapely.Point(col + 0.5, row + 0.5)))
            clicked.add(learned[path])
    names, sources, points = zip(*rows, strict=True)
    gpd.GeoDataFrame({"class": names, "source": sources}, geometry=list(points)).to_file(labels)
    return sorted(clicked)


def recipe_of(asked: Asked, learned: list[Path], steps: int, seed: int, out: Path) -> WordsRecipe:
    """A run of two rounds taught by mini's words."""
    every = max(1, steps // 10)
    return WordsRecipe(
        name=asked.name, output=out / "run", scenes=tuple(str(path.resolve()) for path in learned),
        classes={asked.name: asked.words}, background=asked.background,
        read=ReadOptions(resolution=asked.resolution), crops=SoftSampling(seed=seed),
        fit=Fit(steps=max(1, steps // 2), rate=1e-3, warmup=0.05, weight_decay=0.05, average=0.98, seed=seed,
                evaluate_every=every, checkpoint_every=every),
    )  # fmt: skip


def measure(data: Path, name: str, steps: int, seed: int, clicks: int) -> dict[str, float]:
    """IoU of teacher and student on the places kept aside, and the seconds that the student took."""
    asked, folder = ASKED[name], data / "labelled" / name
    aside = {picture.name for picture in READERS[name](folder) if picture.aside}
    paths = sorted((folder / "images").iterdir())
    learned = [path for path in paths if path.stem not in aside]
    held_out = [path for path in paths if path.stem in aside]
    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        recipe = recipe_of(asked, learned, steps, seed, out)
        if clicks:
            clicked = draw_clicks(learned, asked, clicks, seed, out / "clicks.geojson")
            teach([*map(str, clicked)], out / "clicks.geojson", out / "taught", read=recipe.read, device="cpu")
            taught = replace(recipe.teacher, model=str(out / "taught"))
            recipe = replace(recipe, classes={asked.name: ()}, background=(), teacher=taught)
        teacher = load_word_model(recipe.teacher.model, device="cpu")
        scores = scores_of(teacher, teaching_words(recipe, teacher))
        found = {"teacher": score(scores, held_out, asked)}
        looks = average(scores, recipe.teacher.flips, recipe.teacher.scales)
        found["teacher, the mean of its looks"] = score(looks, held_out, asked)
        began = time.monotonic()
        student = load_segmenter(train_words(recipe, "cpu").model, device="cpu")
        return {**found, "student": score(ClassDense(student), held_out, asked), "seconds": time.monotonic() - began}


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True))
@click.option("--set", "names", type=click.Choice(list(ASKED)), multiple=True, default=tuple(ASKED), show_default=True)
@click.option("--clicks", type=int, multiple=True, default=(0, 10), show_default=True, help="0: words alone.")
@click.option("--steps", default=400, show_default=True, help="Of both rounds together.")
@click.option("--seed", "seeds", type=int, multiple=True, default=(0,), show_default=True)
def command(data: Path, names: tuple[str, ...], clicks: tuple[int, ...], steps: int, seeds: tuple[int, ...]) -> None:
    """Train and score a student for each set."""
    for name, count, seed in product(names, clicks, seeds):
        figures = "  ".join(f"{what} {value:.1f}" for what, value in measure(data, name, steps, seed, count).items())
        print(f"{name}, {f'{count} clicks a class' if count else 'words'}, seed {seed}: {figures}", flush=True)


if __name__ == "__main__":
    command()
