"""Stage 6: patches learn the words of what covers them.

    python recipes/mini/see.py DATA START WORK OUT [--steps 6000] [--seed 0] [--without water]

DATA has the folders `labelled` and `rsicd`, START is the folder of the model that stage 5 made, OUT gets the new one.
Text vectors stay as they are. A step takes crops of labelled pictures and pictures of RSICD. Each labelled cell is
compared with words of every concept: a softmax asks which word fits best, and a logistic and an overlap loss ask
whether each word is there at all. Words that a label leaves open are not asked (`patch_losses.py`). What has no labels
is kept on purpose (`keep_losses.py`). A step draws by the seed and its number only, so a resumed run equals an
uninterrupted one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from crops import SIDE, Crop, crop_picture
from keep_losses import image_loss, name_loss, scene_loss, word_losses
from labelled_sets import SETS
from patch_losses import extent_loss, labelled_losses, pool_loss
from PIL import Image
from seer import Seer, patches_from, store_seer
from torch import Tensor, nn
from train import lr_scale
from views import recolour, turn
from word_lessons import Lessons, read_lessons

from geoglot.models.mini.mini import Mini
from geoglot.models.zoo import load_word_model

_EVERY, _STORED = 20, 100  # steps from one report, and from one checkpoint, to the next


@dataclass(frozen=True)
class Config:
    """Settings of the stage."""

    steps: int = 6000
    seed: int = 0
    crops: int = 16
    scenes: int = 5
    lr: float = 2e-3
    trunk_lr: float = 3e-4
    weight_decay: float = 0.02
    ema: float = 0.998
    without: tuple[str, ...] = ()
    """Concepts of which no label speaks."""
    shares: tuple[tuple[str, float], ...] = ()
    """How often a step draws from some sets, in place of what labels.toml says."""
    aside: tuple[str, ...] = ()
    """Pictures that are not, as set/name, besides those of places kept aside."""


#: Weights of the losses
WEIGHTS = {
    "best": 1.0, "there": 1.0, "overlap": 0.5, "pool": 0.2, "scenes": 0.5, "names": 0.2, "image": 8.0, "kept": 1.0,
    "drift": 30.0, "extent": 0.5,
}  # fmt: skip


class Training:
    """A seer, its optimiser and the running mean of its weights."""

    def __init__(self, mini: Mini, teacher: Mini, lessons: Lessons, config: Config) -> None:
        self.seer, self.teacher, self.lessons, self.config = Seer(mini), teacher, lessons, config
        slow = [p for p in self.seer.image.parameters() if p.requires_grad]
        fast = [p for name, p in self.seer.named_parameters() if not name.startswith("image.")]
        groups = [{"params": slow, "peak": config.trunk_lr}, {"params": fast, "peak": config.lr}]
        self.optimiser = torch.optim.AdamW(groups, lr=config.lr, weight_decay=config.weight_decay)
        mean = torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema)
        self.average = torch.optim.swa_utils.AveragedModel(self.seer, multi_avg_fn=mean, use_buffers=True)
        self.names = list(lessons.pictures)
        shares = np.array([dict(config.shares).get(name, SETS[name]["share"]) for name in self.names])
        self.shares = shares / shares.sum()
        self.step = 0

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        parts = {"seer": self.seer, "average": self.average, "optimiser": self.optimiser}
        torch.save(
            {"step": self.step, **{name: part.state_dict() for name, part in parts.items()}}, path.with_suffix(".part")
        )
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Go on at a checkpoint."""
        state = torch.load(path, weights_only=True)
        self.step = state["step"]
        for name in ("seer", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])

    def advance(self) -> dict[str, float]:
        """One step; the losses, weighted."""
        rng = np.random.default_rng((self.config.seed, self.step, 7))
        draw = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        crops = self._crops(rng, draw)
        scenes = rng.choice(len(self.lessons.scenes), self.config.scenes, replace=False).tolist()
        views = torch.stack([self._view(index, draw) for index in scenes])
        pixels = recolour(torch.cat([torch.stack([crop.pixels for crop in crops]), views]), draw)
        losses = {name: WEIGHTS[name] * loss for name, loss in self._losses(pixels, crops, scenes, rng).items()}
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * lr_scale(self.step / self.config.steps)
        self.optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(self.seer.parameters(), 1.0)
        self.optimiser.step()
        self.average.update_parameters(self.seer)
        self.step += 1
        return {name: loss.item() for name, loss in losses.items()}

    def _losses(
        self, pixels: Tensor, crops: list[Crop], scenes: list[int], rng: np.random.Generator
    ) -> dict[str, Tensor]:
        seer, lessons, count, scale = self.seer, self.lessons, len(crops), self.seer.card.logit_scale
        quarter = seer.begin(pixels)
        raw, fine, extent = seer(quarter)
        with torch.no_grad():
            taught = patches_from(self.teacher.image, quarter)[1]
        kept, drift = word_losses(fine, taught, crops, lessons, scale, rng)
        best, there, overlap = labelled_losses(seer, fine[:count], crops, lessons, rng)
        return {
            "best": best,
            "there": there,
            "overlap": overlap,
            "pool": pool_loss(seer, fine[:count], crops, lessons, rng),
            "scenes": scene_loss(seer, fine[count:], scenes, lessons, rng),
            "names": name_loss(raw[count:], scenes, lessons, scale, rng),
            "image": image_loss(raw, taught),
            "kept": kept,
            "drift": drift,
            "extent": extent_loss(extent[:count], crops),
        }

    def _crops(self, rng: np.random.Generator, draw: torch.Generator) -> list[Crop]:
        crops = []
        for index in rng.choice(len(self.names), self.config.crops, p=self.shares):
            pictures = self.lessons.pictures[self.names[index]]
            crops.append(crop_picture(pictures[int(rng.integers(len(pictures)))], draw))
        return crops

    def _view(self, scene: int, draw: torch.Generator) -> Tensor:
        image = Image.open(self.lessons.scenes[scene].path).convert("RGB").resize((SIDE, SIDE))
        return turn(torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255, draw)


