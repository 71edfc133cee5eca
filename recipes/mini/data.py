"""RSICD as tensors: images once decoded, captions with their sentence vectors, class names out of file names."""

from __future__ import annotations

import json
import re
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
#: Other words for the classes, mixed into training so that a class is more than one phrase.
SYNONYMS = {
    "airport": ["airfield with planes"], "bareland": ["bare soil", "barren ground"], "beach": ["sandy shore"],
    "denseresidential": ["tightly packed houses", "city blocks"], "desert": ["sand dunes"], "farmland": ["crop fields"],
    "forest": ["dense trees"], "industrial": ["factories"], "meadow": ["grassland", "a green lawn"],
    "mediumresidential": ["suburban houses"], "mountain": ["rocky hills"], "parking": ["car park"], "pond": ["lake"],
    "playground": ["sports ground"], "port": ["harbor with boats"], "railwaystation": ["train station"],
    "river": ["stream of water"], "sparseresidential": ["a house among trees"], "storagetanks": ["oil tanks"],
    "viaduct": ["highway overpass"], "resort": ["holiday resort"], "square": ["plaza"], "stadium": ["sports arena"],
}  # fmt: skip
TEMPLATES = ("a satellite photo of {}", "an aerial image of {}", "{}", "a remote sensing image of {}", "there is {}")


@dataclass(frozen=True)
class Pairs:
    """One split: images, and for each the indices of its texts."""

    images: torch.Tensor
    """(image, 3, 224, 224) uint8."""
    classes: list[str]
    texts: list[str]
    captions: list[list[int]]
    """Of each image, into texts."""
    phrases: dict[str, list[int]]
    """Of each class: its templates and synonyms, into texts."""
    vectors: torch.Tensor
    """(text, 384) unit vectors of the sentence encoder."""


def class_words(name: str) -> str:
    """The class in plain words."""
    return CLASS_NAMES.get(name, name)


def read_split(rsicd: Path, split: str, cache: Path) -> Pairs:
    """A split of RSICD, decoded and embedded once and kept in `cache`."""
    rows = [json.loads(line) for line in (rsicd / f"{split}.jsonl").open()]
    classes = [re.sub(r"_\d+\.jpg$", "", Path(row["image"]).name) for row in rows]
    texts: dict[str, int] = {}

    def index(text: str) -> int:
        return texts.setdefault(clean(text), len(texts))

    captions = [[index(text) for text in row["captions"]] for row in rows]
    phrases = {
        name: [index(t.replace("{}", w)) for w in (class_words(name), *SYNONYMS.get(name, ())) for t in TEMPLATES]
        for name in sorted(set(classes))
    }
    return Pairs(
        _images([rsicd / row["image"] for row in rows], cache / f"{split}.npy"),
        classes, list(texts), captions, phrases, _vectors(list(texts), cache / f"{split}-texts.npy"),
    )  # fmt: skip


def clean(text: str) -> str:
    """One caption without doubled blanks, and without a blank before its full stop."""
    return " ".join(text.lower().replace(" .", ".").split()).rstrip(".")


def _images(paths: list[Path], cache: Path) -> torch.Tensor:
    if not cache.exists():
        pixels = np.stack([np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE))) for path in paths])
        np.save(cache, pixels.transpose(0, 3, 1, 2))
    return torch.from_numpy(np.load(cache))


def _vectors(texts: list[str], cache: Path) -> torch.Tensor:
    if not cache.exists():
        np.save(cache, sentence_vectors(texts, load_teacher()))
    return torch.from_numpy(np.load(cache))
