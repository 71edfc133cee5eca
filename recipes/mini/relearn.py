"""Let mini's text tower learn from better readers of the captions, after refine.py.

    python recipes/mini/relearn.py RSICD WORK START OUT

What one fits to images directly, in refine.py, knows their captions by heart. So here the text tower of START learns
no image: captions from readers (readers.py), which are fitted to the images with a sentence encoder behind them; names
of classes, and other words of its vocabulary but those kept aside for testing, from itself as it was, so that what it
knew stays (learning without forgetting, Li and Hoiem 2016). The image tower and the logit scale are those of START. The
model goes to OUT.
"""

from __future__ import annotations

import copy
from pathlib import Path

import click
import numpy as np
import torch
from phrases import untested
from readers import read_captions
from refine import CHANGE_RATE
from settle import Group, settle
from student import Student, make_card, start_student, tower_of
from tokenizers import Tokenizer
from torch import Tensor
from train import Config, Lessons, Paths, pick, read_lessons, store
from views import Source, view_vectors

from geoglot.models.model_files import read_card

STEPS, BATCH, ROUNDS, WORDS = 500, 1024, 4, 256  # captions, names of every class and other words in a step


def whole_student(lessons: Lessons, text: Path, folder: Path) -> Student:
    """A student with both towers of a stored model."""
    student = start_student(text, [*lessons.pairs.texts, *lessons.phrases])
    texts = tower_of(folder, "text.")
    student.mini.image.load_state_dict(tower_of(folder, "image."))
    student.mini.text.load_state_dict(texts)
    student.table.copy_(texts["table"].float() * texts["scale"][:, None])
    return student.eval()


def whole_words(tokenizer: Tokenizer) -> list[str]:
    """The words of the vocabulary in the order of their numbers, without those kept aside for testing."""
    vocabulary = tokenizer.get_vocab()
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    return untested(word for word in words if word.isascii() and word.isalpha())


def relearn(student: Student, before: Student, lessons: Lessons, read: Tensor, seed: int) -> None:
    """Draw texts towards `read` (text, dim), the vectors of all captions, and names to what `before` says of them."""
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
        return apart(said, read[captions]) + apart(student.texts(names), known)

    text = Group([*student.mini.text.parameters()], Config.rate)
    settle([text, Group([student.change.weight], CHANGE_RATE)], loss_of, STEPS, Config.decay)


def apart(vectors: Tensor, wanted: Tensor) -> Tensor:
    """Mean cosine distance of unit vectors."""
    return (1 - (vectors * wanted).sum(1)).mean()


def main(paths: Paths, start: Path, seed: int) -> None:
    """Fit the readers, let the texts of `start` learn from them, store the model."""
    work, text = paths.work, paths.work / "text"
    lessons = read_lessons(paths.rsicd, work)
    student = whole_student(lessons, text, start)
    before = copy.deepcopy(student)
    views = view_vectors(before, lessons.pairs.images, work)
    with torch.no_grad():
        known = before.texts(lessons.pairs.texts)
    read = read_captions(Source(lessons, views, torch.arange(len(lessons.labels))), known, seed)
    relearn(student, before, lessons, read, seed)
    store(student, make_card(len(student.table), read_card(start).logit_scale), text, paths.out)


@click.command()
@click.argument("rsicd", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("start", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True)
def command(rsicd: Path, work: Path, start: Path, out: Path, seed: int) -> None:
    """Let the text tower of START learn from readers of the captions, and write the model to OUT."""
    main(Paths(rsicd, work, out), start, seed)


if __name__ == "__main__":
    command()
