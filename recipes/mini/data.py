"""RSICD as tensors: images once decoded, captions with their sentence vectors, class names out of file names."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from distil_text import load_teacher, sentence_vectors
from PIL import Image

SIDE = 224
CLASS_NAMES = {
    "bareland": "bare land", "baseballfield": "baseball field", "denseresidential": "dense residential area",
    "mediumresidential": "medium residential area", "sparseresidential": "sparse residential area",
    "industrial": "industrial area", "commercial": "commercial area", "center": "city center building",
    "railwaystation": "railway station", "storagetanks": "storage tanks", "parking": "parking lot", "school": "school",
}  # fmt: skip


@dataclass(frozen=True)
class Pairs:
    """One split: images, and for each the indices of its texts."""

    images: torch.Tensor
    """(image, 3, 224, 224) uint8."""
    classes: list[str]
    numbers: list[int]
    """Of each image, in its file name: neighbours are often of one place, and share captions."""
    texts: list[str]
    captions: list[list[int]]
    """Of each image, into texts."""
    vectors: torch.Tensor
    """(text, 384) unit vectors of the sentence encoder."""


def class_words(name: str) -> str:
    """The class in plain words."""
    return CLASS_NAMES.get(name, name)


def read_split(rsicd: Path, split: str, cache: Path) -> Pairs:
    """A split of RSICD, decoded and embedded once and kept in `cache`."""
    rows = [json.loads(line) for line in (rsicd / f"{split}.jsonl").open()]
    names = [Path(row["image"]).stem.rsplit("_", 1) for row in rows]
    texts: dict[str, int] = {}

    def index(text: str) -> int:
        return texts.setdefault(clean(text), len(texts))

    captions = [[index(text) for text in row["captions"]] for row in rows]
    return Pairs(
        _images([rsicd / row["image"] for row in rows], cache / f"{split}.npy"),
        [kind for kind, _ in names], [int(number) for _, number in names],
        list(texts), captions, embedded(list(texts), cache),
    )  # fmt: skip


def development(pairs: Pairs) -> torch.Tensor:
    """Whether an image (image,) is kept aside to choose by: of each class, the tenth with the middle numbers.

    RSICD's valid split has runs of numbers too. A tenth drawn at random has its neighbours in training, and a recall
    that is five points too good.
    """
    aside = torch.zeros(len(pairs.classes), dtype=torch.bool)
    for kind in set(pairs.classes):
        members = [(number, row) for row, number in enumerate(pairs.numbers) if pairs.classes[row] == kind]
        first, last = (int(share * len(members)) for share in (0.45, 0.55))
        aside[[row for _, row in sorted(members)[first:last]]] = True
    return aside


def clean(text: str) -> str:
    """One caption without doubled blanks, and without a blank before its full stop."""
    return " ".join(text.lower().replace(" .", ".").split()).rstrip(".")


def _images(paths: list[Path], cache: Path) -> torch.Tensor:
    if not cache.exists():
        pixels = np.stack([np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE))) for path in paths])
        np.save(cache, pixels.transpose(0, 3, 1, 2))
    return torch.from_numpy(np.load(cache))


def embedded(texts: list[str], cache: Path) -> torch.Tensor:
    """The sentence encoder's unit vectors of these texts, asked once and kept in the folder `cache`."""
    path = cache / f"texts-{hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:12]}.npy"
    if not path.exists():
        np.save(path, sentence_vectors(texts, load_teacher()))
    return torch.from_numpy(np.load(path))
