"""What a sentence encoder, taught to see, makes of the captions: a teacher for mini's text tower.

A mean of word vectors knows of a caption what training happened to show of its words; the sentence encoder has read
much more, but is too large and too slow to ship. So small heads on its vectors, which stand still, are fitted to the
views of the images, and near to what a text tower made before says of the same captions. Several heads differ by their
seeds, and their mean varies less (distillation of an ensemble, Hinton et al. 2015).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from losses import best_loss, caption_loss
from settle import Group, settle
from student import DIM, HIDDEN
from torch import Tensor, nn
from train import Config, matched
from views import Source, some_views

READERS = 5
DROPOUT = 0.1
NEAR = 10.0  # weight of the cosine distance to the text tower made before
CONFIG = Config(steps=350, batch=512, own=(0.95, 0.95), best_weight=0.5)


class Reader(nn.Module):
    """The sentence encoder's vectors in the space of the images: a linear map, and a residual head."""

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


def fit_reader(source: Source, known: Tensor, seed: int) -> Reader:
    """A reader of the captions; `known` (text, DIM) is what the text tower made before says of them."""
    torch.manual_seed(seed)
    meaning = source.lessons.pairs.vectors
    reader = Reader(meaning.shape[1]).train()

    def loss_of(step: int) -> Tensor:
        chosen, seen = some_views(source, CONFIG.batch, seed, step)
        captions, own, likeness = matched(source.lessons, chosen)
        said = reader(meaning[captions])
        logits = reader.log_scale.exp() * seen @ said.T
        apart = 1 - (said * known[captions]).sum(1)
        fit = caption_loss(logits, own, likeness, CONFIG.softness, CONFIG.own[0])
        return fit + CONFIG.best_weight * best_loss(logits, own) + NEAR * apart.mean()

    settle([Group([*reader.parameters()], CONFIG.rate)], loss_of, CONFIG.steps, CONFIG.decay)
    return reader.eval()


def read_captions(source: Source, known: Tensor, seed: int) -> Tensor:
    """Unit vectors (text, DIM) of all captions: the mean of several readers."""
    readers = [fit_reader(source, known, READERS * seed + number) for number in range(READERS)]
    with torch.no_grad():
        return F.normalize(sum(reader(source.lessons.pairs.vectors) for reader in readers), dim=1)
