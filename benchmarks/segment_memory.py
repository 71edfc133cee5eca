"""Memory of a training step of SegCLIP, and how it grows with the crops: plain, in half precision, recomputed.

    python benchmarks/segment_memory.py [--side 256]

ResNet-50 with kept statistics, 100 queries, 9 layers, all three parts on. A process of its own takes one step for each
row and number of crops. What autograd holds (each storage once) is counted at the end of the forward pass, and grows
in proportion to the pixels; weights, gradients and the two moments of AdamW take 16 bytes a parameter beside it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import torch
from figures_of_runs import peak_gb, run_apart
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.segclip import SegClip
from geoglot.training.mask_objective import losses_of
from geoglot.training.matching import MaskLoss
from geoglot.training.recompute import recomputed

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from tinysegclip import CLASSES, blocks

#: bfloat16, recompute
ROWS = {
    "plain": (False, False),
    "bfloat16": (True, False),
    "recompute": (False, True),
    "bfloat16 and recompute": (True, True),
}
_GB, _WANTED = 1e9, 1024**2  # pixels of a crop of the paper
_STATES = 16  # bytes a parameter: weight, gradient, two moments


def measure(side: int, crops: int, bfloat16: bool, recompute: bool) -> dict[str, float]:
    """Bytes that autograd holds after a forward pass, and the peak of the process."""
    network = SegClip(SegClipConfig(CLASSES)).train()
    for norm in network.backbone.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.eval()
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    holds: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if (storage := tensor.untyped_storage()).data_ptr() not in weights:
            holds[storage.data_ptr()] = storage.nbytes()
        return tensor

    pixels, labels = torch.rand(crops, 3, side, side), blocks(crops, side)
    with recomputed(network, recompute):
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = torch.stack(list(losses_of(network, pixels, labels, MaskLoss(), bfloat16).values())).sum()
        held = sum(holds.values())
        loss.backward()  # type: ignore[no-untyped-call]
    return {"held": held, "peak": peak_gb() * 1e9, "parameters": sum(p.numel() for p in network.parameters())}


def measure_apart(side: int, crops: int, row: str) -> dict[str, float]:
    """The same in a process of its own."""
    return run_apart(__file__, "--side", side, "--row", row, "--crops", crops)


def show(side: int) -> None:
    """The table of all rows."""
    title = f"GB; crops of {side} px measured, one of 1,024 px by their pixels"
    table = Table("", "held, 1 crop", "2 crops", "a crop of 1,024", "with weights", "peak of 1", "of 2", title=title)
    for row in ROWS:
        one, two = (measure_apart(side, crops, row) for crops in (1, 2))
        crop = (two["held"] - one["held"]) * _WANTED / side**2
        whole = crop + _STATES * one["parameters"]
        cells = (one["held"], two["held"], crop, whole, one["peak"], two["peak"])
        table.add_row(row, *(f"{cell / _GB:.2f}" for cell in cells))
    Console(width=110).print(table)


@click.command()
@click.option("--side", default=256, show_default=True)
@click.option("--row", type=click.Choice(tuple(ROWS)), help="Measure one row in this process, and print JSON.")
@click.option("--crops", default=1, show_default=True)
def command(side: int, row: str | None, crops: int) -> None:
    """Print the table."""
    if row is None:
        show(side)
    else:
        print(json.dumps(measure(side, crops, *ROWS[row])))


if __name__ == "__main__":
    command()
