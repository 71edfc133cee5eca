"""Fits the levels of "is it here at all" (index/search/archive_presence.py), and prints them.

    python recipes/search/fit_presence.py DATA --model mini [--model FOLDER ...]

DATA has the folders `labelled` and `rsicd`. Archives of 1 to 450 chips are drawn from labelled pictures of places that
training saw and from RSICD's train split (`known_pictures.py`), and asked for words that they show or do not, and for
absurd words: a quarter of those that models are calibrated with, which are left out of the calibration. Neither RSICD's
valid split nor a place that is kept aside is read. All models given count alike, so one pair of levels serves them.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from known_pictures import SIDE, Known, Task, captioned, draw_archives, labelled
from scipy.optimize import minimize

from geoglot.index.build.chip_pixels import read_chip
from geoglot.index.search.archive_presence import PART, WHOLE, Heights, Level
from geoglot.index.search.look_closer import cover
from geoglot.index.search.second_stage import LEAST_LOOKS
from geoglot.models.base import VisionLanguageModel
from geoglot.models.calibration import embed_plainly
from geoglot.models.word_sense import WordSense, list_words
from geoglot.models.zoo import load_word_model
from geoglot.scene.embed import pad

#: How much archives of each kind count, all sizes of a kind alike, and answers within archives of one kind and size
WEIGHTS = {"set": 1.5, "mix": 0.3, "classes": 1.0, "nouns": 0.5, "one gone": 1.0}
SHARES = {"shown": 0.5, "absent": 0.3, "absurd": 0.2}
FEW = 20  # fewer tasks of one kind, size and answer count for less
SHARP = 20.0  # of the smooth maximum of both log-odds


@dataclass(frozen=True)
class Evidence:
    """What a model says of tasks."""

    whole: np.ndarray
    part: np.ndarray
    chips: np.ndarray
    doubt: np.ndarray
    tasks: list[Task]

    def odds(self, levels: Sequence[float]) -> np.ndarray:
        """Log-odds by slope, level and growth of the whole, and the same of the part."""
        whole, part = Level(*levels[:3]).odds(self.whole, self.chips), Level(*levels[3:]).odds(self.part, self.chips)
        return np.logaddexp(SHARP * whole, SHARP * part) / SHARP + self.doubt


def answer_of(task: Task) -> str:
    """The key of SHARES."""
    return "shown" if task.shown else "absurd" if task.absurd else "absent"


@torch.inference_mode()
def heights_of(
    model: VisionLanguageModel, pictures: Sequence[Known], texts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cosines (picture, text) of whole pictures, their heights, and those of their best patches."""
    heights, cosines, whole, part = Heights.of(model), [], [], []
    for picture in pictures:
        tile = read_chip(str(picture.path), None, SIDE)
        pixels = torch.from_numpy(pad(tile.pixels[:3], model.card.patch_size, SIDE))[None]
        patches = model.encode_patches(pixels)[0].float().numpy()
        rows, cols = cover(tile, patches.shape[1:], SIDE)
        image = model.encode_image(pixels).float().numpy()
        cosines.append(texts @ image[0])
        whole.append(heights.of_texts(texts, image)[0])
        part.append(heights.of_texts(texts, patches[:, :rows, :cols].reshape(len(patches), -1).T).max(0))
    return np.array(cosines), np.array(whole), np.array(part)


def collect(model: VisionLanguageModel, pictures: Sequence[Known], absurd: Sequence[str]) -> Evidence:
    """The evidence of a model on archives of pictures: the best chip, and the best patch of those looked into."""
    tasks = list(draw_archives(pictures, absurd))
    words = sorted({task.word for task in tasks})
    vectors = embed_plainly(model, words)
    cosines, whole, part = heights_of(model, pictures, vectors.numpy())
    known = torch.tensor([word not in absurd for word in list_words("absurd")])
    doubts = WordSense(model.sense.seen, model.sense.absurd[known]).doubts(words, vectors).numpy()
    rows = []
    for task in tasks:
        column, chips = words.index(task.word), np.array(task.chips)
        best = chips[np.argsort(-cosines[chips, column])[:LEAST_LOOKS]]
        rows.append((whole[best[0], column], part[best, column].max(), len(chips), doubts[column]))
    return Evidence(*np.array(rows).T, tasks)


def weigh(tasks: Sequence[Task]) -> np.ndarray:
    """Weights of tasks, whose sum is 1."""
    keys = [(task.kind, len(task.chips), answer_of(task)) for task in tasks]
    counts, sizes = Counter(keys), Counter(kind for kind, _ in {key[:2] for key in keys})
    each = np.array([WEIGHTS[kind] / sizes[kind] * SHARES[answer] / max(counts[kind, size, answer], FEW)
                     for kind, size, answer in keys])  # fmt: skip
    return each / each.sum()


def fit(found: Sequence[Evidence]) -> np.ndarray:
    """The levels of least cross entropy."""
    weights = [weigh(evidence.tasks) for evidence in found]
    signs = [np.where([task.shown for task in evidence.tasks], 1, -1) for evidence in found]

    def loss(levels: np.ndarray) -> float:
        told = (weight * np.logaddexp(0, -sign * evidence.odds(levels))
                for weight, sign, evidence in zip(weights, signs, found, strict=True))  # fmt: skip
        return sum(float(each.sum()) for each in told) / len(found) + 1e-4 * float((levels**2).sum())

    start = [WHOLE.slope, WHOLE.alone, WHOLE.growth, PART.slope, PART.alone, PART.growth]
    levels: np.ndarray = minimize(loss, start).x
    return levels


def report(name: str, evidence: Evidence, levels: np.ndarray) -> None:
    """The share of words that are told present, by the kind and size of the archive."""
    told = evidence.odds(levels) >= 0
    keys = np.array([f"{task.kind} of about {2 ** round(math.log2(len(task.chips)))}" for task in evidence.tasks])
    answers = np.array([answer_of(task) for task in evidence.tasks])
    for key in sorted(set(keys)):
        shares = [f"{answer} {told[own].mean():.2f} of {own.sum():,}" for answer in SHARES
                  if (own := (keys == key) & (answers == answer)).any()]  # fmt: skip
        click.echo(f"  {name}, {key}: told present of " + ", ".join(shares))


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--model", "names", multiple=True, default=("mini",))
def main(data: Path, names: Sequence[str]) -> None:
    """Print the levels of all models together, and what they tell."""
    absurd = list_words("absurd")[::4]
    with tempfile.TemporaryDirectory() as folder:
        pictures = [*labelled(data, Path(folder), aside=False), *captioned(data)]
        found = [collect(load_word_model(name), pictures, absurd) for name in names]
    levels = fit(found)
    whole, part = (", ".join(f"{value:.3f}" for value in some) for some in (levels[:3], levels[3:]))
    click.echo(f"WHOLE, PART = Level({whole}), Level({part})")
    for name, evidence in zip(names, found, strict=True):
        report(name, evidence, levels)


if __name__ == "__main__":
    main()
