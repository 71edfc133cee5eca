"""What mini can do, measured: `python recipes/mini/evaluate.py DATA [MODEL]` on the folders rsicd and loveda of DATA.

Retrieval: mean of R@1, 5, 10 in both directions, the 1,027 images and 5,135 captions of RSICD's valid split; a caption
finds its image, an image any of its captions. Classification: 30 classes by "a satellite photo of {}", then by nine
other templates, then with words that training used for no class. Mosaics: 30 pictures of four valid images of
different classes, 224 px a quadrant; a quadrant is found if its mean patch vector is nearest to its own class among
the four. LoveDA: mIoU over three tiles at 1024 px, 7 classes, no data left out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import torch
from data import class_words, clean
from PIL import Image

from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_model, model_size
from geoglot.tasks.prompts import TEMPLATES, text_vectors

LOVEDA = {
    "background": ("open land", "bare lawn"), "building": ("buildings", "houses"), "road": ("road", "street"),
    "water": ("water", "river", "pond"), "barren": ("bare soil", "barren ground"), "forest": ("forest", "trees"),
    "agriculture": ("farmland", "crop fields"),
}  # fmt: skip
MOSAICS = 30
TEMPLATE = "a satellite photo of {}"
OTHER_TEMPLATES = (
    "{} from above", "a picture of {}", "orthophoto showing {}", "drone footage of {}", "this is {}",
    "{} seen from space", "a high resolution image of {}", "an overhead view of the {}",
    "where is the {}?",
)  # fmt: skip
#: Words that data.py gives to no class.
OTHER_WORDS = {
    "airport": "aerodrome", "beach": "seaside", "bridge": "footbridge", "church": "chapel", "denseresidential": "slum",
    "farmland": "arable land", "forest": "woods", "industrial": "manufacturing plant", "meadow": "pasture",
    "mediumresidential": "housing estate", "mountain": "mountain range", "park": "public garden",
    "parking": "lorry park", "playground": "running track", "port": "harbour", "railwaystation": "rail terminal",
    "river": "waterway", "school": "campus", "sparseresidential": "country house", "storagetanks": "fuel depot",
    "viaduct": "flyover",
}  # fmt: skip


@dataclass(frozen=True)
class Wording:
    """How the classes are asked for."""

    template: str = TEMPLATE
    words: Mapping[str, str] = field(default_factory=dict)
    """Other words for some of the classes."""


def read_image(path: Path) -> torch.Tensor:
    """RGB 0..1 (3, rows, cols)."""
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()).permute(2, 0, 1).float() / 255


@torch.inference_mode()
def encode_images(model: VisionLanguageModel, paths: Sequence[Path]) -> torch.Tensor:
    """Unit vectors of images of one size."""
    groups = [paths[start : start + 32] for start in range(0, len(paths), 32)]
    return torch.cat([model.encode_image(torch.stack([read_image(path) for path in group])) for group in groups])


def retrieval(images: torch.Tensor, texts: torch.Tensor, owner: torch.Tensor) -> float:
    """Mean recall in percent; `owner` is the image of each text."""
    scores = images @ texts.T
    own_image = scores[owner, torch.arange(len(owner))]
    text_rank = (scores > own_image).sum(0)
    best_own = torch.full((len(images),), -2.0).scatter_reduce(0, owner, own_image, "amax")
    image_rank = (scores > best_own[:, None]).sum(1)
    return 100 * float(np.mean([(rank < k).float().mean() for rank in (text_rank, image_rank) for k in (1, 5, 10)]))


@torch.inference_mode()
def top1(model: VisionLanguageModel, images: torch.Tensor, names: Sequence[str], wording: Wording) -> float:
    """Share of images whose own class is the nearest, in percent."""
    kinds = sorted(set(names))
    classes = text_vectors(model, [wording.words.get(kind, class_words(kind)) for kind in kinds], (wording.template,))
    right = (images @ classes.T).argmax(1) == torch.tensor([kinds.index(name) for name in names])
    return 100 * float(right.float().mean())


@torch.inference_mode()
def mosaics(model: VisionLanguageModel, paths: Sequence[Path], names: Sequence[str], seed: int = 0) -> float:
    """Share of quadrants found, in percent."""
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
def loveda(model: VisionLanguageModel, folder: Path) -> float:
    """Mean IoU in percent over the classes that occur."""
    words = [word for group in LOVEDA.values() for word in group]
    owner = [index for index, group in enumerate(LOVEDA.values(), 1) for _ in group]
    texts = text_vectors(model, words, TEMPLATES)
    confusion = np.zeros((8, 8), np.int64)
    for path in sorted((folder / "images").iterdir()):
        truth = np.asarray(Image.open(folder / "masks" / path.name))
        patches = model.encode_patches(read_image(path)[None])
        large = torch.nn.functional.interpolate(
            torch.einsum("tdrc,wd->twrc", patches, texts), truth.shape, mode="bilinear"
        )
        guess = np.asarray(owner)[large[0].argmax(0).numpy()]
        confusion += np.bincount((truth * 8 + guess).ravel(), minlength=64).reshape(8, 8)
    confusion = confusion[1:, 1:]
    union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
    there = confusion.sum(1) > 0
    return 100 * float((confusion.diagonal() / np.maximum(union, 1))[there].mean())


@torch.inference_mode()
def speed(model: VisionLanguageModel) -> tuple[float, float]:
    """Tiles of 224 px a second, and milliseconds a text."""
    pixels = torch.rand(16, 3, 224, 224)
    model.encode_image(pixels)
    began = time.perf_counter()
    model.encode_image(pixels)
    tiles = len(pixels) / (time.perf_counter() - began)
    began = time.perf_counter()
    for _ in range(50):
        model.encode_text(["a satellite photo of a harbour with boats"])
    return tiles, (time.perf_counter() - began) / 50 * 1000


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("model", default="mini")
def command(data: Path, model: str) -> None:
    """Print every figure for MODEL on the data sets in DATA."""
    loaded = load_model(model)
    rows = [json.loads(line) for line in (data / "rsicd/valid.jsonl").open()]
    paths = [data / "rsicd" / row["image"] for row in rows]
    names = [path.name.rsplit("_", 1)[0] for path in paths]
    images = encode_images(loaded, paths)
    captions = [clean(text) for row in rows for text in row["captions"]]
    owner = torch.tensor([index for index, row in enumerate(rows) for _ in row["captions"]])
    with torch.inference_mode():
        texts = loaded.encode_text(captions)
    plain = top1(loaded, images, names, Wording())
    worst = min(top1(loaded, images, names, Wording(template)) for template in OTHER_TEMPLATES)
    others = top1(loaded, images, names, Wording(words=OTHER_WORDS))
    tiles, milliseconds = speed(loaded)
    print(f"RSICD valid mean recall    {retrieval(images, texts, owner):5.1f}")
    print(f"RSICD valid 30-way top-1   {plain:5.1f} %")
    print(f"  worst of nine templates  {worst:5.1f} %")
    print(f"  with {len(OTHER_WORDS)} other words      {others:5.1f} %")
    print(f"mosaic quadrants found     {mosaics(loaded, paths, names):5.1f} %   (chance 25 %)")
    print(f"LoveDA, 3 tiles, mIoU      {loveda(loaded, data / 'loveda'):5.1f} %")
    print(f"224 px tiles a second      {tiles:5.1f}     milliseconds a text {milliseconds:.2f}")
    print(f"weights                    {model_size(model) / 1e6:5.1f} MB")


if __name__ == "__main__":
    command()
