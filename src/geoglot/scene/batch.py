"""A model over a batch of pictures, where one that fails fails alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from geoglot.geo import Window
from geoglot.sources.read_ahead import FailedWindow


def compute(
    model: Callable[[Tensor], Tensor], pictures: Sequence[tuple[Window, np.ndarray]]
) -> list[np.ndarray | FailedWindow]:
    """What the model gives for each picture (3, rows, cols), all of one size; a batch that fails is tried one by one.

    Scores that are not finite are a failure too: they would become a class like any other.
    """
    if not pictures:
        return []
    try:
        answers = model(torch.from_numpy(np.stack([pixels for _, pixels in pictures]))).cpu().numpy()
    except RuntimeError as error:  # torch raises nothing more precise: out of memory, a broken kernel
        if len(pictures) == 1:
            return [FailedWindow(pictures[0][0], f"the model failed: {error}")]
        return [compute(model, [one])[0] for one in pictures]
    bad = "the model gave numbers that are not finite"
    return [
        one if np.isfinite(one).all() else FailedWindow(window, bad)
        for (window, _), one in zip(pictures, answers, strict=True)
    ]
