"""Taught classes among texts: each as one vector, for whole images, for archives, and beside words of other models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.index.concepts.background import Background
from geoglot.index.concepts.head import as_word, fit_head
from geoglot.models.taught import REST
from geoglot.training.teach.examples import Examples


def as_words(examples: Examples, classes: Sequence[str]) -> dict[str, Tensor]:
    """`words` and `levels` of the classes without REST, as `models/taught.py` keeps them.

    Each is a concept (`index/concepts/head.py`) whose examples are the labels of the class and whose counterexamples
    are all other labels, among patches from all over the scenes.
    """
    background = Background.of([examples.surveyed])
    labels, kinds = _means(examples)
    found = []
    for kind, name in enumerate(classes):
        if name != REST:
            text = examples.prior[kind].astype(np.float64)
            text /= np.linalg.norm(text)
            own = kinds == kind
            found.append(as_word(fit_head(text, labels[own], labels[~own], background), text, background))
    words, levels = zip(*found, strict=True)
    return {"words": torch.from_numpy(np.stack(words)).float(), "levels": torch.tensor(levels)}


def _means(examples: Examples) -> tuple[Float[np.ndarray, "label dim"], np.ndarray]:
    """The mean unit vector of each label, and its class."""
    _, first, label, counts = np.unique(examples.labels, return_index=True, return_inverse=True, return_counts=True)
    sums = np.zeros((len(first), examples.vectors.shape[1]))
    np.add.at(sums, label, examples.vectors)
    means = sums / counts[:, None]
    return means / np.linalg.norm(means, axis=1, keepdims=True), examples.classes[first]
