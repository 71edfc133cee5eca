"""Classes of words compete with each other, and with general words that mean none of them."""

import numpy as np
import torch
from torch import Tensor

from geoglot.scene.class_words import ClassWords
from geoglot.scene.question import TextQuestion
from geoglot.tasks.change.stack import Views
from stubs import ColourScorer

POOL, MEADOW, ROCK = np.eye(4, dtype=np.float32)[:3]
GRASS = MEADOW
QUESTION = TextQuestion(
    ("pool", "meadow"),
    (POOL[None], MEADOW[None]),
    (np.stack([GRASS, ROCK]), ROCK[None]),  # "grass" means a meadow, so it is no rival of one
    14.0,
    rivals=(("grass", "rock"), ("rock",)),
)


class Seen(ColourScorer):
    """Embeddings that are there already."""

    def __call__(self, pixels: Tensor) -> Tensor:
        return pixels


def shares(question: TextQuestion, *cosines: float) -> np.ndarray:
    """The probabilities of the classes, and of none of them, of a patch with these cosines to the axes."""
    vector = torch.tensor([*cosines, (1 - sum(each**2 for each in cosines)) ** 0.5])
    classes = [ClassWords(name, (name,)) for name in question.names]
    views = Views(Seen(("water", "sand")), question, classes, 1)
    return np.asarray(views(vector.view(1, 4, 1, 1)).softmax(1)[0, :, 0, 0])


def test_a_class_without_general_rivals_wins_nothing_by_that() -> None:
    pool, meadow, _ = shares(QUESTION, 0.47, 0.3, -0.1)
    assert pool > 0.8 > 0.2 > meadow
    pool, meadow, _ = shares(QUESTION, 0.3, 0.47, -0.1)
    assert meadow > 0.8 > 0.2 > pool


def test_what_general_words_fit_better_is_none_of_the_classes() -> None:
    assert shares(QUESTION, 0.1, 0.1, 0.6)[-1] > 0.9


def test_without_words_that_mean_no_class_all_rivals_stay() -> None:
    alone = TextQuestion(QUESTION.names, QUESTION.own, (GRASS[None], ROCK[None]), 14.0, rivals=(("grass",), ("rock",)))
    assert shares(alone, 0.47, 0.3, -0.1)[0] > 0.7


def test_shares_are_probabilities() -> None:
    assert np.isclose(shares(QUESTION, 0.3, 0.3, 0.3).sum(), 1, atol=1e-5)
