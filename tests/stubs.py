"""Small models with known answers, for tests of what is built around models."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import Card
from geoglot.models.word_sense import WordSense
from geoglot.scene.class_words import ClassWords
from geoglot.scene.question import ChannelQuestion, ask_channels
from geoglot.scene.windows import WindowPlan, plan_windows
from geoglot.training.checkpoint import TrainState

COLOURS = {
    "water": (0.1, 0.2, 0.8),
    "forest": (0.1, 0.5, 0.1),
    "roof": (0.8, 0.2, 0.1),
    "sand": (0.9, 0.8, 0.5),
    "road": (0.4, 0.4, 0.4),
    "snow": (1.0, 1.0, 1.0),
    "crop": (0.8, 0.8, 0.1),
    "heath": (0.6, 0.2, 0.6),
    "marsh": (0.2, 0.5, 0.5),
    "soil": (0.5, 0.3, 0.1),
}


class ColourScorer:
    """Scores a patch by how near its mean colour is to that of each class; sees `halo` patches around it."""

    def __init__(self, names: tuple[str, ...], patch: int = 8, halo: int = 0) -> None:
        self.card = Card(
            "colours", "stub", 0, patch, 64, (0.1, 30.0), (0.0,) * 3, (1.0,) * 3, 1.0, "Apache-2.0", "tests", "0" * 64
        )
        self.colours = torch.tensor([COLOURS[name] for name in names])
        self.labels, self.channels = names, len(names)
        self.patch_size, self.halo, self.calls, self.tiles = patch, halo, 0, 0

    def windows(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        return plan_windows(shape, 64, self.patch_size, tile, overlap)

    def question(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> ChannelQuestion:
        return ask_channels(self.card.name, self.labels, names)

    def __call__(self, pixels: Tensor) -> Tensor:
        self.calls += 1
        self.tiles += len(pixels)
        means = F.avg_pool2d(pixels, self.patch_size)
        if self.halo:
            size = 2 * self.halo + 1
            means = F.avg_pool2d(means, size, 1, self.halo, count_include_pad=False)
        distance = (means[:, None] - self.colours[None, :, :, None, None]).square().sum(2)
        return -20 * distance


class PooledColours(VisionLanguageModel):
    """Mean colours as vectors; a text is the colour whose name it holds."""

    card = Card(
        "pooled colours", "stub", 3, 8, 32, (0.1, 30.0), (0.0,) * 3, (1.0,) * 3, 30.0, "Apache-2.0", "tests", "0" * 64
    )

    def encode_text(self, texts: list[str]) -> Tensor:
        return F.normalize(torch.tensor([next(c for n, c in COLOURS.items() if n in t) for t in texts]), dim=1)

    def encode_image(self, pixels: Tensor) -> Tensor:
        return F.normalize(pixels.mean((2, 3)), dim=1)

    def encode_patches(self, pixels: Tensor) -> Tensor:
        return F.normalize(F.avg_pool2d(pixels, 8), dim=1)


class CalibratedColours(PooledColours):
    """A stub whose seen words are its colours, a little off, and whose absurd words are none."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        colours = torch.tensor(list(COLOURS.values()))
        seen = colours.repeat(40, 1) + 0.3 * torch.randn(40 * len(colours), 3, generator=random)
        self.sense = WordSense(F.normalize(seen, dim=1), F.normalize(-seen, dim=1))


def stepped_state() -> TrainState:
    """The state of a training run after one step."""
    model = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    return TrainState(model, optimiser, None, step=1, best=0.5, best_step=1)
