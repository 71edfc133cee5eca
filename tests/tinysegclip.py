"""SegCLIPs small enough to train in a test, and transformers' Mask2Former of the same sizes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, ResNetConfig

from geoglot.models.card import Card
from geoglot.models.segclip.config import Fusion, Guidance, Prompts, SegClipConfig
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, Segmenter, save_segmenter

CLASSES = ("background", "building", "road", "water", "barren", "forest", "agriculture")
TINY = {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "layer_type": "basic"}
OFF: dict[str, Any] = {"prompts": Prompts(on=False), "fusion": Fusion(on=False), "guidance": Guidance(on=False)}


def tiny_config(**changed: Any) -> SegClipConfig:
    """32 numbers wide, 6 layers, 12 queries, texts of 16 numbers."""
    sizes = {
        "backbone": TINY,
        "encoder_layers": 2,
        "text_dim": 16,
        "queries": 12,
        "width": 32,
        "heads": 4,
        "feed_forward": 64,
        "layers": 6,
    }
    return SegClipConfig(CLASSES, encoder_feed_forward=64, **{**sizes, **changed})


def tiny_segclip(**changed: Any) -> SegClip:
    """With random weights and random unit vectors for texts."""
    torch.manual_seed(0)
    model = SegClip(tiny_config(**changed))
    if model.table is not None:
        model.table.vectors.copy_(F.normalize(torch.randn_like(model.table.vectors), dim=1))
    return model


def blocks(images: int, side: int = 96) -> Tensor:
    """Label maps of squares of 16 px with any class."""
    seeded = torch.Generator().manual_seed(7)
    coarse = torch.randint(0, len(CLASSES), (images, side // 16, side // 16), generator=seeded)
    return coarse.repeat_interleave(16, 1).repeat_interleave(16, 2)


def their_mask2former(config: SegClipConfig) -> Mask2FormerForUniversalSegmentation:
    """transformers' model of a configuration's sizes, with random weights."""
    stages = ["stage1", "stage2", "stage3", "stage4"]
    return Mask2FormerForUniversalSegmentation(
        Mask2FormerConfig(
            backbone_config=ResNetConfig(**config.backbone, out_features=stages),
            feature_size=config.width,
            mask_feature_size=config.width,
            hidden_dim=config.width,
            num_attention_heads=config.heads,
            encoder_layers=config.encoder_layers,
            decoder_layers=config.layers + 1,
            dim_feedforward=config.feed_forward,
            encoder_feedforward_dim=config.encoder_feed_forward,
            num_queries=config.queries,
            num_labels=len(config.classes),
        )
    )


def tiny_segmenter(**changed: Any) -> Segmenter:
    """A tiny SegCLIP with a card, ready to map."""
    network = tiny_segclip(**changed)
    config = {"classes": CLASSES, "network": asdict(network.config), "texts": {"model": "mini", "sha256": ""}}
    card = Card(
        "tiny", "segclip", 0, 4, 64, (0.1, 30.0), IMAGENET_MEAN, IMAGENET_STD, 1.0, "Apache-2.0", "tests", config=config
    )
    return Segmenter(card, network).eval().requires_grad_(False)


def stored_segmenter(folder: Path, **changed: Any) -> Path:
    """The folder of a tiny segmenter."""
    save_segmenter(tiny_segmenter(**changed), folder)
    return folder
