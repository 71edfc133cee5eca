"""Train mini: image and text towers on RSICD's captions and a thesaurus.

    python recipes/mini/distil_text.py WORK/text
    python recipes/mini/train.py RSICD WORK src/geoglot/models/mini/weights

Each step takes one view of `batch` images, alone or laid out as mosaics of 2 x 2 or 4 x 4, and pools the patch vectors
of each view; since the views of a mosaic share one forward pass, patches must say what is where they are. Texts cost
next to nothing, so each step has all captions of its images, several names of every class, and phrases for the text
tower alone. The schedule counts steps; what a step draws depends on the seed and its number only, and a run that was
cut goes on at its last checkpoint.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from augment import crop, mosaic, recolour
from data import Pairs, embedded, read_split
from losses import best_loss, caption_loss, name_loss, sense_loss
from phrases import Thesaurus, language_sample, read
from safetensors.torch import save_file
from student import Student, make_card, start_student
from torch import Tensor, nn

from geoglot.models.base import Card
from geoglot.models.model_files import sha256_of


@dataclass(frozen=True)
class Config:
    """One training run."""

    steps: int = 1150
    seed: int = 0
    batch: int = 128
    rate: float = 2e-3
    trunk_rate: float = 4e-4
    decay: float = 0.03
    averaging: float = 0.995
    softness: float = 0.06
    """Temperature of the sentence encoder's likeness in the targets of captions."""
    own: tuple[float, float] = (0.9, 1.0)
    """Share of a target that is the image's own captions, at the start and at the end."""
    rounds: int = 3
    """Names of every class in a step."""
    smoothing: float = 0.05
    phrases: int = 256
    """For the text tower alone, in a step."""
    noise: float = 0.8
    """Of the token vectors of names, as a share of their length: what is near a name is meant, too."""
    best_weight: float = 0.0
    """Of the best of an image's captions, beside the mean of all of them: 1."""
    name_weight: float = 0.5
    sense_weight: float = 0.02
    sense_scale: float = 20.0


LAYOUTS = ((1, 128), (2, 96), (4, 64), (1, 160), (2, 112), (4, 64))  # views across, side of a view in pixels
LEAST = {1: 0.6, 2: 0.35, 4: 0.45}  # smallest part of an image's side in a view, by views across
SNAPSHOT = 200  # steps from one checkpoint to the next
LANGUAGE = 20_000  # phrases for the text tower alone


@dataclass(frozen=True)
class Lessons:
    """All there is to learn from."""

    pairs: Pairs
    kinds: list[str]
    labels: Tensor
    """Of each image, into kinds."""
    thesaurus: Thesaurus
    phrases: list[str]
    senses: Tensor
    """The sentence encoder's vectors of the phrases."""


def read_lessons(rsicd: Path, work: Path) -> Lessons:
    """Images, captions, thesaurus and phrases; what takes long is kept in `work`."""
    pairs, thesaurus = read_split(rsicd, "train", work), read()
    kinds = sorted(set(pairs.classes))
    labels = torch.tensor([kinds.index(name) for name in pairs.classes])
    phrases = language_sample(thesaurus, pairs.texts, LANGUAGE)
    return Lessons(pairs, kinds, labels, thesaurus, phrases, embedded(phrases, work))


