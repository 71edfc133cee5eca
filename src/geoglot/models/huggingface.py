"""Cards for CLIP folders of transformers (config.json, model.safetensors, tokenizer.json), which need no conversion."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from geoglot.errors import InputError, ModelError
from geoglot.hashing import sha256_of
from geoglot.legible import reason_of
from geoglot.models.base import CLIP_MEAN, CLIP_STD
from geoglot.models.card import CONFIG, Card, Mean, Spread
from geoglot.models.file_checks import PLAIN_TYPES, count_numbers, read_json
from geoglot.models.model_files import HF_WEIGHTS
from geoglot.models.readout import DEFAULT_READOUT
from geoglot.recipe import from_table

#: CLIP has no ground resolution: scenes from sub-metre aerial images to Landsat are read as they are
ANY_RESOLUTION = (0.1, 30.0)
#: logit_scale of a CLIP whose weights do not state it: the limit in OpenAI's training
UNSTATED_SCALE = 100.0
_LARGEST_LOG = 9.0
Statistics = tuple[float, float, float]
#: Fields of both towers that a card stores, so that new defaults of transformers change nothing
_TOWER = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act",
          "layer_norm_eps", "projection_dim")  # fmt: skip
_TEXT = (*_TOWER, "vocab_size", "max_position_embeddings")
_VISION = (*_TOWER, "image_size", "patch_size")


def read_config(folder: Path) -> dict[str, Any]:
    """Sizes of a CLIP from config.json; for missing sizes, the defaults of transformers."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CLIPConfig

    try:
        fields = read_json(folder / CONFIG)
        if fields.get("model_type") != "clip":
            raise ModelError(f"{folder} holds a {str(fields.get('model_type'))[:50]} model; only CLIP can be read")
        full = CLIPConfig(**fields)
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
        StrictDataclassError,
    ) as error:
        why = reason_of(error, 300)
        raise ModelError(f"{folder / CONFIG} is not a CLIP configuration ({why})") from None
    return {
        "projection_dim": full.projection_dim,
        "text_config": {name: getattr(full.text_config, name) for name in _TEXT},
        "vision_config": {name: getattr(full.vision_config, name) for name in _VISION},
    }


def huggingface_card(folder: Path) -> Card:
    """A card for a folder of transformers, with the hash of its weights."""
    weights = folder / HF_WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{folder} holds no {HF_WEIGHTS}; make one with: geoglot models convert {folder}")
    config = read_config(folder)
    count_numbers(weights, PLAIN_TYPES)
    try:
        with safe_open(weights, "pt") as file:
            stated = file.get_tensor("logit_scale") if "logit_scale" in file.keys() else None  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{weights} is not a safetensors file ({error}); pull or convert it again") from None
    scale = UNSTATED_SCALE if stated is None else scale_of(stated, weights)
    return replace(clip_card(folder.resolve().name, config, scale, folder), sha256=sha256_of(weights))


def clip_card(name: str, config: dict[str, Any], scale: float, folder: Path) -> Card:
    """The card of a CLIP whose files are in a folder."""
    pixels = read_statistics(folder)
    return Card(
        name=name, family="clip", dim=config["projection_dim"], patch_size=config["vision_config"]["patch_size"],
        tile_size=config["vision_config"]["image_size"], resolution=ANY_RESOLUTION,
        mean=pixels.image_mean, std=pixels.image_std,
        logit_scale=scale, licence="as its source says", source=str(folder),
        config={**config, "readout": DEFAULT_READOUT},
    )  # fmt: skip


def scale_of(stated: Tensor, place: Path) -> float:
    """The factor whose logarithm is stored as logit_scale; CLIP's own training limits it to 100."""
    if stated.numel() != 1 or not -_LARGEST_LOG <= float(stated) <= _LARGEST_LOG:
        raise ModelError(
            f"logit_scale in {place} must be one number up to {_LARGEST_LOG}, got {stated.flatten()[:3].tolist()}"
        )
    return math.exp(float(stated))


@dataclass(frozen=True)
class _Pixels:
    """Statistics of the pixels in the configuration of an image processor."""

    image_mean: tuple[Mean, Mean, Mean]
    image_std: tuple[Spread, Spread, Spread]


def read_statistics(folder: Path, usual: tuple[Statistics, Statistics] = (CLIP_MEAN, CLIP_STD)) -> _Pixels:
    """Mean and standard deviation of the pixels: the folder's, or the usual ones if it states none."""
    path, part = folder / "preprocessor_config.json", ""
    if not path.is_file():
        path, part = folder / "processor_config.json", "image_processor"
    stated = {"image_mean": list(usual[0]), "image_std": list(usual[1])}
    try:
        fields = read_json(path) if path.is_file() else {}
        fields = fields.get(part, {}) if part else fields
        return from_table(_Pixels, {name: fields.get(name, value) for name, value in stated.items()}, "", folder)
    except (OSError, ValueError, TypeError, AttributeError, InputError) as error:
        raise ModelError(f"{path} cannot be used ({error}); save the model again") from None
