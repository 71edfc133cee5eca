"""SAM, SAM 2 and SAM 3 of transformers in small, with random weights."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2Model,
    Sam2VisionConfig,
    Sam3TrackerConfig,
    Sam3TrackerModel,
    SamConfig,
    SamModel,
)

SIDE = 64


def tiny_sam(side: int = SIDE) -> Any:
    """Of 64 px unless told otherwise, 8 x 8 patches."""
    torch.manual_seed(0)
    config = SamConfig(
        vision_config={
            "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": side,
            "patch_size": side // 8, "output_channels": 16, "mlp_dim": 16, "num_pos_feats": 8,
            "global_attn_indexes": [0], "window_size": 0,
        },
        prompt_encoder_config={
            "hidden_size": 16, "image_size": side, "patch_size": side // 8, "mask_input_channels": 4,
        },
        mask_decoder_config={
            "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16,
            "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    return SamModel(config).eval()


def _decoding() -> dict[str, Any]:
    return {
        "prompt_encoder_config": {"hidden_size": 32, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 4},
        "mask_decoder_config": {
            "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16,
            "iou_head_hidden_dim": 16,
        },
    }  # fmt: skip


def tiny_sam2() -> Any:
    """Of 64 px, features of strides 4, 8 and 16."""
    torch.manual_seed(0)
    backbone = Sam2HieraDetConfig(
        hidden_size=8, image_size=[SIDE, SIDE], blocks_per_stage=[1, 2, 1, 1], embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2], window_size_per_stage=[4, 4, 4, 4], global_attention_blocks=[2],
        window_positional_embedding_background_size=[4, 4],
    )  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=32,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )  # fmt: skip
    return Sam2Model(Sam2Config(vision_config=vision, **_decoding())).eval()


def tiny_sam3() -> Any:
    """Of 56 px, patches of 14."""
    torch.manual_seed(0)
    vision = {
        "model_type": "sam3_vision_model",
        "backbone_config": {
            "model_type": "sam3_vit_model", "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 2, "image_size": 56, "pretrain_image_size": 56, "patch_size": 14, "window_size": 2,
            "global_attn_indexes": [0],
        },
        "fpn_hidden_size": 32, "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
    }  # fmt: skip
    decoding = _decoding()
    decoding["prompt_encoder_config"] |= {"image_size": 56, "patch_size": 14}
    return Sam3TrackerModel(Sam3TrackerConfig(vision_config=vision, **decoding)).eval()
