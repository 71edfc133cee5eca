"""Segmenters: networks with classes of their own, from pixels to a score of each class for every fourth pixel."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.errors import ModelError
from geoglot.models.base import CardedModel, normalise
from geoglot.models.card import Card
from geoglot.models.light.light import Light, LightConfig
from geoglot.models.model_files import read_weights, require_fit, write_model
from geoglot.models.segclip.backbone import check_backbone
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.sizes import Classes, read_part, read_sizes, require_modest, wrong_card
from geoglot.models.upernet import UPerNet, UPerNetConfig

STRIDE = 4
"""Side in pixels of the square that has one score."""
MULTIPLE = 32
"""Sides of a network's input are multiples of this; a segmenter pads other sides."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Network(Protocol):
    """The network of a segmenter."""

    def scores(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Logits of normalised pixels."""
        ...


class Segmenter(CardedModel):
    """A network with classes. It normalises its own input; sides of tiles are multiples of 4."""

    def __init__(self, card: Card, network: nn.Module) -> None:
        super().__init__()
        self.card, self.network = card, network
        self.classes = card.classes

    def prepare(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile band padded_rows padded_cols"]:
        """Normalise brightness 0..1, and pad below and to the right with the mean colour."""
        rows, cols = pixels.shape[2:]
        return F.pad(normalise(pixels, *self.card.statistics), (0, -cols % MULTIPLE, 0, -rows % MULTIPLE))

    def forward(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Logits of the classes; pixels are brightness 0..1."""
        rows, cols = (side // STRIDE for side in pixels.shape[2:])
        network: Any = self.network
        scores: Tensor = network.scores(self.prepare(pixels))
        return scores[:, :, :rows, :cols]


NetworkConfig = SegClipConfig | UPerNetConfig | LightConfig

#: The config of each family, and the network that it and a card describe
NETWORKS: dict[str, tuple[type[NetworkConfig], Callable[[Any, Card], nn.Module]]] = {
    "segclip": (SegClipConfig, lambda config, _: SegClip(config)),
    "upernet": (UPerNetConfig, lambda config, card: UPerNet(config, len(card.classes))),
    "light": (LightConfig, lambda config, card: Light(config, len(card.classes), card.bands)),
}


def new_segmenter(card: Card, config: NetworkConfig) -> Segmenter:
    """A segmenter with random weights."""
    return Segmenter(card, NETWORKS[card.family][1](config, card))


def read_segmenter(card: Card, folder: Path) -> Segmenter:
    """Load a segmenter from its folder."""
    tensors = read_weights(folder, card.sha256)
    config = _check_network(card, tensors)
    segmenter = new_segmenter(card, config)
    segmenter.network.load_state_dict(tensors)
    return segmenter


def _check_network(card: Card, tensors: Mapping[str, Tensor]) -> NetworkConfig:
    """The config of a card's network; ModelError for impossible values, and for weights of another network."""
    sizes = read_sizes(card, Classes)
    if card.dim or card.patch_size != STRIDE or not sizes.classes:
        raise wrong_card(card, f"a segmenter must have dim 0, patch_size {STRIDE} and classes")
    if sizes.extra_bands and card.family != "light":
        raise wrong_card(card, f"a {card.family} sees red, green and blue alone")
    require_modest(card)
    config = read_part(card, NETWORKS[card.family][0], sizes.network, "config.network.")
    try:
        if not isinstance(config, LightConfig):
            check_backbone(config.backbone)
        with torch.device("meta"):
            wanted = new_segmenter(card, config).network.state_dict()
    except ModelError as error:
        raise wrong_card(card, f"config.network: {error}") from None
    except Exception as error:  # noqa: BLE001  transformers and torch raise anything for impossible sizes
        raise wrong_card(card, f"config.network: {' '.join(str(error).split())[:200]}") from None
    require_fit(wanted, tensors, f"the weights of {card.name} do not fit its card")
    return config


def save_segmenter(segmenter: Segmenter, folder: Path) -> Card:
    """Store a segmenter as a new folder, whole or not at all."""
    return write_model(folder, segmenter.card, segmenter.network.state_dict(), None)
