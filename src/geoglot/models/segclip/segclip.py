"""SegCLIP from pixels to masks with classes, and to class scores of every fourth pixel; its class heads."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.models.segclip.backbone import Features, build_backbone
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.decoder import MaskDecoder
from geoglot.models.segclip.fusion import Fuse
from geoglot.models.segclip.guidance import Guided
from geoglot.models.segclip.pixel_decoder import PixelFeatures, PyramidDecoder
from geoglot.models.segclip.text_prompts import QueryPrompts, TextTable

_LEAST = 1e-6  # of a class's score, so that its logarithm is finite
_FIRST_SCALE = 10.0  # of the cosines; learned


@dataclass(frozen=True)
class Prediction:
    """Classes and masks that the decoder predicts after one layer; in training, guided queries come first."""

    classes: Float[Tensor, "image query class_and_none"]
    """Logits, the last of "no object"."""
    masks: Float[Tensor, "image query rows4 cols4"]
    """Logits."""

    def scores(self) -> Float[Tensor, "image class rows4 cols4"]:
        """Logarithm of each class's score: the sum over queries of class probability times mask probability.

        This is Mask2Former's semantic inference, at stride 4 instead of on upsampled masks.
        """
        classes = self.classes.float().softmax(2)[:, :, :-1]
        summed = torch.einsum("iqk,iqrc->ikrc", classes, self.masks.float().sigmoid())
        return summed.clamp_min(_LEAST).log()


class LinearClasses(nn.Linear):
    """A weight vector for each class and, last, for none (Mask2Former)."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__(config.width, len(config.classes) + 1)

    def forward(
        self, queries: Float[Tensor, "image query width"], texts: Float[Tensor, "class_and_blank width"] | None = None
    ) -> Float[Tensor, "image query class_and_none"]:
        """Logits; `texts` is not used."""
        return super().forward(queries)


class CosineClasses(nn.Module):
    """The cosine with each class's mapped text, so that a text adds a class. Only "none" has a weight vector."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__()
        self.none = nn.Linear(config.width, 1)
        self.log_scale = nn.Parameter(torch.tensor(_FIRST_SCALE).log())

    def forward(
        self, queries: Float[Tensor, "image query width"], texts: Float[Tensor, "class_and_blank width"]
    ) -> Float[Tensor, "image query class_and_none"]:
        cosines = F.normalize(queries, dim=2) @ F.normalize(texts[:-1], dim=1).T
        return torch.cat([self.log_scale.exp() * cosines, self.none(queries)], dim=2)


class SegClip(nn.Module):
    """The network; its input is normalised. Names of its parts are the names in stored weights."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_backbone(config.backbone)
        channels = self.backbone.channels
        self.pixel_decoder: nn.Module
        if config.pixel_decoder == "fpn":
            self.pixel_decoder = PyramidDecoder(config, channels)
        else:  # imports transformers
            from geoglot.models.segclip.deformable import DeformableDecoder

            self.pixel_decoder = DeformableDecoder(config, channels)
        self.table = TextTable(config) if config.needs_texts else None
        self.prompts = QueryPrompts(config)
        self.places = nn.Embedding(config.queries, config.width)  # query_pos
        coarse = channels[-1] if config.fusion.source == "backbone" else config.width
        self.fuse = Fuse(config, coarse) if config.fusion.on else None
        self.decoder = MaskDecoder(config)
        self.classes = (LinearClasses if config.class_head == "linear" else CosineClasses)(config)

    def forward(self, pixels: Float[Tensor, "image 3 rows cols"]) -> Prediction:
        """The last prediction; sides are multiples of 32."""
        return self.predictions(pixels)[-1]

    def predictions(self, pixels: Float[Tensor, "image 3 rows cols"], guided: Guided | None = None) -> list[Prediction]:
        """Predictions of all layers, the last layer last; outside training only the last."""
        features = self.backbone(pixels)
        decoded_pixels = self.pixel_decoder(features)
        texts = self.table() if self.table is not None else None
        tokens, query_pos = self._queries(texts, features, decoded_pixels)
        if guided is not None:
            assert texts is not None
            first = guided.queries(texts).to(tokens.dtype)
            tokens, query_pos = torch.cat([first, tokens], 1), torch.cat([torch.zeros_like(first), query_pos], 1)
        decoded = self.decoder(tokens, query_pos, decoded_pixels, guided)
        if not self.training:
            decoded = decoded[-1:]
        return [Prediction(self.classes(layer.queries, texts), layer.masks) for layer in decoded]

    def _queries(
        self, texts: Tensor | None, features: Features, decoded_pixels: PixelFeatures
    ) -> tuple[Float[Tensor, "image query width"], Float[Tensor, "image query width"]]:
        """Queries that enter the decoder, and query_pos, which tells equal queries apart in every layer."""
        images = decoded_pixels.mask_features.shape[0]
        tokens = self.prompts(texts).expand(images, -1, -1)
        query_pos = self.places.weight.expand(images, -1, -1)
        if self.fuse is not None:
            source = features[-1] if self.config.fusion.source == "backbone" else decoded_pixels.levels[0]
            tokens = self.fuse(tokens, query_pos, source)
        return tokens, query_pos

    def scores(self, pixels: Float[Tensor, "image 3 rows cols"]) -> Float[Tensor, "image class rows4 cols4"]:
        """Logarithm of each class's score; see `Prediction.scores`."""
        prediction: Prediction = self(pixels)
        return prediction.scores()
