"""Words to a segmenter on a made-up country: is the student better than its teacher, and by which part?

    python recipes/words/made_country.py [--seed 0 --seed 1 --seed 2] [--size small]

A GRAFT tower learns from geotagged photos alone, as in `recipes/world/prove.py`, and maps scenes by words. Students
learn from that on the same ground, without any label. Teacher and students are scored on a region that neither has
seen, in the south of the country: mIoU of ten classes from one confusion matrix of all its pixels, percent. Rows add a
part at a time; all students train for the same number of steps. A scene has a fourth band, near infrared, which only
the last row's student sees: its teacher has seen colours alone.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "world"))

import click
import numpy as np
from eight_bits import EightBits
from ground import train_ground
from infrared_scenes import SCENE, Scenes, write_scenes
from prove import SMALL, SMOKE, TEMPLATE, Size, Tower, collect, store, train_tower
from rich.console import Console
from rich.table import Table
from world import CLASSES, World

from geoglot.evaluation.metrics import confusion, ious
from geoglot.evaluation.segmentation import class_map
from geoglot.models.zoo import load_segmenter, load_word_model
from geoglot.options import ReadOptions
from geoglot.scene.averaged import average
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import ClassDense, Dense
from geoglot.scene.word_scores import WordScores
from geoglot.sources.raster import open_raster
from geoglot.training.loop import Fit
from geoglot.training.soft_losses import SoftLoss
from geoglot.training.words.soft_crops import SoftSampling
from geoglot.training.words.train_words import train_words
from geoglot.training.words.words_recipe import Teaching, WordsRecipe

WORDS = tuple(ClassWords(name, (name,)) for name in CLASSES)
TEACHING = Teaching(templates=(TEMPLATE,), scales=(1.0, 1.5))


@dataclass(frozen=True)
class Row:
    """A student of the table."""

    teaching: Teaching = TEACHING
    loss: SoftLoss = field(default_factory=SoftLoss)
    rounds: int = 1
    bands: tuple[int, ...] = (1, 2, 3)
    eight_bits: bool = False
    """Score its ONNX graph of 8 bits too."""


_PLAIN, _ALL = replace(TEACHING, keep=1.0, agree=0.0), SoftLoss()
ROWS = {
    "plain": Row(_PLAIN, SoftLoss(lovasz=0.0, dice=0.0)),
    "+ Lovász and Dice": Row(_PLAIN, _ALL),
    "+ agreement, surest share": Row(TEACHING, _ALL),
    "+ vote of checkpoints (all parts)": Row(TEACHING, _ALL, rounds=2, eight_bits=True),
    "all parts, with near infrared": Row(TEACHING, _ALL, rounds=2, bands=(1, 2, 3, 4)),
}


@dataclass(frozen=True)
class Place:
    """A country, its teacher, and the two regions."""

    teacher: Path
    learned: Scenes
    unseen: Scenes


@dataclass(frozen=True)
class Scale:
    """The size of an experiment."""

    learned: int = 2048
    """Metres of the country, from the north, that teacher and student learn from."""
    unseen: int = 1024
    """Metres south of it."""
    size: Size = field(default_factory=lambda: Size(side_m=2048))
    steps: int = 800
    batch: int = 8
    side: int = 128


SCALES = {
    "full": Scale(),
    "small": Scale(1024, 512, replace(SMALL, side_m=1024), 200),
    "smoke": Scale(512, 512, replace(SMOKE, side_m=512), 4, 2, 64),
}
"""full: minutes a student; small: a weaker teacher on a quarter of the ground, in a quarter of the time."""


def train_teacher(world: World, size: Size, seed: int, folder: Path) -> Path:
    """A pixel-level GRAFT tower."""
    train_ground(world, folder / "ground", size.ground_steps, seed)
    ground = load_word_model(folder / "ground", device="cpu")
    store(folder / "all", *collect(world, ground, size, np.random.default_rng(seed)), ground.card.sha256)
    return train_tower(folder, "teacher", Tower("teacher", "all", "pixel"), size, seed)


def score(dense: Dense, unseen: Scenes, bands: tuple[int, ...] = (1, 2, 3)) -> dict[str, float]:
    """mIoU and IoU of each class over all pixels of scenes, percent."""
    matrix = np.zeros((len(CLASSES), len(CLASSES) + 1), np.int64)
    for path, truth in unseen:
        with open_raster(path, bands=bands) as raster:
            matrix += confusion(truth, class_map(raster, dense, CLASSES, 4).astype(np.int64) - 1, len(CLASSES))
    each = 100 * ious(matrix)
    return {"mIoU": float(np.nanmean(each)), **dict(zip(CLASSES, each.tolist(), strict=True))}


def student_score(row: Row, place: Place, scale: Scale, seed: int, out: Path) -> dict[str, float]:
    """Train a student of a row and score it."""
    steps = scale.steps // row.rounds
    recipe = WordsRecipe(
        name="student", output=out, scenes=tuple(str(path) for path, _ in place.learned),
        classes={name: (name,) for name in CLASSES}, rounds=row.rounds, read=ReadOptions(bands=row.bands),
        teacher=replace(row.teaching, model=str(place.teacher)), loss=row.loss,
        crops=SoftSampling(batch=scale.batch, side=scale.side, scales=(0.8, 1.25), seed=seed),
        fit=Fit(steps=steps, rate=2e-3, warmup=0.05, weight_decay=0.05, average=0.98, seed=seed,
                evaluate_every=max(1, steps // 8), checkpoint_every=max(1, steps // 8)),
    )  # fmt: skip
    began = time.monotonic()
    student = load_segmenter(train_words(recipe, "cpu").model, device="cpu")
    seconds = time.monotonic() - began
    parameters = sum(parameter.numel() for parameter in student.parameters()) / 1e6
    figures = score(ClassDense(student), place.unseen, row.bands) | {"seconds": seconds, "M parameters": parameters}
    if row.eight_bits:
        small = EightBits(student, [path for path, _ in place.learned])
        figures["mIoU of 8 bits"] = score(small, place.unseen, row.bands)["mIoU"]
    return figures


def settle(seed: int, scale: Scale, folder: Path) -> Place:
    """A country with its teacher."""
    country, north = World(seed, scale.learned + scale.unseen), World(seed, scale.learned)
    teacher = train_teacher(north, scale.size, seed, folder)
    rng = np.random.default_rng((seed, 7))
    learned = write_scenes(north, range(0, scale.learned, SCENE), folder / "learned", rng)
    unseen = write_scenes(country, range(scale.learned, country.side_m, SCENE), folder / "unseen", rng)
    return Place(teacher, learned, unseen)


def prove(seed: int, scale: Scale, rows: dict[str, Row], folder: Path) -> dict[str, dict[str, float]]:
    """Teacher and students of one country."""
    place = settle(seed, scale, folder)
    scores = WordScores(load_word_model(place.teacher, device="cpu"), WORDS, templates=TEACHING.templates)
    looks = average(scores, TEACHING.flips, TEACHING.scales)
    found = {"teacher": score(scores, place.unseen), "teacher, the mean of its looks": score(looks, place.unseen)}
    for title, row in rows.items():
        out = folder / f"run-{list(rows).index(title)}"
        found[title] = student_score(row, place, scale, seed, out)
        print(f"seed {seed}: {title}: {found[title]}", flush=True)
    return found


def show(runs: list[dict[str, dict[str, float]]]) -> None:
    """A table of means, with the standard deviation over seeds, and the worst gain of a seed over the teacher."""
    columns = ("", "mIoU", "over the teacher", "in the worst seed", "mIoU of 8 bits", "seconds")
    table = Table(*columns, title=f"{len(runs)} seeds, mean ± sd")
    for title in runs[0]:
        each = np.array([run[title]["mIoU"] for run in runs])
        gain = each - np.array([run["teacher"]["mIoU"] for run in runs])
        small, seconds = (
            np.mean([run[title].get(what, np.nan) for run in runs]) for what in ("mIoU of 8 bits", "seconds")
        )
        table.add_row(
            title,
            f"{each.mean():.1f} ± {each.std():.1f}",
            f"{gain.mean():+.1f}",
            f"{gain.min():+.1f}",
            "" if np.isnan(small) else f"{small:.1f}",
            "" if np.isnan(seconds) else f"{seconds:.0f}",
        )
    Console(width=110).print(table)


@click.command()
@click.option("--seed", "seeds", type=int, multiple=True, default=(0, 1, 2), show_default=True)
@click.option("--row", "titles", type=click.Choice(list(ROWS)), multiple=True, help="Only these rows.")
@click.option("--size", type=click.Choice(list(SCALES)), default="full", show_default=True)
def command(seeds: tuple[int, ...], titles: tuple[str, ...], size: str) -> None:
    """Train and score all rows."""
    rows, runs = {title: row for title, row in ROWS.items() if not titles or title in titles}, []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            runs.append(prove(seed, SCALES[size], rows, Path(folder)))
            show(runs)


if __name__ == "__main__":
    command()
