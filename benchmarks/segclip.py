"""Cost of SegCLIP's three parts, and its network against transformers' Mask2Former.

    python benchmarks/segclip.py [--side 256] [--repeats 5]

ResNet-50, 100 queries, 9 layers, random weights, 2 crops of 7 classes in blocks. All models get the same pixels, and in
every round each takes one step. Bars: a training step with all parts costs at most 10 % more than the baseline's,
inference at most 5 % more, and the baseline's step is not slower than transformers'.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import torch
from torch import Tensor

from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segclip.targets import make_targets
from geoglot.training.mask_objective import losses_of
from geoglot.training.matching import MaskLoss

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from tinysegclip import CLASSES, OFF, blocks, their_mask2former

IMAGES = 2
Step = Callable[[], None]


def our_step(model: SegClip, pixels: Tensor, labels: Tensor) -> Step:
    """Forward pass, loss and backward pass."""

    def step() -> None:
        model.zero_grad()
        torch.stack(list(losses_of(model, pixels, labels, MaskLoss()).values())).sum().backward()  # type: ignore[no-untyped-call]

    return step


def their_step(model: torch.nn.Module, pixels: Tensor, labels: Tensor) -> Step:
    """The same with transformers."""
    targets = make_targets(labels, len(CLASSES))
    masks = [targets.masks[image, : targets.count_slots(image)] for image in range(IMAGES)]
    classes = [targets.classes[image, : targets.count_slots(image)] for image in range(IMAGES)]

    def step() -> None:
        model.zero_grad()
        model(pixel_values=pixels, mask_labels=masks, class_labels=classes).loss.backward()

    return step


def inference(model: torch.nn.Module, pixels: Tensor) -> Step:
    """One forward pass without gradients."""

    def step() -> None:
        model.eval()
        with torch.inference_mode():
            model(pixels)
        model.train()

    return step


def rounds(steps: dict[str, Step], repeats: int) -> dict[str, list[float]]:
    """Seconds of each function in turn, after a warm-up round."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(repeats + 1):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            if number:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def tell(what: str, seconds: dict[str, list[float]]) -> None:
    """Medians, and the median over rounds of each ratio to the baseline."""
    base = seconds["baseline"]
    for name, mine in seconds.items():
        ratios = [one / other for one, other in zip(mine, base, strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{what}  {name:<12}  {statistics.median(mine):7.2f} s   {statistics.median(ratios):.3f} x  ({spread})")


@click.command()
@click.option("--side", default=256, show_default=True, help="Pixels of a crop.")
@click.option("--repeats", default=5, show_default=True)
def command(side: int, repeats: int) -> None:
    """Print the ratios."""
    torch.manual_seed(0)
    pixels, labels = torch.randn(IMAGES, 3, side, side), blocks(IMAGES, side)
    baseline, full = SegClip(SegClipConfig(CLASSES, **OFF)).train(), SegClip(SegClipConfig(CLASSES)).train()
    theirs = their_mask2former(baseline.config).train()
    print(f"{sum(p.numel() for p in baseline.parameters()) / 1e6:.1f} M parameters, all parts: "
          f"{sum(p.numel() for p in full.parameters()) / 1e6:.1f} M; {torch.get_num_threads()} threads")  # fmt: skip
    training = {
        "baseline": our_step(baseline, pixels, labels),
        "all parts": our_step(full, pixels, labels),
        "transformers": their_step(theirs, pixels, labels),
    }
    tell("training ", rounds(training, repeats))
    models = {"baseline": baseline, "all parts": full, "transformers": theirs}
    tell("inference", rounds({name: inference(model, pixels) for name, model in models.items()}, repeats))


if __name__ == "__main__":
    command()
