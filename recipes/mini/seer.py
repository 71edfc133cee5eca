"""mini in training for stage 6, with all that it learns beside what is stored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from geoglot.hashing import sha256_of
from geoglot.models.base import normalise
from geoglot.models.card import CALIBRATION, TOKENIZER, read_card
from geoglot.models.mini.fine_path import WIDTH, FinePath
from geoglot.models.mini.mini import Mini
from geoglot.models.presence import Presence

CELL = 8  # pixels of a cell, in which labels are counted
_MOMENTUM = 0.05  # of the path's norms: with 0.01, as in the trunk, their statistics stay behind what the trunk learns
_RESOLUTION = (0.05, 10.0)  # from the drone pictures and the buildings of Kampala to Sentinel-2
_LICENCE = "Apache-2.0; some of the pictures it learned from may not be used commercially: see README.md beside it"
_SOURCE = "recipes/mini: EfficientNet-Lite0 (ImageNet), MiniLM token vectors, RSICD captions, 15 sets of labels"


class Seer(nn.Module):
    """mini with a path to stride 8, and the line between a word that is there and one that is not."""

    def __init__(self, mini: Mini) -> None:
        super().__init__()
        self.image = mini.image
        dim = mini.card.dim
        self.fine, self.presence = mini.fine or FinePath(dim), mini.presence or Presence(dim)
        self.extent = nn.Conv2d(WIDTH, 2, 1)  # the middle and the border of an object; learned beside, and not stored
        self.scale = nn.Parameter(torch.tensor(26.0).log())
        self.card = mini.card
        for norm in self.fine.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.momentum = _MOMENTUM
        self.to(memory_format=torch.channels_last)
        self.requires_grad_(True)  # a loaded model stands still
        for part in self.image.trunk.first:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Seer:
        """The trunk's statistics stay; only the path's norms learn theirs."""
        super().train(mode)
        self.image.eval()
        return self

    def begin(self, pixels: Tensor) -> Tensor:
        """Features at stride 4 of pixels 0..1; these layers keep their weights, so another mini may go on from them."""
        normal = normalise(pixels, self.card.mean, self.card.std).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            return self.image.trunk.begin(normal)

    def forward(self, quarter: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Patches at stride 16 before normalisation, unit vectors at stride 8, and extents, from `begin`."""
        eighth, raw = self.image.go_on(quarter)
        features = self.fine.features(quarter, eighth, raw)
        return raw, self.fine.embed(raw, features), self.extent(features)

    def chances(self, cosines: Tensor, texts: Tensor) -> Tensor:
        """Log-odds that words are there, for cosines (word, ...)."""
        levels = self.presence.levels(texts).view(-1, *[1] * (cosines.dim() - 1))
        odds: Tensor = self.presence.slope * (cosines - levels)
        return odds


def store_seer(weights: Mapping[str, Tensor], start: Path, folder: Path) -> None:
    """Write the text tower of `start`, the other `weights` (float16), what belongs to the texts and, last, the card."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {name: v for name, v in load_file(start / "weights.safetensors").items() if name.startswith("text.")}
    seen = {name: v for name, v in weights.items() if name.startswith(("image.", "fine.", "presence."))}
    small = {name: v.half() if v.is_floating_point() else v for name, v in seen.items()} | texts
    save_file({name: v.contiguous() for name, v in small.items()}, folder / "weights.safetensors")
    if start != folder:
        for name in (TOKENIZER, CALIBRATION):  # the text tower stands still, so both hold
            shutil.copy(start / name, folder)
    sha256 = sha256_of(folder / "weights.safetensors")
    card = replace(
        read_card(start),
        patch_size=CELL,
        resolution=_RESOLUTION,
        licence=_LICENCE,
        source=_SOURCE,
        sha256=sha256,
    )
    (folder / "card.json").write_text(json.dumps(asdict(card), indent=1) + "\n")
