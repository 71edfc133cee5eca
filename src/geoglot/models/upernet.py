"""The baseline that labels pixels one by one: UPerNet (Xiao et al., ECCV 2018), with the head of transformers."""

from dataclasses import dataclass, field
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from geoglot.aliases import Count
from geoglot.models.segclip.backbone import build_backbone
from geoglot.models.segclip.targets import IGNORE


@dataclass(frozen=True)
class UPerNetConfig:
    """Settings of a UPerNet."""

    backbone: dict[str, Any] = field(default_factory=dict)
    """As in SegClipConfig."""
    width: Count = 512


class UPerNet(nn.Module):
    """Logits of every fourth pixel."""

    def __init__(self, settings: UPerNetConfig, classes: int) -> None:
        from transformers import UperNetConfig
        from transformers.models.upernet.modeling_upernet import UperNetHead

        super().__init__()
        self.backbone = build_backbone(settings.backbone)
        sizes: dict[str, Any] = {"num_labels": classes, "hidden_size": settings.width}
        config = UperNetConfig(**sizes)
        self.head = UperNetHead(config, in_channels=list(self.backbone.channels))  # type: ignore[no-untyped-call]

    def scores(self, pixels: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Logits; pixels are normalised."""
        logits: Tensor = self.head(self.backbone(pixels))
        return logits

    def losses(
        self, pixels: Float[Tensor, "crop 3 side side"], labels: Int[Tensor, "crop side side"]
    ) -> dict[str, Float[Tensor, ""]]:
        """Losses to add up in training."""
        return {"pixels": pixel_loss(self.scores(pixels), labels)}


def pixel_loss(
    logits: Float[Tensor, "crop class rows4 cols4"], labels: Int[Tensor, "crop side side"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy over the pixels that are not ignored; 0 if all are."""
    upsampled = F.interpolate(logits.float(), labels.shape[1:], mode="bilinear", align_corners=False)
    total = F.cross_entropy(upsampled, labels, ignore_index=IGNORE, reduction="sum")
    return total / count_pixels(labels)


def count_pixels(labels: Int[Tensor, "crop side side"]) -> Int[Tensor, ""]:
    """Pixels that a mean loss is over; 1 if all are ignored."""
    return (labels != IGNORE).sum().clamp(min=1)
