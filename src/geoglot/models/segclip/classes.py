"""Class heads: logits of each class, and of none, for every query."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.models.segclip.config import SegClipConfig

_FIRST_SCALE = 10.0  # of cosines; learned


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
