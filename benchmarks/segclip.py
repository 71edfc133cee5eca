"""Cost of SegCLIP's three parts, and its network against transformers' Mask2Former.

    python benchmarks/segclip.py [--side 256] [--repeats 5]

ResNet-50, 100 queries, 9 layers, random weights, 2 crops of 7 classes in blocks. All models get the same pixels, and in
every round each takes one step. Bars, by the median over rounds of the ratio of two steps in one round: a training step
with all parts costs at most 10 % more than the baseline's, inference at most 5 % more, and the baseline's step, whose
parts are those of transformers' Mask2Former, is not slower than that one. Ends with 1 if a bar is missed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from figures_of_runs import describe_machine, middle
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


@dataclass(frozen=True)
class Bar:
    """The most that one step may cost, as times another."""

    phase: str
    step: str
    base: str
    most: float

    def holds(self, seconds: dict[str, list[float]]) -> bool:
        """Print the median ratio, its spread and the bar, and return whether it holds."""
        ratios = [own / other for own, other in zip(seconds[self.step], seconds[self.base], strict=True)]
        found = statistics.median(ratios)
        print(f"{self.phase}: {self.step} takes {found:.2f} x (from {min(ratios):.2f} to {max(ratios):.2f}) as long as "
              f"{self.base}; at most {self.most:.2f} are wanted")  # fmt: skip
        return found <= self.most


BARS = (
    Bar("training", "baseline", "transformers", 1.0),
    Bar("training", "all parts", "baseline", 1.1),
    Bar("inference", "all parts", "baseline", 1.05),
)


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
          f"{sum(p.numel() for p in full.parameters()) / 1e6:.1f} M\n{describe_machine()}")  # fmt: skip
    training = {
        "baseline": our_step(baseline, pixels, labels),
        "all parts": our_step(full, pixels, labels),
        "transformers": their_step(theirs, pixels, labels),
    }
    models = {"baseline": baseline, "all parts": full, "transformers": theirs}
    phases = {"training": training, "inference": {name: inference(own, pixels) for name, own in models.items()}}
    seconds = {phase: rounds(steps, repeats) for phase, steps in phases.items()}
    for phase, steps in seconds.items():
        print(phase, "; ".join(f"{name} {middle(taken, 's')}" for name, taken in steps.items()))
    held = [bar.holds(seconds[bar.phase]) for bar in BARS]
    sys.exit(not all(held))


if __name__ == "__main__":
    command()
