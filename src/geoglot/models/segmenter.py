"""A network that knows its classes: pixels in, a score of every class for every fourth pixel out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.errors import ModelError
from geoglot.models.base import Card
from geoglot.models.preprocess import normalise
from geoglot.models.store import read_weights, write_model
from geoglot.models.zoo import card_of, choose_device, find_model
from geoglot.settings import load_settings
from geoglot.types import PathLike

STRIDE = 4
"""Pixels along one side that a score stands for."""
MULTIPLE = 32
"""Networks see sides that are multiples of this; a segmenter pads what has others."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Network(Protocol):
    """What a segmenter asks of its network."""

    def scores(self, pixels: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Of normalised pixels; a softmax gives probabilities."""
        ...


class Segmenter(nn.Module):
    """A network with its card. Owns its normalisation, and takes tiles of any size that is a multiple of 4."""

    def __init__(self, card: Card, network: nn.Module) -> None:
        super().__init__()
        self.card, self.network = card, network
        self.classes: tuple[str, ...] = tuple(card.config["classes"])  # in the order of their scores

    def prepare(self, pixels: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile 3 padded_rows padded_cols"]:
        """Brightness 0..1, normalised and padded below and to the right with the mean colour."""
        rows, cols = pixels.shape[2:]
        return F.pad(normalise(pixels, self.card.mean, self.card.std), (0, -cols % MULTIPLE, 0, -rows % MULTIPLE))

    def forward(self, pixels: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Logits of the classes; pixels are brightness 0..1."""
        rows, cols = (side // STRIDE for side in pixels.shape[2:])
        network: Any = self.network
        scores: Tensor = network.scores(self.prepare(pixels))
        return scores[:, :, :rows, :cols]


def _segclip(config: Mapping[str, Any]) -> nn.Module:
    from geoglot.models.segclip.config import config_of
    from geoglot.models.segclip.model import SegClip

    return SegClip(config_of(config["network"]))


def _upernet(config: Mapping[str, Any]) -> nn.Module:
    from geoglot.models.upernet import UPerNet

    return UPerNet(len(config["classes"]), **config["network"])


#: Each builds an empty network from a card's config; imports are inside, so that a family costs only those who use it
NETWORKS: dict[str, Callable[[Mapping[str, Any]], nn.Module]] = {"segclip": _segclip, "upernet": _upernet}


def is_segmenter(name_or_path: PathLike) -> bool:
    """Whether a model brings its own classes, and does not read words."""
    return card_of(find_model(name_or_path)).family in NETWORKS


def load_segmenter(name_or_path: PathLike, *, device: str | None = None) -> Segmenter:
    """A trained segmenter by name or by the folder that `geoglot train segment` made."""
    settings = load_settings()
    folder = find_model(name_or_path)
    card = card_of(folder)
    if card.family not in NETWORKS:
        raise ModelError(
            f"{card.name} reads words and has no classes of its own; geoglot train segment makes such models"
        )
    if settings.threads:
        torch.set_num_threads(settings.threads)
    segmenter = Segmenter(card, NETWORKS[card.family](card.config))
    try:
        segmenter.network.load_state_dict(read_weights(folder, card.sha256))
    except RuntimeError as error:
        raise ModelError(f"the weights of {card.name} do not fit its card: {error}") from None
    return segmenter.to(choose_device(device or settings.device)).eval().requires_grad_(False)


def save_segmenter(segmenter: Segmenter, folder: Path) -> Card:
    """Store a segmenter as a new folder, whole or not at all."""
    return write_model(folder, segmenter.card, segmenter.network.state_dict(), None)
