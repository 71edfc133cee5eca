"""Lessons: what a step compares, images with captions and names, phrases with phrases, and the settings of that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from data import Pairs, embed, read_split
from losses import best_loss, caption_loss, name_loss, sense_loss
from phrases import Thesaurus, language_sample, read
from steps import Schedule
from student import Student
from torch import Tensor

LANGUAGE = 20_000  # phrases for the text tower alone


@dataclass(frozen=True)
class Config(Schedule):
    """Settings of a stage that learns."""

    steps: int = 1150
    lr: float = 2e-3
    trunk_lr: float = 4e-4
    weight_decay: float = 0.03
    ema: float = 0.995
    batch: int = 128
    softness: float = 0.06
    """Temperature of the sentence encoder's similarity in the targets of captions."""
    own: tuple[float, float] = (0.9, 1.0)
    """Weight of an image's own captions in its target, at the start and at the end."""
    rounds: int = 3
    """Names of every class in a step."""
    smoothing: float = 0.05
    phrases: int = 256
    """Phrases for the text tower alone in a step."""
    noise: float = 0.8
    """Noise on the token vectors of names, as a fraction of their length, so that a name covers its neighbours."""
    best_weight: float = 0.0
    """Weight of the loss for the best of an image's captions; that for the mean of all has weight 1."""
    name_weight: float = 0.5
    sense_weight: float = 0.02
    sense_scale: float = 20.0


@dataclass(frozen=True)
class Lessons:
    """All texts and images to learn from."""

    pairs: Pairs
    kinds: list[str]
    labels: Tensor
    """Index into `kinds`, by image."""
    thesaurus: Thesaurus
    phrases: list[str]
    senses: Tensor
    """The sentence encoder's vectors of the phrases."""


def read_lessons(rsicd: Path, work: Path) -> Lessons:
    """Read images, captions, thesaurus and phrases; slow results are kept in `work`."""
    pairs, thesaurus = read_split(rsicd, "train", work), read()
    kinds = sorted(set(pairs.classes))
    labels = torch.tensor([kinds.index(name) for name in pairs.classes])
    phrases = language_sample(thesaurus, pairs.texts, LANGUAGE)
    return Lessons(pairs, kinds, labels, thesaurus, phrases, embed(phrases, work))


def match_captions(lessons: Lessons, chosen: Tensor) -> tuple[list[int], Tensor, Tensor]:
    """All captions of some images, whose they are (image, caption), and their similarity to the image's own."""
    captions = sorted({text for index in chosen.tolist() for text in lessons.pairs.captions[index]})
    place = {text: column for column, text in enumerate(captions)}
    own = torch.zeros(len(chosen), len(captions))
    for row, index in enumerate(chosen.tolist()):
        own[row, [place[text] for text in lessons.pairs.captions[index]]] = 1
    meaning = lessons.pairs.vectors[captions]
    return captions, own, F.normalize(own @ meaning, dim=1) @ meaning.T


def compare(student: Student, views: Tensor, lessons: Lessons, chosen: Tensor, config: Config, step: int) -> Tensor:
    """The loss of a step: views against captions and names of classes, and phrases against phrases."""
    rng, book, scale = np.random.default_rng((config.seed, step, 2)), lessons.thesaurus, student.scale()
    captions, own, similarity = match_captions(lessons, chosen)
    sentences = [book.reworded(lessons.pairs.texts[text], rng) for text in captions]
    names = [book.named(pick(book.classes[kind], rng), rng) for _ in range(config.rounds) for kind in lessons.kinds]
    said, named = student.texts(sentences), student.texts(names, config.noise)
    share = config.own[0] + (config.own[1] - config.own[0]) * step / config.steps
    logits, by_name = scale * views @ said.T, (scale * views @ named.T).view(len(chosen), config.rounds, -1)
    loss = (
        caption_loss(logits, own, similarity, config.softness, share)
        + config.best_weight * best_loss(logits, own)
        + config.name_weight * name_loss(by_name, lessons.labels[chosen], config.smoothing)
    )
    if config.sense_weight:
        phrases = rng.choice(len(lessons.phrases), config.phrases, replace=False)
        sense = student.texts([lessons.phrases[index] for index in phrases])
        loss = loss + config.sense_weight * sense_loss(sense, lessons.senses[phrases], config.sense_scale)
    return loss


def pick(words: list[str], rng: np.random.Generator) -> str:
    """A random word."""
    return words[int(rng.integers(len(words)))]
