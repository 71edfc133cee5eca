"""A small model that sees the made-up country by words, patch by patch of 4 m, so that changes can be looked for.

    python recipes/change/small_seer.py OUT      # a quarter of an hour of a core

It learns from tiles and the words of what each patch shows: how well a model sees is not what these recipes measure.
Tiles come from a country of another seed than those on which change is measured.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "world"))

import click
import numpy as np
import torch
import torch.nn.functional as F
from captions import NOUNS
from ground import SCALE, new_clip, rate_at, slip
from later import years_later
from noise import Ints
from tiles import render_tile
from torch import Tensor
from world import BLOCK, CLASSES, World

from geoglot.geo import Window
from geoglot.models.clip import Clip
from geoglot.models.model_files import save_model
from geoglot.options import TEMPLATES

SIDE, PATCH = 64, 4
SEED, COUNTRY_M = 100, 5 * BLOCK
COARSEST = 1.5
"""Metres a pixel; tiles are drawn from 1 m on."""
TILES, STEPS, BATCH, RATE, DECAY = 4000, 3072, 16, 1.5e-3, 0.05
UNKNOWN = "[unk]"


def train_seer(folder: Path, steps: int = STEPS, tiles: int = TILES, side_m: int = COUNTRY_M) -> Path:
    """Train from a seed and store the model as a new folder."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    pixels, shares = draw_tiles(World(SEED, side_m), tiles, rng)
    model = new_clip(PATCH)
    model.card = replace(
        model.card,
        name="world-seer",
        resolution=(1.0, COARSEST),
        source="recipes/change: tiles of a procedural country",
    )
    optimiser = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_at(step, steps))
    for _ in range(steps):
        chosen = rng.integers(len(pixels), size=BATCH)
        loss = patch_loss(model, pixels[chosen].float() / 255, shares[chosen].float() / 255, rng)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    save_model(model, folder)
    return folder


def draw_tiles(world: World, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Tiles (tile, 3, SIDE, SIDE) and what each patch shows (tile, class, row, col), shares as 0..255.

    Each is of one of two dates, somewhere, in its own light, and of 1 to COARSEST metres a pixel.
    """
    dates, tiles, shares = (world, years_later(world, SEED)), [], []
    for _ in range(count):
        date, wide = dates[int(rng.integers(2))], int(rng.integers(SIDE, COARSEST * SIDE + 1))
        row, col = (int(rng.integers(world.side_m - wide + 1)) for _ in range(2))
        window = Window(row, col, wide, wide)
        tile = torch.from_numpy(render_tile(date, window, rng)).float()
        truth = F.one_hot(torch.from_numpy(date.truth(window).astype(np.int64)), len(CLASSES)).permute(2, 0, 1).float()
        tiles.append(F.interpolate(tile[None], size=SIDE, mode="area")[0].round().to(torch.uint8))
        shares.append((255 * F.interpolate(truth[None], size=SIDE // PATCH, mode="area")[0]).round().to(torch.uint8))
    return torch.stack(tiles), torch.stack(shares)


def patch_loss(model: Clip, pixels: Tensor, shares: Tensor, rng: np.random.Generator) -> Tensor:
    """Cross-entropy of the words of each patch; words that the model does not know are never right.

    Rare classes weigh more, by the square root of how rare they are in the batch, so that pools and houses are learned.
    """
    names = [NOUNS[name][rng.integers(len(NOUNS[name]))] if rng.random() < 0.5 else name for name in CLASSES]
    template = TEMPLATES[rng.integers(len(TEMPLATES))]
    texts = model.encode_text([slip(template.format(name), rng) for name in names] + [template.format(UNKNOWN)])
    logits = SCALE * torch.einsum("tdrc,kd->tkrc", model.encode_patches(pixels), texts)
    weights = shares.mean((0, 2, 3)).clamp(min=0.01) ** -0.5
    weighted = shares * weights.view(1, -1, 1, 1)
    return -(F.log_softmax(logits, 1)[:, : len(CLASSES)] * weighted).sum() / weighted.sum()


@torch.inference_mode()
def accuracy(model: Clip, seed: int = 101, tiles: int = 64) -> float:
    """Share of patches of another country whose most frequent class has the best word."""
    pixels, shares = draw_tiles(World(seed, 2 * BLOCK), tiles, np.random.default_rng(seed))
    texts = model.encode_text([TEMPLATES[0].format(name) for name in CLASSES])
    found: Ints = torch.einsum("tdrc,kd->tkrc", model.encode_patches(pixels.float() / 255), texts).argmax(1).numpy()
    return float((found == shares.argmax(1).numpy()).mean())


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
def command(out: Path) -> None:
    """Train the model and print how often it is right."""
    from geoglot.models.zoo import load_word_model

    print(f"{accuracy(load_word_model(train_seer(out), device='cpu')):.3f} of patches right")  # type: ignore[arg-type]


if __name__ == "__main__":
    command()