def start_training(data: Path, start: Path, config: Config) -> Training:
    """A training that begins with a stored model."""
    torch.manual_seed(config.seed)
    mini, teacher = load_word_model(start), load_word_model(start)
    assert isinstance(mini, Mini) and isinstance(teacher, Mini)
    teacher.requires_grad_(False).eval()
    teacher.image.to(memory_format=torch.channels_last)
    lessons = read_lessons(data, teacher, frozenset(config.without), config.aside)
    training = Training(mini, teacher, lessons, config)
    training.seer.train()
    return training


def reports(training: Training) -> Iterator[str]:
    """Train to the end; a line now and then."""
    began, first, seen = time.monotonic(), training.step, []
    while training.step < training.config.steps:
        seen.append(training.advance())
        if training.step % _EVERY == 0:
            pace = (time.monotonic() - began) / (training.step - first)
            mean = {name: round(sum(losses[name] for losses in seen) / len(seen), 3) for name in seen[0]}
            left = pace * (training.config.steps - training.step) / 60
            yield f"{training.step} {mean} {pace:.2f} s a step, {left:.0f} min left"
            seen = []


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("start", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--steps", default=Config.steps, show_default=True)
@click.option("--seed", default=Config.seed, show_default=True)
@click.option("--without", default="", help="Concepts of which no label may speak, separated by commas.")
@click.option("--share", "shares", multiple=True, type=(str, float), help="A set and how often a step draws from it.")
@click.option("--aside", multiple=True, help="A picture to leave out, as SET/NAME without ending.")
def command(data: Path, start: Path, work: Path, out: Path, without: str, **options: Any) -> None:
    """Train on DATA from the model START with checkpoints in WORK, and write the model OUT; run again to go on."""
    config = Config(without=tuple(filter(None, without.split(","))), **options)
    training, path, run = start_training(data, start, config), work / "see.pt", work / "see.json"
    said = json.dumps({**asdict(config), "start": training.teacher.card.sha256}) + "\n"
    work.mkdir(parents=True, exist_ok=True)
    if run.exists() and run.read_text() != said:
        raise click.ClickException(f"{work} holds another run ({run}); give it a folder of its own")
    run.write_text(said)
    if path.exists():
        training.load(path)
    for line in reports(training):
        print(line, flush=True)
        if training.step % _STORED == 0:
            training.save(path)
    training.save(path)
    average = training.average.state_dict()
    store_seer({name.removeprefix("module."): v for name, v in average.items()}, start, out)


if __name__ == "__main__":
    command()
