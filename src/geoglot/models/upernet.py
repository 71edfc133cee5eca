"""The baseline that labels pixels one by one: UPerNet (Xiao et al., ECCV 2018) as transformers has it."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from transformers import ResNetConfig, UperNetConfig, UperNetForSemanticSegmentation

from geoglot.models.segclip.backbone import STAGES


class UPerNet(nn.Module):
    """Logits of every fourth pixel, from a ResNet."""

    def __init__(self, classes: int, backbone: dict[str, Any], width: int = 512) -> None:
        super().__init__()
        fields = {name: value for name, value in backbone.items() if name != "kind"}
        backbone_config = ResNetConfig(**{**fields, "out_features": STAGES})
        sizes: dict[str, Any] = {"num_labels": classes, "hidden_size": width, "use_auxiliary_head": False}
        config = UperNetConfig(backbone_config=backbone_config, **sizes)
        whole = UperNetForSemanticSegmentation(config)
        self.backbone, self.head = whole.backbone, whole.decode_head

    def scores(self, pixels: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Logits; pixels are normalised."""
        made: Tensor = self.head(self.backbone(pixels).feature_maps)
        return made
