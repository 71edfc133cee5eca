"""The baseline that labels pixels one by one: UPerNet (Xiao et al., ECCV 2018), with the head that transformers has."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from transformers import UperNetConfig
from transformers.models.upernet.modeling_upernet import UperNetHead

from geoglot.models.segclip.backbone import build_backbone


class UPerNet(nn.Module):
    """Logits of every fourth pixel."""

    def __init__(self, classes: int, backbone: dict[str, Any], width: int = 512) -> None:
        super().__init__()
        self.backbone = build_backbone(backbone)
        sizes: dict[str, Any] = {"num_labels": classes, "hidden_size": width}
        config = UperNetConfig(**sizes)
        self.head = UperNetHead(config, in_channels=list(self.backbone.channels))  # type: ignore[no-untyped-call]

    def scores(self, pixels: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Logits; pixels are normalised."""
        made: Tensor = self.head(self.backbone(pixels))
        return made
