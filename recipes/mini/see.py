"""Stage 6: patches learn the words of what covers them.

    python recipes/mini/see.py DATA START WORK OUT [--steps 4500] [--seed 0] [--without water]

DATA has the folders `labelled` and `rsicd`, START is the folder of the model that stage 5 made, OUT gets the new one. A
START that this stage made may go on; give --teacher the model of stage 5 then, since a little of what is to be kept is
lost whenever a run is taught by its own start. Text vectors stay as they are. A step takes crops of labelled pictures
and pictures of RSICD. Each labelled cell is compared with words of every concept: a softmax asks which word fits best,
and a logistic and an overlap loss ask whether each word is there at all; a map of the set's classes, beside words that
may be there as well, is scored by its overlaps. Words that a label leaves open are not asked (`patch_losses.py`). Green
ground in the rest of a set is something that grows (`labelled_picture.py`), and so it is in pictures of RSICD without
water, but not in views that have lost their colours. What has no labels is kept on purpose (`keep_losses.py`); pictures
of RSICD learn from the model's own maps as well, where they are sure (`own_maps.py`). A step draws by the seed and its
number only, so a resumed run equals an uninterrupted one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import torch.nn.functional as F
from concepts import GROWING
from crops import SIDE, Crop, change_sharpness, crop_picture, forget_green, mix_styles
from keep_losses import green_loss, image_loss, name_loss, scene_loss, word_losses
from labelled_picture import GREEN, SETS, SMOOTH, growth
from own_maps import own_loss, read_own_maps
from patch_losses import draw_words, extent_loss, labelled_losses, pool_loss
from PIL import Image
from seer import CELL, Seer, store_seer
from steps import Schedule, Steps
from torch import Tensor
from views import recolour, turn
from word_lessons import WATERY, WOODED, Lessons, Scene, read_lessons

from geoglot.models.card import read_card
from geoglot.models.mini.mini import Mini
from geoglot.models.zoo import load_word_model

_EVERY, _STORED = 20, 100  # steps from one report, and from one checkpoint, to the next
_MOSTLY = 0.8  # share of a cell that is green
_COLOUR = 1 / 255  # difference between channels that shows
_OWN_FROM = 1000  # steps after which the model's own maps are worth learning from


@dataclass(frozen=True)
class Config(Schedule):
    """Settings of the stage."""

    steps: int = 4500
    lr: float = 2e-3
    trunk_lr: float = 4e-4
    weight_decay: float = 0.02
    ema: float = 0.998
    crops: int = 16
    scenes: int = 5
    without: tuple[str, ...] = ()
    """Concepts of which no label speaks."""
    shares: tuple[tuple[str, float], ...] = ()
    """How often a step draws from some sets, in place of what labels.toml says."""
    aside: tuple[str, ...] = ()
    """Pictures that are not, as set/name, besides those of places kept aside."""
    teacher: str | None = None
    """The folder of the model whose vectors of pictures and of words without labels are kept; None is the start."""


#: Weights of the losses
WEIGHTS = {
    "best": 1.0, "there": 1.0, "overlap": 0.5, "map": 1.0, "pool": 0.2, "scenes": 0.5, "names": 0.2, "image": 8.0,
    "kept": 1.0, "drift": 30.0, "extent": 0.5, "green": 0.3, "own": 0.3,
}  # fmt: skip


class Training:
    """A seer, its teacher, its lessons and its steps."""

    def __init__(self, mini: Mini, teacher: Mini, lessons: Lessons, config: Config, checkpoint: Path) -> None:
        self.seer, self.teacher, self.lessons, self.config = Seer(mini), teacher, lessons, config
        self.steps = Steps(self.seer, self.seer.image.parameters(), config, checkpoint)
        self.names = list(lessons.pictures)
        shares = np.array([dict(config.shares).get(name, SETS[name]["share"]) for name in self.names])
        self.shares = shares / shares.sum()

    def advance(self) -> dict[str, float]:
        """One step; the losses, weighted."""
        seed, step = self.config.seed, self.steps.done
        rng, draw = np.random.default_rng((seed, step, 7)), torch.Generator().manual_seed(seed * 1_000_003 + step)
        crops = self._crops(rng, draw)
        scenes = rng.choice(len(self.lessons.scenes), self.config.scenes, replace=False).tolist()
        views = torch.stack([self._view(index, draw) for index in scenes])
        pixels = torch.cat([torch.stack([crop.pixels for crop in crops]), views])
        pixels = recolour(mix_styles(change_sharpness(pixels, draw), draw), draw)
        losses = {name: WEIGHTS[name] * loss for name, loss in self._losses(pixels, crops, views, scenes, rng).items()}
        self.steps.descend(torch.stack(list(losses.values())).sum())
        self.steps.count()
        return {name: loss.item() for name, loss in losses.items()}

    def _losses(
        self, pixels: Tensor, crops: list[Crop], views: Tensor, scenes: list[int], rng: np.random.Generator
    ) -> dict[str, Tensor]:
        seer, lessons, count, scale = self.seer, self.lessons, len(crops), self.seer.card.logit_scale
        quarter = seer.begin(pixels)
        raw, fine, extent = seer(quarter)
        with torch.no_grad():
            taught = self.teacher.image.go_on(quarter)[1]
        grey = without_colour(pixels)
        crops = [forget_green(crop) if dull else crop for crop, dull in zip(crops, grey, strict=False)]
        grown = grown_cells(views, [lessons.scenes[index] for index in scenes])
        grown[grey[count:]] = 0
        kept, drift = word_losses(fine, taught, crops, lessons, scale, rng)
        best, there, overlap, mapped = labelled_losses(seer, fine[:count], crops, lessons, rng)
        return {
            "best": best,
            "there": there,
            "overlap": overlap,
            "map": mapped,
            "pool": pool_loss(seer, fine[:count], crops, lessons, rng),
            "scenes": scene_loss(seer, fine[count:], scenes, lessons, rng),
            "names": name_loss(raw[count:], scenes, lessons, scale, rng),
            "image": image_loss(raw, taught),
            "kept": kept,
            "drift": drift,
            "extent": extent_loss(extent[:count], crops),
            "green": green_loss(seer, fine[count:], grown, lessons, rng),
            "own": self._own_loss(fine[count:], views, rng),
        }

    def _own_loss(self, fine: Tensor, views: Tensor, rng: np.random.Generator) -> Tensor:
        if self.steps.done < _OWN_FROM:
            return fine.new_zeros(())
        asked, names = draw_words(self.lessons, rng), self.lessons.concepts.names
        owners = torch.tensor([names.index(owner) for owner in asked.owners])
        teacher = self.steps.average.module.eval()
        return own_loss(self.seer, fine, asked.text, owners, read_own_maps(teacher, views, asked.text, owners))

    def _crops(self, rng: np.random.Generator, draw: torch.Generator) -> list[Crop]:
        crops = []
        for index in rng.choice(len(self.names), self.config.crops, p=self.shares):
            pictures = self.lessons.pictures[self.names[index]]
            crops.append(crop_picture(pictures[int(rng.integers(len(pictures)))], draw))
        return crops

    def _view(self, scene: int, draw: torch.Generator) -> Tensor:
        image = Image.open(self.lessons.scenes[scene].path).convert("RGB").resize((SIDE, SIDE))
        return turn(torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255, draw)


def grown_cells(views: Tensor, scenes: list[Scene]) -> Tensor:
    """The numbers of green cells (scene, rows8, cols8) in views (scene, 3, rows, cols), and 0 elsewhere.

    Scenes whose captions name water have none. Woods are not taken for grass, however smooth they look.
    """
    grown = torch.zeros(len(views), *(length // CELL for length in views.shape[2:]), dtype=torch.long)
    for cells, view, scene in zip(grown, views, scenes, strict=True):
        if scene.says(WATERY):
            continue
        numbers = torch.from_numpy(growth(255 * view.permute(1, 2, 0).numpy()))
        if scene.kind in WOODED:
            numbers[numbers == SMOOTH] = GREEN
        for number in GROWING:
            cells[F.avg_pool2d((numbers == number)[None].float(), CELL)[0] > _MOSTLY] = number
    return grown


def without_colour(pixels: Tensor) -> Tensor:
    """Which pictures (picture, 3, rows, cols) are shades of grey, (picture,)."""
    return (pixels.amax(1) - pixels.amin(1)).amax((1, 2)) < _COLOUR


def start_training(data: Path, start: Path, config: Config, checkpoint: Path) -> Training:
    """A training that begins with a stored model, or goes on at its checkpoint."""
    torch.manual_seed(config.seed)
    mini, teacher = load_word_model(start), load_word_model(config.teacher or start)
    assert isinstance(mini, Mini) and isinstance(teacher, Mini)
    teacher.requires_grad_(False).eval()
    teacher.image.to(memory_format=torch.channels_last)
    lessons = read_lessons(data, teacher, frozenset(config.without), config.aside)
    training = Training(mini, teacher, lessons, config, checkpoint)
    training.seer.train()
    return training


def reports(training: Training) -> Iterator[str]:
    """Train to the end; a line now and then."""
    seen, steps = list[dict[str, float]](), training.steps
    while steps.done < training.config.steps:
        seen.append(training.advance())
        if steps.done % _EVERY == 0:
            mean = {name: round(sum(losses[name] for losses in seen) / len(seen), 3) for name in seen[0]}
            yield f"{steps.done} {mean} {steps.pace()}"
            seen = []


def claim(work: Path, decided: Mapping[str, Any]) -> None:
    """Take a folder for the run of these settings; ClickException if it holds another, or one without its settings."""
    work.mkdir(parents=True, exist_ok=True)
    run, said = work / "see.json", json.dumps(decided)
    holds = json.loads(run.read_text(encoding="utf-8")) if run.exists() else None
    if holds is None and not (work / "see.pt").exists():
        run.write_text(said + "\n", encoding="utf-8")
    elif holds != json.loads(said):
        raise click.ClickException(f"{work} holds another run ({run}); give this one a folder of its own")


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("start", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--steps", default=Config.steps, show_default=True)
@click.option("--seed", default=Config.seed, show_default=True)
@click.option("--without", default="", help="Concepts of which no label may speak, separated by commas.")
@click.option("--share", "shares", multiple=True, type=(str, float), help="A set and how often a step draws from it.")
@click.option("--teacher", type=click.Path(exists=True), help="The model to stay near, if it is not START.")
@click.option("--aside", multiple=True, help="A picture to leave out, as SET/NAME without ending.")
def command(data: Path, start: Path, work: Path, out: Path, without: str, **options: Any) -> None:
    """Train on DATA from the model START with checkpoints in WORK, and write the model OUT; run again to go on."""
    config = Config(without=tuple(filter(None, without.split(","))), **options)
    models = {"start": start, "teacher": Path(config.teacher or start)}
    claim(work, asdict(config) | {name: read_card(folder).sha256 for name, folder in models.items()})
    training = start_training(data, start, config, work / "see.pt")
    for line in reports(training):
        print(line, flush=True)
        if training.steps.done % _STORED == 0:
            training.steps.save()
    training.steps.save()
    store_seer(training.steps.averaged(), start, out)


if __name__ == "__main__":
    command()
