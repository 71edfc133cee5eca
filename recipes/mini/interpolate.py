"""Take mini's trunk a tenth of the way back to ImageNet's weights, between train.py and refine.py.

    python recipes/mini/interpolate.py WORK START OUT

Training learns its few thousand images by heart. On the straight line to the weights that the trunk began with, what
holds for all images stays, and what belongs to single ones goes first (Wortsman et al. 2022, WiSE-FT, equation 1). All
else of the model in START is copied, texts too: refine.py makes them anew.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
from safetensors.torch import load_file, save_file
from student import start_student
from torch import Tensor

from geoglot.models.model_files import sha256_of

KEPT = 0.9  # share of what was learned


def interpolated(learned: dict[str, Tensor], origin: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a stored model, those that `origin` names between the two; half precision stays so."""

    def between(name: str, tensor: Tensor) -> Tensor:
        if name not in origin or not tensor.is_floating_point():
            return tensor
        return (KEPT * tensor.float() + (1 - KEPT) * origin[name].float()).to(tensor.dtype).contiguous()

    return {name: between(name, tensor) for name, tensor in learned.items()}


@click.command()
@click.argument("work", type=click.Path(exists=True, path_type=Path))
@click.argument("start", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def command(work: Path, start: Path, out: Path) -> None:
    """Write the model of START with a trunk nearer to ImageNet's to OUT; token vectors are read in WORK."""
    trunk = start_student(work / "text", ["a"]).mini.image.trunk
    origin = {f"image.trunk.{name}": tensor for name, tensor in trunk.state_dict().items()}
    shutil.copytree(start, out)
    save_file(interpolated(load_file(start / "weights.safetensors"), origin), out / "weights.safetensors")
    card = json.loads((start / "card.json").read_text())
    card["sha256"] = sha256_of(out / "weights.safetensors")
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    command()
