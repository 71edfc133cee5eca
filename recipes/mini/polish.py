"""Train mini's image tower further, against all captions at once, after train.py and refine.py.

    python recipes/mini/polish.py RSICD WORK START OUT

The texts of START stand still. So the vectors of every caption of the training split are computed once, each said in a
few ways, and an image is compared with all of them; a caption is compared with the images of its step and with those
of the steps before (Wang et al. 2020, cross-batch memory), which hardly move at these rates. Half of the steps are
mosaics, so that patches stay what they were. Batch norms keep their statistics: the tower is trained as it is used.
refine.py then makes texts anew for the model in OUT.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from losses import best_loss, cross_entropy, name_loss, shared
from safetensors.torch import load_file
from student import Student, start_student
from torch import Tensor, nn
from train import Config, Lessons, Run, choose, go_on, look, pick, read_lessons, seed_of

LAYOUTS = ((1, 160), (2, 112), (1, 160), (4, 64))  # as in train.py
WAYS = 4  # of saying every caption; the first is its own words
KEPT = 4096  # images of earlier steps that a caption is compared with
CONFIG = Config(
    steps=480, rate=4e-4, trunk_rate=1.5e-4, averaging=0.99, own=(0.9, 0.9), best_weight=0.5, noise=1.2, name_weight=0.5
)


class Desk:
    """What the steps share: all captions' vectors, whose they are, and the vectors of images seen of late."""

    def __init__(self, student: Student, lessons: Lessons, config: Config) -> None:
        self.lessons, self.config = lessons, config
        rng, texts = np.random.default_rng((config.seed, 4)), lessons.pairs.texts
        with torch.no_grad():
            self.ways = [student.texts(texts)]
            for _ in range(WAYS - 1):
                self.ways.append(student.texts([lessons.thesaurus.reworded(text, rng) for text in texts]))
        self.own = torch.zeros(len(lessons.labels), len(texts), dtype=torch.bool)
        for row, captions in enumerate(lessons.pairs.captions):
            self.own[row, captions] = True
        self.seen = torch.empty(0, dtype=torch.long)
        self.vectors = torch.empty(0, self.ways[0].shape[1])

    def lesson(self, student: Student, step: int) -> Tensor:
        """The loss of a step: images against all captions, captions against many images, images against names."""
        config, scale = self.config, student.log_scale.exp().detach()
        chosen = choose(self.lessons, config, step)
        views = look(student, self.lessons, chosen, LAYOUTS[step % len(LAYOUTS)], seed_of(config, step))
        said, own = self.ways[step % WAYS], self.own[chosen].float()
        meaning = self.lessons.pairs.vectors
        likeness = F.normalize(own @ meaning, dim=1) @ meaning.T
        logits = scale * views @ said.T
        there = cross_entropy(logits, shared(own, (likeness / config.softness).softmax(1), config.own[0]))
        names = self.names(student, step)
        by_name = (scale * views @ names.T).view(len(chosen), config.rounds, -1)
        loss = (
            (there + self.back(scale * said, views, chosen)) / 2
            + config.best_weight * best_loss(logits, own)
            + config.name_weight * name_loss(by_name, self.lessons.labels[chosen], config.smoothing)
        )
        self.seen = torch.cat([chosen, self.seen])[:KEPT]
        self.vectors = torch.cat([views.detach(), self.vectors])[:KEPT]
        return loss

    def back(self, said: Tensor, views: Tensor, chosen: Tensor) -> Tensor:
        """Captions of the chosen images against these images and those seen of late."""
        captions = self.own[chosen].any(0).nonzero()[:, 0]
        fresh = ~torch.isin(self.seen, chosen)
        images = torch.cat([views, self.vectors[fresh]])
        own = self.own[torch.cat([chosen, self.seen[fresh]])][:, captions].T.float()
        return cross_entropy(said[captions] @ images.T, own / own.sum(1, keepdim=True))

    @torch.no_grad()
    def names(self, student: Student, step: int) -> Tensor:
        """Names of every class, in rounds."""
        rng, book = np.random.default_rng((self.config.seed, step, 5)), self.lessons.thesaurus
        words = [pick(book.classes[kind], rng) for _ in range(self.config.rounds) for kind in self.lessons.kinds]
        return student.texts([book.named(word, rng) for word in words], self.config.noise)


def main(rsicd: Path, work: Path, start: Path, out: Path, config: Config) -> None:
    """Read the model of `start`, train its image tower, store both towers."""
    lessons = read_lessons(rsicd, work)
    torch.manual_seed(config.seed)
    student = start_student(work / "text", [*lessons.pairs.texts, *lessons.phrases])
    weights = load_file(start / "weights.safetensors")
    student.take(weights, ("image", "text"))
    student.log_scale = nn.Parameter(torch.tensor(json.loads((start / "card.json").read_text())["logit_scale"]).log())
    for part in (student.log_scale, *student.mini.text.parameters(), *student.change.parameters()):
        part.requires_grad_(False)
    student.eval()
    run = Run(student, config, work / f"polish-{config.seed}-{config.steps}.pt")
    go_on(run, Desk(run.student, lessons, config).lesson, work / "text", out)


@click.command()
@click.argument("rsicd", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("start", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--steps", default=CONFIG.steps, show_default=True)
@click.option("--seed", default=CONFIG.seed, show_default=True)
def command(rsicd: Path, work: Path, start: Path, out: Path, steps: int, seed: int) -> None:
    """Train the image tower of START, and write the model to OUT."""
    main(rsicd, work, start, out, replace(CONFIG, steps=steps, seed=seed))


if __name__ == "__main__":
    command()
