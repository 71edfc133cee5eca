"""Measure mini: `python recipes/mini/evaluate.py DATA [MODELS]` on the folders rsicd and loveda of DATA.

Retrieval: mean of R@1, 5, 10 in both directions, on the 1,027 images and 5,135 captions of RSICD's valid split. A
caption finds its image, an image any of its captions; equal scores get their average place, as in `geoglot evaluate`,
since a third of the sentences are copies.
Classification: 30 classes by "a satellite photo of {}", by nine other templates, by words that training used for no
class (all, and those of no caption), and by both (mean and standard deviation of nine). Spreads of the others are
standard errors over images.
Triples: the share of triples.txt whose first term is nearer to the second than to the third.
Mosaics: 30 pictures of four valid images of different classes, 224 px per quadrant. A quadrant is found if its mean
patch vector is nearest to its own class among the four; mean and standard deviation of five draws.
LoveDA: mIoU over three tiles of 1,024 px, 7 classes, without no data; and the share of fields that is found.
SpaceNet (--spacenet and an unpacked source distribution of solaris 0.4.0): IoU of buildings in one panchromatic tile,
900 px of 0.5 m, against four other classes. Both with every pixel at random and with the best single class everywhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import geopandas
import numpy as np
import rasterio
import torch
from data import class_words, clean
from numpy.typing import NDArray
from phrases import OTHER_TEMPLATES, OTHER_WORDS
from PIL import Image
from rasterio.features import rasterize

from geoglot.evaluation.metrics import confusion, ious
from geoglot.evaluation.retrieval import score_captions
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model, model_size
from geoglot.options import TEMPLATES
from geoglot.scene.text_vectors import text_vectors

LOVEDA = {
    "background": ("open land", "bare lawn"), "building": ("buildings", "houses"), "road": ("road", "street"),
    "water": ("water", "river", "pond"), "barren": ("bare soil", "barren ground"), "forest": ("forest", "trees"),
    "agriculture": ("farmland", "crop fields"),
}  # fmt: skip
SPACENET = {
    "building": ("buildings", "houses"), "trees": ("trees", "forest"), "road": ("road", "street"),
    "grass": ("lawn", "grass"), "bare": ("bare soil", "barren ground"),
}  # fmt: skip
TRIPLES = Path(__file__).with_name("triples.txt")
MOSAICS, DRAWS = 30, 5
TEMPLATE = "a satellite photo of {}"


@dataclass(frozen=True)
class Wording:
    """A template, and words for the classes."""

    template: str = TEMPLATE
    words: Mapping[str, str] = field(default_factory=dict)
    """Words that replace those of some classes."""


def read_image(path: Path) -> torch.Tensor:
    """RGB 0..1 (3, rows, cols)."""
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()).permute(2, 0, 1).float() / 255


@torch.inference_mode()
def encode_images(model: VisionLanguageModel, paths: Sequence[Path]) -> torch.Tensor:
    """Unit vectors (image, dim) of images of one size."""
    groups = [paths[start : start + 32] for start in range(0, len(paths), 32)]
    return torch.cat([model.encode_image(torch.stack([read_image(path) for path in group])) for group in groups])


@dataclass(frozen=True)
class Figure:
    """A figure in percent (or in the unit of its name), and its spread."""

    value: float
    spread: float | None = None

    @classmethod
    def over(cls, shares: torch.Tensor) -> Figure:
        """Mean over images, and its standard error."""
        return cls(100 * float(shares.mean()), 100 * float(shares.std()) / len(shares) ** 0.5)


def retrieval(images: torch.Tensor, texts: torch.Tensor, owner: Sequence[int]) -> Figure:
    """Mean recall as in `geoglot evaluate`; `owner` is the image of each text."""
    fair = score_captions(images @ texts.T, owner)["mean_recall"]
    assert fair.value is not None and fair.low is not None and fair.high is not None
    return Figure(100 * fair.value, 100 * (fair.high - fair.low) / (2 * 1.96))


@torch.inference_mode()
def top1(model: VisionLanguageModel, images: torch.Tensor, names: Sequence[str], wording: Wording) -> Figure:
    """Share of images whose own class is the nearest."""
    kinds = sorted(set(names))
    classes = text_vectors(model, [wording.words.get(kind, class_words(kind)) for kind in kinds], (wording.template,))
    right = (images @ classes.T).argmax(1) == torch.tensor([kinds.index(name) for name in names])
    return Figure.over(right.float())


def unread(training: Path) -> dict[str, str]:
    """The words of OTHER_WORDS that no caption of the training split has, by class."""
    read = " ".join(clean(text) for line in training.read_text().splitlines() for text in json.loads(line)["captions"])
    return {kind: word for kind, word in OTHER_WORDS.items() if word not in read}


@torch.inference_mode()
def triples(model: VisionLanguageModel) -> Figure:
    """Share of the triples that are right."""
    lines = [line for line in TRIPLES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    terms = [[term.strip() for term in line.split(",")] for line in lines]
    anchor, nearer, farther = (model.encode_text(list(column)) for column in zip(*terms, strict=True))
    return Figure.over(((anchor * nearer).sum(1) > (anchor * farther).sum(1)).float())


@torch.inference_mode()
def mosaics(model: VisionLanguageModel, paths: Sequence[Path], names: Sequence[str], seed: int) -> float:
    """Share of quadrants that are found, in percent."""
    rng, right = np.random.default_rng(seed), 0
    kinds = sorted(set(names))
    vectors = dict(zip(kinds, text_vectors(model, [class_words(kind) for kind in kinds]), strict=True))
    by_kind = {kind: [path for path, name in zip(paths, names, strict=True) if name == kind] for kind in kinds}
    for _ in range(MOSAICS):
        chosen = [str(kind) for kind in rng.choice(kinds, 4, replace=False)]
        parts = [read_image(by_kind[kind][int(rng.integers(len(by_kind[kind])))]) for kind in chosen]
        picture = torch.cat([torch.cat(parts[:2], 2), torch.cat(parts[2:], 2)], 1)
        patches = model.encode_patches(picture[None])[0]
        half = patches.shape[1] // 2
        cells = [patches[:, r : r + half, c : c + half].mean((1, 2)) for r in (0, half) for c in (0, half)]
        scores = torch.stack(cells) @ torch.stack([vectors[kind] for kind in chosen]).T
        right += int((scores.argmax(1) == torch.arange(4)).sum())
    return 100 * right / (4 * MOSAICS)


@torch.inference_mode()
def segment(
    model: VisionLanguageModel, pixels: torch.Tensor, classes: Mapping[str, Sequence[str]]
) -> NDArray[np.int64]:
    """Index of the class of every pixel (rows, cols), by the nearest of all words."""
    texts = text_vectors(model, [word for group in classes.values() for word in group], TEMPLATES)
    owner = np.repeat(np.arange(len(classes)), [len(group) for group in classes.values()])
    scores = torch.einsum("tdrc,wd->twrc", model.encode_patches(pixels[None]), texts)
    large = torch.nn.functional.interpolate(scores, pixels.shape[1:], mode="bilinear")
    found: NDArray[np.int64] = owner[large[0].argmax(0).numpy()]
    return found


def overlaps(truth: NDArray[np.int64], guess: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """IoU of each class in percent, NaN if it does not occur; a negative truth is ignored."""
    matrix = confusion(truth, guess, classes)
    return np.where(matrix.sum(1) > 0, 100 * ious(matrix), np.nan)


def loveda(model: VisionLanguageModel, folder: Path) -> dict[str, Figure]:
    """Mean IoU over the classes that occur: of the model, at random, and of the best single class."""
    paths = sorted((folder / "images").iterdir())
    truth = np.stack([np.asarray(Image.open(folder / "masks" / path.name)).astype(np.int64) - 1 for path in paths])
    count = len(LOVEDA)
    guess = np.stack([segment(model, read_image(path), LOVEDA) for path in paths])
    chance = np.random.default_rng(0).integers(count, size=truth.shape)
    alone = max(float(np.nanmean(overlaps(truth, np.full_like(truth, index), count))) for index in range(count))
    fields = list(LOVEDA).index("agriculture")
    return {
        "LoveDA mIoU": Figure(float(np.nanmean(overlaps(truth, guess, count)))),
        "  LoveDA at random": Figure(float(np.nanmean(overlaps(truth, chance, count)))),
        "  LoveDA best single class": Figure(alone),
        "  LoveDA fields found": Figure(100 * float((guess == fields)[truth == fields].mean())),
    }


def spacenet(model: VisionLanguageModel, solaris: Path) -> dict[str, Figure]:
    """IoU of buildings: of the model, at random, and of buildings everywhere."""
    with rasterio.open(solaris / "solaris/data/sample_geotiff.tif") as source:
        grey, place = torch.from_numpy(source.read(1).astype("float32")), source.transform
    footprints = geopandas.read_file(solaris / "solaris/data/geotiff_labels.geojson").geometry
    truth = 1 - rasterize(footprints, grey.shape, transform=place).astype(np.int64)  # 0 is a building
    low, high = torch.quantile(grey, torch.tensor([0.02, 0.98]))
    guess = segment(model, ((grey - low) / (high - low)).clamp(0, 1).expand(3, -1, -1), SPACENET)
    chance = np.random.default_rng(0).integers(len(SPACENET), size=truth.shape)
    results = {
        "SpaceNet building IoU": guess,
        "  SpaceNet at random": chance,
        "  buildings everywhere": np.zeros_like(truth),
    }
    return {name: Figure(float(overlaps(truth, result, len(SPACENET))[0])) for name, result in results.items()}


@torch.inference_mode()
def speed(model: VisionLanguageModel) -> dict[str, Figure]:
    """Tiles of 224 px per second, the ratio to ViT-B/16 in float32, and milliseconds per text."""
    from transformers import CLIPVisionConfig, CLIPVisionModel

    size = CLIPVisionConfig(patch_size=16)  # its defaults are those of ViT-B
    large, pixels = CLIPVisionModel(size).eval(), torch.rand(16, 3, 224, 224)
    ours = best_time(lambda: model.encode_image(pixels))
    theirs = best_time(lambda: large(pixels))
    text = best_time(lambda: [model.encode_text(["a satellite photo of a harbour with boats"]) for _ in range(50)])
    return {
        "224 px tiles a second": Figure(len(pixels) / ours),
        "  times ViT-B/16": Figure(theirs / ours),
        "milliseconds a text": Figure(text / 50 * 1000),
    }


def best_time(run: Callable[[], object], repeats: int = 4) -> float:
    """Seconds of the fastest of a few calls, after a warm-up."""
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def measure(name: str, data: Path, solaris: Path | None) -> dict[str, Figure]:
    """Every figure of a model."""
    began = time.perf_counter()
    model = load_word_model(name)
    figures = {"seconds to load": Figure(time.perf_counter() - began)}
    rows = [json.loads(line) for line in (data / "rsicd/valid.jsonl").open()]
    paths = [data / "rsicd" / row["image"] for row in rows]
    names = [path.name.rsplit("_", 1)[0] for path in paths]
    images = encode_images(model, paths)
    captions = [clean(text) for row in rows for text in row["captions"]]
    owner = [index for index, row in enumerate(rows) for _ in row["captions"]]
    with torch.inference_mode():
        texts = model.encode_text(captions)
    figures["RSICD valid mean recall"] = retrieval(images, texts, owner)
    figures["RSICD valid 30-way top-1"] = top1(model, images, names, Wording())
    templates = [top1(model, images, names, Wording(template)) for template in OTHER_TEMPLATES]
    figures["  worst of nine templates"] = min(templates, key=lambda figure: figure.value)
    for words, what in ((OTHER_WORDS, "other words"), (unread(data / "rsicd/train.jsonl"), "that no caption has")):
        figures[f"  with {len(words)} {what}"] = top1(model, images, names, Wording(words=words))
    both = [top1(model, images, names, Wording(template, OTHER_WORDS)).value for template in OTHER_TEMPLATES]
    figures["  other words in nine templates"] = Figure(float(np.mean(both)), float(np.std(both)))
    figures["text triples right"] = triples(model)
    shares = [mosaics(model, paths, names, seed) for seed in range(DRAWS)]
    figures["mosaic quadrants found (chance 25)"] = Figure(float(np.mean(shares)), float(np.std(shares)))
    figures |= loveda(model, data / "loveda")
    if solaris:
        figures |= spacenet(model, solaris)
    return {**figures, **speed(model), "MB of weights": Figure(model_size(name) / 1e6)}


def together(runs: Sequence[dict[str, Figure]]) -> dict[str, Figure]:
    """Mean and standard deviation over several models, which replaces the spread within each."""
    values = {name: [run[name].value for run in runs] for name in runs[0]}
    return {name: Figure(float(np.mean(each)), float(np.std(each, ddof=1))) for name, each in values.items()}


def report(runs: Sequence[dict[str, Figure]], as_json: bool) -> None:
    """Print the figures of a model, or mean and spread of several."""
    figures = together(runs) if len(runs) > 1 else runs[0]
    if as_json:
        print(json.dumps({name.strip(): [figure.value, figure.spread] for name, figure in figures.items()}))
        return
    for name, figure in figures.items():
        spread = "" if figure.spread is None else f" +- {figure.spread:.1f}"
        print(f"{name:<36}{figure.value:7.2f}{spread}")


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("models", nargs=-1)
@click.option("--spacenet", "solaris", type=click.Path(exists=True, path_type=Path), help="An unpacked solaris 0.4.0.")
@click.option("--json", "as_json", is_flag=True)
def command(data: Path, models: tuple[str, ...], solaris: Path | None, as_json: bool) -> None:
    """Print every figure for mini or MODELS on the data sets in DATA; for several models, mean and spread."""
    report([measure(name, data, solaris) for name in models or ("mini",)], as_json)


if __name__ == "__main__":
    command()
