"""ResNets of torchvision and timm as the backbone of a segmenter, under the names of transformers' ResNet.

Both name their tensors alike, and both stride in the 3x3 convolution of a bottleneck ("V1.5"), as transformers does.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from geoglot.errors import ConvertError
from geoglot.models.card import CONFIG
from geoglot.models.convert.checkpoint_files import read_checkpoint
from geoglot.models.convert.layouts import strip_wrappers
from geoglot.models.model_files import HF_WEIGHTS, require_finite, require_fit, whole_folder
from geoglot.models.segclip.backbone import build_backbone

_STEM = "embedder.embedder"
_RENAMED = (
    (r"conv1\.", f"{_STEM}.convolution."),
    (r"bn1\.", f"{_STEM}.normalization."),
    (r"layer(\d)\.(\d+)\.conv(\d)\.", lambda m: f"{_block(m)}.layer.{int(m[3]) - 1}.convolution."),
    (r"layer(\d)\.(\d+)\.bn(\d)\.", lambda m: f"{_block(m)}.layer.{int(m[3]) - 1}.normalization."),
    (r"layer(\d)\.(\d+)\.downsample\.0\.", lambda m: f"{_block(m)}.shortcut.convolution."),
    (r"layer(\d)\.(\d+)\.downsample\.1\.", lambda m: f"{_block(m)}.shortcut.normalization."),
)
_CLASSIFIER = "fc."
_COUNTER = ".num_batches_tracked"  # older files have none
_FIRST = re.compile(r"encoder\.stages\.(\d)\.layers\.\d+\.layer\.0\.conv")  # of each block


def _block(match: re.Match[str]) -> str:
    return f"encoder.stages.{int(match[1]) - 1}.layers.{match[2]}"


def is_resnet(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of torchvision's or timm's plain ResNets."""
    return {"conv1.weight", "layer1.0.conv1.weight", "layer4.0.conv2.weight"} <= tensors.keys()


def from_resnet(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under transformers' names, without the classifier; ConvertError for a name that no ResNet has."""
    renamed = {}
    for name, tensor in tensors.items():
        if name.startswith(_CLASSIFIER):
            continue
        new = next((re.sub(f"^{old}", to, name) for old, to in _RENAMED if re.match(old, name)), None)
        if new is None:
            raise ConvertError(f"{name} is in no plain ResNet; of variants (resnet50d, SE, ResNeXt) none can be read")
        renamed[new] = tensor.contiguous()
    return renamed


def resnet_config(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The fields of transformers' ResNetConfig that the shapes of renamed tensors state.

    Raises ConvertError for tensors that are missing or have other shapes than in a plain ResNet.
    """
    blocks = Counter(int(match[1]) for match in map(_FIRST.match, tensors) if match)
    last = 2 if any(".layer.2." in name for name in tensors) else 1
    ends = [f"encoder.stages.{stage}.layers.0.layer.{last}.convolution.weight" for stage in range(4)]
    if absent := [name for name in (f"{_STEM}.convolution.weight", *ends) if name not in tensors]:
        raise ConvertError(f"a ResNet has four stages, and this one lacks {absent[0]}; get the file again")
    widths = [len(tensors[name]) for name in ends]
    config = {
        "model_type": "resnet", "embedding_size": len(tensors[f"{_STEM}.convolution.weight"]), "hidden_sizes": widths,
        "depths": [blocks[stage] for stage in range(4)], "layer_type": "bottleneck" if last == 2 else "basic",
    }  # fmt: skip
    with torch.device("meta"):
        plain = build_backbone({name: value for name, value in config.items() if name != "model_type"})
    wanted, given = (
        {name: tensor for name, tensor in each.items() if not name.endswith(_COUNTER)}
        for each in (plain.body.state_dict(), tensors)
    )
    require_fit(wanted, given, "it is no plain ResNet (ResNeXt and wide ones cannot be read)", ConvertError)
    return config


def convert_resnet(source: Path, target: Path) -> dict[str, Any] | None:
    """Write a ResNet's folder, to name as `backbone` in a recipe, and return its config.

    None, and nothing is written, for a checkpoint of another kind.
    """
    tensors = strip_wrappers(read_checkpoint(source))
    if not is_resnet(tensors):
        return None
    require_finite(tensors, str(source))
    renamed = from_resnet(tensors)
    config = resnet_config(renamed)
    with whole_folder(target) as draft:
        save_file(renamed, draft / HF_WEIGHTS)
        (draft / CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")
    return config
