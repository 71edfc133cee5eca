"""Several looks at a scene: each member sees each window mirrored and at several sizes, and all vote.

The votes are kept on a lattice of 4 px, which is that of a segmenter's scores, so that looks at an enlarged window
tell where in a patch a thing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError
from geoglot.hashing import fingerprint
from geoglot.models.segmenter import STRIDE
from geoglot.options import Flips
from geoglot.scene.averaged import AXES, look
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import Dense, OfCard
from geoglot.scene.question import Question
from geoglot.training.words.words_recipe import BACKGROUND


class Looks(OfCard):
    """A dense model: the mean probability of each class over all looks, then the share of looks that agree with it.

    What members leave without a name is the class BACKGROUND.
    """

    labels: tuple[str, ...] = ()

    def __init__(
        self, members: Sequence[Dense], flips: Flips, scales: Sequence[float], facts: object, extra_bands: int = 0
    ) -> None:
        """`facts` are all that decides the members; `extra_bands` are read and shown to members that see them."""
        first = members[0]
        self.classes = tuple(dict.fromkeys(label or BACKGROUND for label in first.labels))
        self._rows = torch.tensor([self.classes.index(label or BACKGROUND) for label in first.labels])
        self.channels = len(self.classes) + 1
        self.stride = getattr(first, "stride", first.card.patch_size)
        self._members, self._views = members, tuple(product(scales, AXES[flips]))
        run = fingerprint({"members": facts, "flips": flips, "scales": list(scales), "classes": first.labels})
        patch = STRIDE if first.card.patch_size % STRIDE == 0 else first.card.patch_size
        config = {"extra_bands": extra_bands}
        self.card = replace(first.card, patch_size=patch, sha256=run, config=config)

    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile class_and_agreement patch_rows patch_cols"]:
        lattice = [side // self.card.patch_size for side in pixels.shape[2:]]
        looks = torch.stack([
            probabilities.new_zeros(len(pixels), len(self.classes), *lattice).index_add(1, self._rows, probabilities)
            for member in self._members
            for probabilities in look(member, pixels[:, : member.card.bands], self._views, lattice)
        ])  # fmt: skip
        mean = looks.mean(0)
        agree = (looks.argmax(2) == mean.argmax(1)).float().mean(0)
        return torch.cat([mean, agree[:, None]], 1)

    def question(
        self, names: tuple[ClassWords, ...], background: tuple[str, ...] | None, templates: tuple[str, ...]
    ) -> Question:
        """InputError: votes are read, not asked."""
        raise InputError("votes of several looks are targets of training, and answer no question")
