"""How well a model tells what is there: `python recipes/mini/measure_presence.py DATA [--model mini] [--plot FILE]`.

DATA has the folders `labelled` and `rsicd`. Every picture is encoded as `geoglot find` does, and asked for words: those
of its labels, present where a class covers a patch and absent where it has no pixel, in places that training did not
see (at most 24 of a set); nouns of RSICD's valid captions, present where two captions say them and absent where none
does; and the words of absurd_test.txt, which are nowhere. Ranked (AUROC) are the log-odds of the best patch, and a name
is found where `find` would find it: from 0.5 on. For the calibration (ECE of ten bins, and the picture of it)
present pairs of picture and word count half, absent ones and absurd ones a quarter each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from data import class_words
from evaluate import encode_images
from labelled_picture import SETS
from labelled_sets import read_pictures
from PIL import Image, ImageDraw
from sight import encoded

from geoglot.models.zoo import load_word_model
from geoglot.options import TEMPLATES
from geoglot.scene.absence import presence_of
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import WordDense
from geoglot.scene.image_presence import ImagePresence
from geoglot.scene.question import TextQuestion

ABSURD = [word for word in Path(__file__).with_name("absurd_test.txt").read_text(encoding="utf-8").split("\n") if word]
#: What captions may call a word
NOUNS = {
    "building": "building buildings house houses", "road": "road roads street", "trees": "tree trees forest",
    "water": "water river lake pond ocean sea", "grass": "lawn grass meadow", "farmland": "farmland farmlands",
    "bare soil": "bareland", "car": "car cars", "airplane": "plane planes airplane", "ship": "ship ships boat boats",
    "swimming pool": "pool pools", "bridge": "bridge bridges", "parking lot": "parking", "beach": "beach",
    "playground": "playground playgrounds", "stadium": "stadium", "baseball field": "baseball", "desert": "desert",
    "railway station": "railway station", "mountain": "mountain mountains",
}  # fmt: skip
#: Numbers of the labels of a word
LABELS = {
    "semantic_drone": {
        "paved area": [1], "bare soil": [2], "grass": [3], "water": [5], "swimming pool": [7], "building": [9],
        "fence": [13, 14], "person": [15], "car": [17], "bicycle": [18], "trees": [19, 20],
    },
    "sentinel2_korea": {"building": [10], "road": [30], "field": [50], "trees": [70]},
    "flood_area": {"water": [1]}, "kampala_buildings": {"building": [1]}, "landslide_bijie": {"landslide": [1]},
    "roads_massachusetts": {"road": [1]}, "vegas_roads": {"road": [1]}, "jp_roads": {"road": [1]},
    "hrplanes": {"airplane": [1]}, "ucas_aod": {"airplane": [1], "car": [2]}, "ship_google_earth": {"ship": [1]},
    "aerial_cars_uav": {"car": [1, 2], "truck": [2]}, "drone_solar": {"solar panel": [1]},
    "pool_chips": {"swimming pool": [1, 2]},
}  # fmt: skip
MOST, CAPTIONED, PATCH = 24, 250, 64
SHARES = {"present": 0.5, "absent": 0.25, "absurd": 0.25}


@dataclass(frozen=True)
class Pair:
    """A word that a picture was asked for."""

    word: str
    kind: str
    """present, absent or absurd"""
    captions: bool
    odds: float


def labelled(data: Path) -> Iterator[tuple[np.ndarray, dict[str, str]]]:
    """Pictures of places kept aside, and which words are present or absent."""
    for name in SETS:
        aside = [picture for picture in read_pictures(data / "labelled", (name,)) if picture.aside]
        for index in sorted(np.random.default_rng(0).permutation(len(aside))[:MOST]):
            pixels = {word: int(np.isin(aside[index].truth, of).sum()) for word, of in LABELS[name].items()}
            seen = {word: count for word, count in pixels.items() if count == 0 or count >= PATCH}
            yield aside[index].pixels, {word: "present" if count else "absent" for word, count in seen.items()}


def captioned(data: Path) -> Iterator[tuple[np.ndarray, dict[str, str]]]:
    """Pictures of RSICD, and which nouns their captions say or leave out."""
    rows = [json.loads(line) for line in (data / "rsicd/valid.jsonl").read_text(encoding="utf-8").splitlines()]
    for index in sorted(np.random.default_rng(0).choice(len(rows), CAPTIONED, replace=False)):
        captions = [set(text.lower().replace(".", " ").split()) for text in rows[index]["captions"]]
        said = {word: sum(bool(text & set(names.split())) for text in captions) for word, names in NOUNS.items()}
        kinds = {word: "present" if count else "absent" for word, count in said.items() if count != 1}
        yield np.asarray(Image.open(data / "rsicd" / rows[index]["image"]).convert("RGB")), kinds


def ask_all(dense: WordDense) -> TextQuestion:
    """The question for every word."""
    words = sorted({*NOUNS, *(word for of in LABELS.values() for word in of)}) + ABSURD
    return dense.question(tuple(ClassWords(word, (word,)) for word in words), None, TEMPLATES)


def ask(
    dense: WordDense, question: TextQuestion, pixels: np.ndarray, kinds: dict[str, str], captions: bool
) -> Iterator[Pair]:
    """The log-odds of the best patch for every word."""
    kinds = kinds | dict.fromkeys(ABSURD, "absurd")
    with encoded(pixels, dense) as scene:
        seen = np.concatenate([scene.values(block) for block in scene.blocks()], axis=1)
    for word, kind in kinds.items():
        peak = min(max(float(np.nanmax(question.scores(seen, question.names.index(word)))), 1e-7), 1 - 1e-7)
        yield Pair(word, kind, captions and kind != "absurd", float(np.log(peak / (1 - peak))))


def auroc(present: Sequence[float] | np.ndarray, others: Sequence[float] | np.ndarray) -> float:
    """The share of pairs in which what is present has the higher odds; equal ones count half."""
    ranks = np.searchsorted(np.sort(others), present, "left") + np.searchsorted(np.sort(others), present, "right")
    return float(ranks.mean() / 2 / len(others)) if len(present) and len(others) else float("nan")


def calibration(pairs: list[Pair]) -> tuple[float, list[tuple[float, float, float]]]:
    """The expected calibration error, and of each of ten bins its probability, the share present and its weight."""
    kinds = np.array([pair.kind for pair in pairs])
    weights = sum(share / (kinds == kind).sum() * (kinds == kind) for kind, share in SHARES.items())
    told = np.array([presence_of(float(1 / (1 + np.exp(-pair.odds)))) for pair in pairs])
    bins, rows = np.minimum((told * 10).astype(int), 9), []
    for index in range(10):
        own = bins == index
        if weight := weights[own].sum():
            rows.append((np.average(told[own], weights=weights[own]),
                         np.average(kinds[own] == "present", weights=weights[own]), weight))  # fmt: skip
    return sum(weight * abs(told - true) for told, true, weight in rows), rows


def draw(rows: list[tuple[float, float, float]], path: Path, side: int = 360, rim: int = 40) -> None:
    """The reliability diagram: the share that is present against the probability that was told."""
    image = Image.new("RGB", (side + 2 * rim, side + 2 * rim), "white")
    pen = ImageDraw.Draw(image)

    def at(x: float, y: float) -> tuple[float, float]:
        return rim + side * x, rim + side * (1 - y)

    pen.rectangle([at(0, 1), at(1, 0)], outline="black")
    pen.line([at(0, 0), at(1, 1)], fill="gray")
    for told, true, weight in rows:
        size = 0.01 + 0.05 * weight**0.5
        pen.ellipse([at(told - size, true + size), at(told + size, true - size)], fill="steelblue")
    pen.text(
        (rim, rim + side + 12), "probability told (0 to 1); dots are as large as their share of pairs", fill="black"
    )
    pen.text((rim, 12), "share that is present (0 to 1)", fill="black")
    image.save(path, optimize=True)


def whole_images(dense: WordDense, data: Path) -> dict[str, float]:
    """How often `classify` would say that an image of RSICD shows its own class, another, or a word of ABSURD."""
    rows = [json.loads(line) for line in (data / "rsicd/valid.jsonl").read_text(encoding="utf-8").splitlines()][::4]
    paths = [data / "rsicd" / row["image"] for row in rows]
    own = [class_words(path.name.rsplit("_", 1)[0]) for path in paths]
    names = [*sorted(set(own)), *ABSURD]
    presence = ImagePresence(dense.model, [ClassWords(name, (name,)) for name in names])
    shown: dict[str, list[bool]] = {"own class": [], "other class": [], "absurd": []}
    for image, mine in zip(encode_images(dense.model, paths), own, strict=True):
        for index, name in enumerate(names):
            kind = "own class" if name == mine else "absurd" if name in ABSURD else "other class"
            shown[kind].append(bool(presence.shows(image.numpy(), index)))
    return {f"image shows {kind}": float(np.mean(those)) for kind, those in shown.items()}


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--model", default="mini")
@click.option("--plot", type=click.Path(path_type=Path), help="PNG of the reliability diagram.")
def main(data: Path, model: str, plot: Path | None) -> None:
    """Print the figures."""
    dense = WordDense(load_word_model(model))
    question = ask_all(dense)
    pairs = [pair for picture in labelled(data) for pair in ask(dense, question, *picture, captions=False)]
    pairs += [pair for picture in captioned(data) for pair in ask(dense, question, *picture, captions=True)]

    def odds(*kinds: str, word: str = "", captions: bool = False) -> np.ndarray:
        return np.array([
            pair.odds for pair in pairs
            if pair.kind in kinds and (not word or pair.word == word) and (pair.captions or not captions)
        ])  # fmt: skip

    error, rows = calibration(pairs)
    figures = {
        "AUROC": auroc(odds("present"), odds("absent", "absurd")),
        "AUROC of nouns": auroc(odds("present", captions=True), odds("absent", captions=True)),
        "AUROC of car": auroc(odds("present", word="car"), odds("absent", word="car")),
        **{f"{kind} found": float((odds(kind) >= 0).mean()) for kind in SHARES},
        "ECE": error,
        **whole_images(dense, data),
    }
    for name, figure in figures.items():
        click.echo(f"{name:24} {figure:.3f}")
    for word in sorted({pair.word for pair in pairs if pair.kind == "present"}):
        there, absent = odds("present", word=word), odds("absent", word=word)
        told = f"found where present {(there >= 0).mean():.2f} of {len(there)}"
        click.echo(
            f"  {word:16} {told}, where absent {(absent >= 0).mean() if len(absent) else 0:.2f} of {len(absent)}"
        )
    if plot:
        draw(rows, plot)


if __name__ == "__main__":
    main()
