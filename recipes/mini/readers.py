"""Readers: a sentence encoder that learned to see, as a teacher of mini's text tower.

A mean of word vectors knows only as much of a caption as training happened to show of its words. The sentence encoder
has read much more, but is too large and too slow to ship. So small heads on its fixed vectors are fitted to the views
of the images, and kept near the earlier text tower's vectors of the same captions. Several heads differ by their seeds,
and their mean varies less (distillation of an ensemble, Hinton et al. 2015).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from lessons import Config, Lessons, match_captions, pick
from losses import best_loss, caption_loss
from phrases import whole_words
from settle import CHANGE_LR, Group, settle
from student import DIM, HIDDEN, Student
from torch import Tensor, nn
from views import Source, draw_views

READERS = 5
DROPOUT = 0.1
NEAR = 10.0  # weight of the cosine distance to the earlier text tower
STEPS, BATCH, ROUNDS, WORDS = 500, 1024, 4, 256  # relearn: captions, names of every class and other words in a step


class Reader(nn.Module):
    """Maps the sentence encoder's vectors into the space of the images: a linear map and a residual head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, HIDDEN), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, DIM)
        )
        self.base = nn.Linear(width, DIM, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(30.0).log())

    def forward(self, sentences: Tensor) -> Tensor:
        """Unit vectors (text, DIM) of vectors (text, width)."""
        return F.normalize(F.normalize(self.base(sentences), dim=1) + self.head(sentences), dim=1)


def fit_reader(source: Source, known: Tensor, config: Config, seed: int) -> Reader:
    """A reader of the captions; `known` (text, DIM) are the earlier text tower's vectors of them."""
    torch.manual_seed(seed)
    meaning = source.lessons.pairs.vectors
    reader = Reader(meaning.shape[1]).train()

    def loss_of(step: int) -> Tensor:
        chosen, seen = draw_views(source, config.batch, seed, step)
        captions, own, similarity = match_captions(source.lessons, chosen)
        said = reader(meaning[captions])
        logits = reader.log_scale.exp() * seen @ said.T
        fit = caption_loss(logits, own, similarity, config.softness, config.own[0])
        return fit + config.best_weight * best_loss(logits, own) + NEAR * cosine_distance(said, known[captions])

    settle([Group([*reader.parameters()], config.lr)], loss_of, config.steps, config.weight_decay)
    return reader.eval()


def read_captions(source: Source, known: Tensor, config: Config, seed: int) -> Tensor:
    """Unit vectors (text, DIM) of all captions: the mean of several readers."""
    readers = [fit_reader(source, known, config, READERS * seed + number) for number in range(READERS)]
    with torch.no_grad():
        return F.normalize(sum(reader(source.lessons.pairs.vectors) for reader in readers), dim=1)


def relearn_texts(student: Student, before: Student, lessons: Lessons, read: Tensor, seed: int) -> None:
    """Fit captions to the readers' vectors `read` (text, dim), and names to the vectors of the text tower `before`.

    Names of classes and other words keep what the text tower knew (learning without forgetting, Li and Hoiem 2016);
    words kept for testing are left out.
    """
    words, book = whole_words(before.mini.text.tokenizer), lessons.thesaurus

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((seed, step, 4))
        captions = rng.choice(len(read), BATCH, replace=False)
        others = [words[index] for index in rng.integers(len(words), size=WORDS)]
        called = [pick(book.classes[kind], rng) for _ in range(ROUNDS) for kind in lessons.kinds]
        names = [book.named(word, rng) for word in (*called, *others)]
        with torch.no_grad():
            known = before.texts(names)
        said = student.texts([lessons.pairs.texts[index] for index in captions])
        return cosine_distance(said, read[captions]) + cosine_distance(student.texts(names), known)

    text = Group([*student.mini.text.parameters()], Config.lr)
    settle([text, Group([student.change.weight], CHANGE_LR)], loss_of, STEPS, Config.weight_decay)


def cosine_distance(vectors: Tensor, wanted: Tensor) -> Tensor:
    """Mean cosine distance of unit vectors."""
    return (1 - (vectors * wanted).sum(1)).mean()
