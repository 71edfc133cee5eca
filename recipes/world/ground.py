"""A tiny CLIP of the ground, trained on photos and captions, never on a tile.

    python recipes/world/ground.py OUT      # about two minutes on two cores

geoglot.load_model reads the folder OUT. It holds the frozen ground and text towers of GRAFT; the satellite tower starts
from its image tower.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import torch.nn.functional as F
from captions import NOUNS, caption, vocabulary
from noise import Ints
from photos import SIDE, photo_points, render_photo
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import CLIPConfig, CLIPModel
from world import CLASSES, Split, World

from geoglot.geo import Window
from geoglot.models.card import Card
from geoglot.models.clip import Clip
from geoglot.models.model_files import DERIVED, save_model
from geoglot.models.zoo import load_word_model

PATCH = 8
DIM = 64
START, END, UNKNOWN = "[start]", "[end]", "[unk]"
STEPS = 400
PHOTOS, BATCH, RATE, WARM_UP, DECAY = 4096, 128, 1e-3, 50, 0.05
SCALE = 1 / 0.07
SLIP = 0.1
"""Share of caption words made unknown, so that a prompt's strange words do no harm."""


def train_ground(world: World, folder: Path, steps: int = STEPS, seed: int = 0) -> None:
    """Train on photos of the country's training part and store the model as a new folder."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    photos, labels = take_photos(world, "train", PHOTOS, rng)
    model = new_clip()
    log_scale = torch.nn.Parameter(torch.tensor(math.log(SCALE)))
    optimiser = torch.optim.AdamW([*model.parameters(), log_scale], RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_at(step, steps))
    for _ in range(steps):
        chosen = rng.integers(len(photos), size=BATCH)
        texts = [slip(caption(CLASSES[label], rng), rng) for label in labels[chosen]]
        loss = _clip_loss(model, photos[chosen].float() / 255, texts, log_scale.exp().clamp(max=100))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    save_model(model, folder)


def take_photos(world: World, split: Split, count: int, rng: np.random.Generator) -> tuple[Tensor, Ints]:
    """Photos (photo, 3, SIDE, SIDE) uint8 from one part of the country, and the class that each shows."""
    windows = world.windows(split, SIDE)
    places = [photo_points(world, windows[rng.integers(len(windows))], 1, rng)[0] for _ in range(count)]
    photos = [render_photo(world, row, col, rng) for row, col in places]
    labels = [world.truth(Window(row, col, 1, 1))[0, 0] for row, col in places]
    return torch.from_numpy(np.stack(photos)), np.array(labels, np.int64)


def new_clip(patch: int = PATCH) -> Clip:
    """A small CLIP of transformers with random weights."""
    tokenizer = make_tokenizer()
    tower = {"projection_dim": DIM, "num_attention_heads": 4, "hidden_act": "gelu", "layer_norm_eps": 1e-5}
    text: dict[str, Any] = {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "max_position_embeddings": 24,
        "vocab_size": tokenizer.get_vocab_size(), "bos_token_id": tokenizer.token_to_id(START),
        "eos_token_id": tokenizer.token_to_id(END), "pad_token_id": tokenizer.token_to_id(END),
    }  # fmt: skip
    vision = {
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 3,
        "image_size": SIDE,
        "patch_size": patch,
    }
    config: dict[str, Any] = {"text_config": tower | text, "vision_config": tower | vision, "projection_dim": DIM}
    card = Card(
        name="world-ground", family="clip", dim=DIM, patch_size=patch, tile_size=SIDE, resolution=(1.0, 1.0),
        mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), logit_scale=SCALE, licence="Apache-2.0",
        source="recipes/world: photos and captions of a procedural country", config=config | {"readout": "plain"},
    )  # fmt: skip
    model = Clip(card, tokenizer)
    weights = CLIPModel(CLIPConfig(**config)).state_dict()
    model.load_state_dict({name: weights[name] for name in weights if not name.endswith(DERIVED)}, assign=True)
    return model.requires_grad_(True)


def make_tokenizer() -> Tokenizer:
    """A tokenizer with one token per word, between a start and an end token."""
    words = [START, END, UNKNOWN, *vocabulary()]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(word, words.index(word)) for word in (START, END)]
    tokenizer.post_processor = TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return tokenizer


@torch.inference_mode()
def accuracy(folder: Path, world: World, count: int = 1000, seed: int = 1) -> tuple[float, float]:
    """Accuracy on unseen photos: with one caption per class, and with the class names."""
    rng = np.random.default_rng(seed)
    model = load_word_model(folder, device="cpu")
    photos, labels = take_photos(world, "test", count, rng)
    vectors = model.encode_image(photos.float() / 255)
    captions = model.encode_text([caption(name, rng) for _ in range(count) for name in CLASSES])
    scores = torch.einsum("pd,pcd->pc", vectors, captions.view(count, len(CLASSES), -1))
    by_name = vectors @ model.encode_text([f"a photo of a {name}" for name in NOUNS]).T
    truth = torch.from_numpy(labels)
    return tuple(float((one.argmax(1) == truth).float().mean()) for one in (scores, by_name))  # type: ignore[return-value]


def _clip_loss(model: Clip, pixels: Tensor, texts: list[str], scale: Tensor) -> Tensor:
    """InfoNCE in both directions (Radford et al., 2021); equal captions are all positives."""
    logits = scale * model.encode_image(pixels) @ model.encode_text(texts).T
    same = torch.tensor([[float(one == other) for other in texts] for one in texts])
    target = same / same.sum(1, keepdim=True)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def rate_at(step: int, steps: int) -> float:
    """Factor of the lr: linear warm-up, then half a cosine."""
    return min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / steps))


def slip(text: str, rng: np.random.Generator) -> str:
    """The text with some words made unknown."""
    words = text.split()
    drop = rng.random(len(words)) < SLIP
    return " ".join("something" if gone else word for word, gone in zip(words, drop, strict=True))


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True)
@click.option("--side", default=2048, show_default=True, help="Metres along the country.")
@click.option("--steps", default=STEPS, show_default=True)
def command(out: Path, seed: int, side: int, steps: int) -> None:
    """Train the ground CLIP of a country, write it to the new folder OUT, and print its accuracy."""
    world = World(seed, side)
    train_ground(world, out, steps, seed)
    by_caption, by_name = accuracy(out, world)
    print(f"unseen photos: {by_caption:.1%} by caption, {by_name:.1%} by class name ({len(CLASSES)} classes)")


if __name__ == "__main__":
    command()
