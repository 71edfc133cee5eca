"""Tiny data sets in the layouts in which the real ones are published, in colours that a model can be told."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stubs import PooledColours


def colours(count: int) -> np.ndarray:
    """So many byte colours of different direction, (count, 3)."""
    hues = [colorsys.hsv_to_rgb(index / count, 0.55 + 0.4 * (index % 2), 0.9) for index in range(count)]
    return (np.array(hues) * 255).round().astype(np.uint8)


class Painter(PooledColours):
    """Knows a colour for each of some words; a text is the longest word that it holds."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__()
        self.words, self.colours = list(words), torch.from_numpy(colours(len(words))).float()
        self.asked: list[str] = []

    def encode_text(self, texts: list[str]) -> Tensor:
        self.asked += texts
        best = [max((word for word in self.words if word in text), key=len) for text in texts]
        return F.normalize(self.colours[[self.words.index(word) for word in best]], dim=1)


def save(path: Path, pixels: np.ndarray) -> Path:
    """An image of pixels (rows, cols[, 3])."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def flat(path: Path, colour: np.ndarray, side: int = 32) -> Path:
    """A picture of one colour."""
    return save(path, np.broadcast_to(colour.astype(np.uint8), (side, side, 3)).copy())


def folders(root: Path, names: Sequence[str], each: int = 2, suffix: str = ".png") -> None:
    """A folder a class, each in its own colour."""
    for name, colour in zip(names, colours(len(names)), strict=True):
        for index in range(each):
            flat(root / name / f"{name}_{index + 1}{suffix}", colour)
