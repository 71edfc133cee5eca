"""Words to a segmenter on real pictures: does a student find roads, or the water of floods, better than mini?

    python recipes/words/pictures.py DATA [--set roads_massachusetts --set flood_area] [--steps 400]

DATA holds `labelled/roads_massachusetts/{images,masks}` (Mnih 2013) and `labelled/flood_area/{images,masks}`. mini maps
the pictures of the places that training may see, without their masks, and a student learns from that. Both are scored
by the masks of the other places, which are those that mini's own training kept aside: IoU of the class, percent.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from PIL import Image

from geoglot.evaluation.metrics import confusion, ious
from geoglot.evaluation.segmentation import class_map
from geoglot.models.zoo import load_segmenter, load_word_model
from geoglot.options import ReadOptions
from geoglot.scene.averaged import average
from geoglot.scene.dense import ClassDense, Dense
from geoglot.scene.read import open_scene
from geoglot.scene.word_scores import WordScores
from geoglot.training.loop import Fit
from geoglot.training.words.soft_crops import SoftSampling
from geoglot.training.words.train_words import teaching_words, train_words
from geoglot.training.words.words_recipe import Teaching, WordsRecipe

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


def score(dense: Dense, paths: list[Path], asked: Asked) -> float:
    """IoU of the class over all pixels of pictures, percent."""
    names, matrix = list(dense.labels), np.zeros((2, 3), np.int64)
    for path in paths:
        mask = np.asarray(Image.open(path.parents[1] / "masks" / f"{path.stem}.png").convert("L")) > 127
        with open_scene(path, ReadOptions(resolution=asked.resolution), dense.card.resolution) as raster:
            found = class_map(raster, dense, names, 4) == names.index(asked.name) + 1
        matrix += confusion(mask.astype(int), found.astype(int), 2)
    return float(100 * ious(matrix)[1])


def measure(data: Path, name: str, steps: int, seed: int) -> dict[str, float]:
    """IoU of teacher and student on the places kept aside, and the seconds that the student took."""
    asked, folder = ASKED[name], data / "labelled" / name
    aside = {picture.name for picture in READERS[name](folder) if picture.aside}
    paths = sorted((folder / "images").iterdir())
    learned = [path for path in paths if path.stem not in aside]
    held_out = [path for path in paths if path.stem in aside]
    steps = max(2, steps)
    with tempfile.TemporaryDirectory() as out:
        recipe = WordsRecipe(
            name=name, output=Path(out, "run"), scenes=tuple(str(path.resolve()) for path in learned),
            classes={asked.name: asked.words}, background=asked.background, teacher=Teaching(),
            read=ReadOptions(resolution=asked.resolution), crops=SoftSampling(seed=seed),
            fit=Fit(steps=steps // 2, rate=1e-3, warmup=0.05, weight_decay=0.05, average=0.98, seed=seed,
                    evaluate_every=max(1, steps // 10), checkpoint_every=max(1, steps // 10)),
        )  # fmt: skip
        teacher = load_word_model("mini", device="cpu")
        words = WordScores(teacher, teaching_words(recipe, teacher))
        found = {"teacher": score(words, held_out, asked)}
        looks = average(words, recipe.teacher.flips, recipe.teacher.scales)
        found["teacher, the mean of its looks"] = score(looks, held_out, asked)
        began = time.monotonic()
        student = load_segmenter(train_words(recipe, "cpu").model, device="cpu")
        return {**found, "student": score(ClassDense(student), held_out, asked), "seconds": time.monotonic() - began}


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True))
@click.option("--set", "names", type=click.Choice(list(ASKED)), multiple=True, default=tuple(ASKED), show_default=True)
@click.option("--steps", default=400, show_default=True, help="Of both rounds together.")
@click.option("--seed", "seeds", type=int, multiple=True, default=(0,), show_default=True)
def command(data: Path, names: tuple[str, ...], steps: int, seeds: tuple[int, ...]) -> None:
    """Train and score a student for each set."""
    for name in names:
        for seed in seeds:
            figures = "  ".join(f"{what} {value:.1f}" for what, value in measure(data, name, steps, seed).items())
            print(f"{name}, seed {seed}: {figures}", flush=True)


if __name__ == "__main__":
    command()