def choose(lessons: Lessons, config: Config, step: int) -> Tensor:
    """The images of a step: the next part of an epoch, whose order is drawn anew each time."""
    count = len(lessons.labels)
    epoch, place = divmod(step, count // config.batch)
    order = np.random.default_rng((config.seed, epoch, 1)).permutation(count)
    return torch.from_numpy(order[place * config.batch : (place + 1) * config.batch])


def look(student: Student, lessons: Lessons, chosen: Tensor, config: Config, step: int) -> Tensor:
    """Unit vectors of one view of each image."""
    rng = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    across, side = LAYOUTS[step % len(LAYOUTS)]
    crops = torch.stack([crop(lessons.pairs.images[index], side, rng, LEAST[across]) for index in chosen])
    patches = student.patches(mosaic(recolour(crops, rng), across))
    cells = patches.unflatten(2, (across, -1)).unflatten(4, (across, -1)).mean((3, 5))
    return F.normalize(cells.permute(0, 2, 3, 1).flatten(0, 2), dim=1)


def matched(lessons: Lessons, chosen: Tensor) -> tuple[list[int], Tensor, Tensor]:
    """All captions of some images, which are whose (image, caption), and how like an image's own each is."""
    captions = sorted({text for index in chosen.tolist() for text in lessons.pairs.captions[index]})
    place = {text: column for column, text in enumerate(captions)}
    own = torch.zeros(len(chosen), len(captions))
    for row, index in enumerate(chosen.tolist()):
        own[row, [place[text] for text in lessons.pairs.captions[index]]] = 1
    meaning = lessons.pairs.vectors[captions]
    return captions, own, F.normalize(own @ meaning, dim=1) @ meaning.T


def compare(student: Student, views: Tensor, lessons: Lessons, chosen: Tensor, config: Config, step: int) -> Tensor:
    """The loss: views against captions and names of classes, and phrases against phrases."""
    rng, book, scale = np.random.default_rng((config.seed, step, 2)), lessons.thesaurus, student.scale()
    captions, own, likeness = matched(lessons, chosen)
    sentences = [book.reworded(lessons.pairs.texts[text], rng) for text in captions]
    names = [book.named(pick(book.classes[kind], rng), rng) for _ in range(config.rounds) for kind in lessons.kinds]
    said, named = student.texts(sentences), student.texts(names, config.noise)
    share = config.own[0] + (config.own[1] - config.own[0]) * step / config.steps
    logits, by_name = scale * views @ said.T, (scale * views @ named.T).view(len(chosen), config.rounds, -1)
    loss = (
        caption_loss(logits, own, likeness, config.softness, share)
        + config.best_weight * best_loss(logits, own)
        + config.name_weight * name_loss(by_name, lessons.labels[chosen], config.smoothing)
    )
    if config.sense_weight:
        phrases = rng.choice(len(lessons.phrases), config.phrases, replace=False)
        sense = student.texts([lessons.phrases[index] for index in phrases])
        loss = loss + config.sense_weight * sense_loss(sense, lessons.senses[phrases], config.sense_scale)
    return loss


def pick(words: list[str], rng: np.random.Generator) -> str:
    """One of them."""
    return words[int(rng.integers(len(words)))]


def rates(progress: float) -> float:
    """Warm-up over 5 %, then a cosine to zero."""
    return min(1.0, progress / 0.05) * 0.5 * (1 + float(np.cos(min(progress, 1.0) * np.pi)))


class Run:
    """A student, its optimiser and its running mean; goes on where its checkpoint ends."""

    def __init__(self, student: Student, config: Config, checkpoint: Path) -> None:
        self.student, self.config, self.checkpoint = student, config, checkpoint
        trunk = list(student.mini.image.trunk.parameters())
        known = {id(parameter) for parameter in trunk}
        rest = [parameter for parameter in student.parameters() if id(parameter) not in known]
        groups = [{"params": trunk, "peak": config.trunk_rate}, {"params": rest, "peak": config.rate}]
        self.optimiser = torch.optim.AdamW(groups, lr=config.rate, weight_decay=config.decay)
        mean = torch.optim.swa_utils.get_ema_multi_avg_fn(config.averaging)
        self.average = torch.optim.swa_utils.AveragedModel(student, multi_avg_fn=mean, use_buffers=True)
        self.step = 0
        if checkpoint.exists():
            state = torch.load(checkpoint, weights_only=True)
            self.step = state["step"]
            for name in ("student", "optimiser", "average"):
                getattr(self, name).load_state_dict(state[name])

    def save(self) -> None:
        """Write the checkpoint; a cut while writing leaves the one before."""
        parts = {name: getattr(self, name).state_dict() for name in ("student", "optimiser", "average")}
        torch.save({"step": self.step, **parts}, self.checkpoint.with_suffix(".part"))
        self.checkpoint.with_suffix(".part").replace(self.checkpoint)

    def advance(self, lessons: Lessons) -> float:
        """One step; the loss."""
        config, step = self.config, self.step
        torch.manual_seed(config.seed * 1_000_003 + step)  # for the noise; all else has generators of its own
        chosen = choose(lessons, config, step)
        loss = compare(self.student, look(self.student, lessons, chosen, config, step), lessons, chosen, config, step)
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * rates(step / config.steps)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimiser.step()
        self.student.bound()
        self.average.update_parameters(self.student)
        self.step += 1
        return loss.item()


def store(student: Student, card: Card, text: Path, folder: Path) -> None:
    """Card, tokenizer and weights; floats as float16, the token table as int8."""
    folder.mkdir(parents=True, exist_ok=True)
    small = {name: v.half() if v.is_floating_point() else v for name, v in student.published().items()}
    save_file({name: v.contiguous() for name, v in small.items()}, folder / "weights.safetensors")
    shutil.copy(text / "tokenizer.json", folder / "tokenizer.json")
    card = replace(card, sha256=sha256_of(folder / "weights.safetensors"))
    (folder / "card.json").write_text(json.dumps(asdict(card), indent=1) + "\n")


@dataclass(frozen=True)
class Paths:
    """Where things are read and written."""

    rsicd: Path
    work: Path
    out: Path


def main(paths: Paths, config: Config) -> None:
    """Read, train, store."""
    work = paths.work
    torch.manual_seed(config.seed)
    work.mkdir(parents=True, exist_ok=True)
    lessons = read_lessons(paths.rsicd, work)
    seen = [*lessons.pairs.texts, *lessons.phrases]
    run = Run(start_student(work / "text", seen), config, work / f"checkpoint-{config.seed}-{config.steps}.pt")
    run.student.train()
    began, first = time.monotonic(), run.step
    while run.step < config.steps:
        loss = run.advance(lessons)
        if run.step % 10 == 0:
            pace = (time.monotonic() - began) / (run.step - first)
            left = pace * (config.steps - run.step) / 60
            print(f"step {run.step}  loss {loss:.3f}  {pace:.2f} s a step  {left:.0f} minutes left", flush=True)
        if run.step % SNAPSHOT == 0:
            run.save()
    run.save()
    best = run.average.module
    store(best, make_card(len(best.table), round(best.scale().item(), 3)), work / "text", paths.out)


@click.command()
@click.argument("rsicd", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--steps", default=Config.steps, show_default=True)
@click.option("--seed", default=Config.seed, show_default=True)
def command(rsicd: Path, work: Path, out: Path, steps: int, seed: int) -> None:
    """Train on the folder RSICD with caches in WORK, and write the model to OUT."""
    main(Paths(rsicd, work, out), Config(steps=steps, seed=seed))


if __name__ == "__main__":
    command()
