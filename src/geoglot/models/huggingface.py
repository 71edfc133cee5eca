"""CLIP folders of transformers (config.json, model.safetensors, tokenizer.json), read as they are."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from safetensors import safe_open

from geoglot.errors import ModelError
from geoglot.models.base import Card
from geoglot.models.preprocess import CLIP_MEAN, CLIP_STD
from geoglot.models.readout import DEFAULT_READOUT
from geoglot.models.store import CARD, HF_WEIGHTS, sha256_of

CONFIG = "config.json"
#: CLIP has no resolution of its own: sub-metre aerial images to Landsat are read as they are
ANY_RESOLUTION = (0.1, 30.0)
#: What a card keeps of both towers, so that a changed default of transformers changes nothing
_TOWER = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "hidden_act",
    "layer_norm_eps",
    "projection_dim",
)
_TEXT = (*_TOWER, "vocab_size", "max_position_embeddings")
_VISION = (*_TOWER, "image_size", "patch_size")


def is_huggingface(folder: Path) -> bool:
    """Whether the folder is one of transformers' and not one of ours."""
    return (folder / CONFIG).is_file() and not (folder / CARD).is_file()


def read_config(folder: Path) -> dict[str, Any]:
    """Sizes of a CLIP, from config.json and, where that is silent, transformers' defaults."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CLIPConfig

    try:
        fields = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if fields.get("model_type") != "clip":
            raise ModelError(f"{folder} holds a {fields.get('model_type')} model; only CLIP can be read")
        full = CLIPConfig(**fields)
    except (ValueError, AttributeError, StrictDataclassError) as error:
        why = " ".join(str(error).split())
        raise ModelError(f"{folder / CONFIG} is not a CLIP configuration ({why})") from None
    return {
        "projection_dim": full.projection_dim,
        "text_config": {name: getattr(full.text_config, name) for name in _TEXT},
        "vision_config": {name: getattr(full.vision_config, name) for name in _VISION},
    }


def huggingface_card(folder: Path) -> Card:
    """The card that such a folder lacks, its hash taken from the file as it is."""
    weights = folder / HF_WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{folder} holds no {HF_WEIGHTS}; make one with: geoglot models convert {folder}")
    config = read_config(folder)
    mean, std = read_statistics(folder)
    with safe_open(weights, "pt") as file:
        logit_scale = math.exp(file.get_tensor("logit_scale").item())
    return Card(
        name=folder.resolve().name,
        family="clip",
        dim=config["projection_dim"],
        patch_size=config["vision_config"]["patch_size"],
        tile_size=config["vision_config"]["image_size"],
        resolution=ANY_RESOLUTION,
        mean=mean,
        std=std,
        logit_scale=logit_scale,
        licence="as its source says",
        source=str(folder),
        sha256=sha256_of(weights),
        config={**config, "readout": DEFAULT_READOUT},
    )


Statistics = tuple[float, float, float]


def read_statistics(folder: Path) -> tuple[Statistics, Statistics]:
    """Mean and standard deviation of the pixels: the folder's, or CLIP's where it says nothing."""
    path = folder / "preprocessor_config.json"
    fields = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    red, green, blue = fields.get("image_mean", CLIP_MEAN)
    red_std, green_std, blue_std = fields.get("image_std", CLIP_STD)
    return (red, green, blue), (red_std, green_std, blue_std)
