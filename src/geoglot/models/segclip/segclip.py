"""SegCLIP from pixels to masks with classes, and to class scores of every fourth pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.models.segclip.backbone import Features, build_backbone
from geoglot.models.segclip.classes import CosineClasses, LinearClasses
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.decoder import MaskDecoder
from geoglot.models.segclip.fusion import Fuse
from geoglot.models.segclip.guidance import Guided
from geoglot.models.segclip.pixel_decoder import PixelFeatures, PyramidDecoder
from geoglot.models.segclip.text_prompts import QueryPrompts, TextTable

_LEAST = 1e-6  # of a class's score, so that its logarithm is finite


@dataclass(frozen=True)
class Prediction:
    """What the decoder says after one of its layers; in training the first queries may be guided ones."""

    classes: Float[Tensor, "image query class_and_none"]
    """Logits, the last of "no object"."""
    masks: Float[Tensor, "image query rows4 cols4"]
    """Logits."""


class SegClip(nn.Module):
    """The network; pixels are normalised before they come here."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_backbone(config.backbone)
        channels = self.backbone.channels
        self.pixel_decoder = _pixel_decoder(config, channels)
        self.table = TextTable(config) if config.needs_texts else None
        self.prompts = QueryPrompts(config)
        self.places = nn.Embedding(config.queries, config.width)
        coarse = channels[-1] if config.fusion.source == "backbone" else config.width
        self.fuse = Fuse(config, coarse) if config.fusion.on else None
        self.decoder = MaskDecoder(config)
        self.classes = (LinearClasses if config.class_head == "linear" else CosineClasses)(config)

    def forward(self, pixels: Float[Tensor, "image 3 rows cols"]) -> Prediction:
        """The last head; sides are multiples of 32."""
        return self.predictions(pixels)[-1]

    def predictions(self, pixels: Float[Tensor, "image 3 rows cols"], guided: Guided | None = None) -> list[Prediction]:
        """All heads, the last one last; guided queries, if any, before the others."""
        features = self.backbone(pixels)
        seen = self.pixel_decoder(features)
        texts = self.table() if self.table is not None else None
        tokens, places = self._queries(texts, features, seen)
        if guided is not None:
            assert texts is not None
            told = guided.queries(texts).to(tokens.dtype)
            tokens, places = torch.cat([told, tokens], 1), torch.cat([torch.zeros_like(told), places], 1)
        made = self.decoder(tokens, places, seen, guided)
        wanted = made if self.training else made[-1:]
        return [Prediction(self.classes(one.queries, texts), one.masks) for one in wanted]

    def _queries(
        self, texts: Tensor | None, features: Features, seen: PixelFeatures
    ) -> tuple[Float[Tensor, "image query width"], Float[Tensor, "image query width"]]:
        """The decoder's first queries, and the position that keeps each apart from the others in every layer."""
        images = seen.pixels.shape[0]
        tokens = self.prompts(texts).expand(images, -1, -1)
        places = self.places.weight.expand(images, -1, -1)
        if self.fuse is not None:
            source = features[-1] if self.config.fusion.source == "backbone" else seen.levels[0]
            tokens = self.fuse(tokens, places, source)
        return tokens, places

    def scores(self, pixels: Float[Tensor, "image 3 rows cols"]) -> Float[Tensor, "image class rows4 cols4"]:
        """Logarithm of each class's score, the sum over queries of its probability times the mask's.

        The semantic inference of Mask2Former, at stride 4 instead of after enlarging the masks.
        """
        head = self(pixels)
        shares = head.classes.float().softmax(2)[:, :, :-1]
        summed = torch.einsum("iqk,iqrc->ikrc", shares, head.masks.float().sigmoid())
        return summed.clamp_min(_LEAST).log()


def _pixel_decoder(config: SegClipConfig, channels: tuple[int, ...]) -> nn.Module:
    """The one that the configuration names; transformers is imported for the one that is made of its modules."""
    if config.pixel_decoder == "fpn":
        return PyramidDecoder(config, channels)
    from geoglot.models.segclip.deformable import DeformableDecoder

    return DeformableDecoder(config, channels)
