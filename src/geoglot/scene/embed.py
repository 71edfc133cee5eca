"""Chips to embeddings, and embeddings to probabilities of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.models.base import VisionLanguageModel

Chip = Float[np.ndarray, "band rows cols"]


def compute(model: Callable[[Tensor], Tensor], chips: Sequence[Chip]) -> list[np.ndarray | str]:
    """The model's output for each chip of one batch, or the reason why there is none. Chips are of one size.

    A batch that fails is computed chip by chip. Output that is not finite is a failure too: it would become a class
    like any other.
    """
    if not chips:
        return []
    try:
        outputs = model(torch.from_numpy(np.stack(chips))).cpu().numpy()
    except RuntimeError as error:  # torch raises nothing more precise: out of memory, a broken kernel
        if len(chips) == 1:
            return [f"the model failed: {error}"]
        return [compute(model, [chip])[0] for chip in chips]
    return [one if np.isfinite(one).all() else "the model gave numbers that are not finite" for one in outputs]


@torch.inference_mode()
def embed(
    model: VisionLanguageModel, chips: Iterable[Chip], *, batch: int = 16, advance: Callable[[int], None] | None = None
) -> tuple[Float[np.ndarray, "chip dim"], dict[int, str]]:
    """Unit vectors of chips of one size, and the reason of each chip that failed, whose vector is NaN.

    `advance` is called with the number of chips that are done.
    """
    rows, failed, waiting = list[np.ndarray](), dict[int, str](), iter(chips)
    unknown = np.full(model.card.dim, np.nan, np.float32)
    while group := list(islice(waiting, batch)):
        for output in compute(lambda pixels: model.encode_image(pixels.to(model.device)).float(), group):
            if isinstance(output, str):
                failed[len(rows)] = output
            rows.append(unknown if isinstance(output, str) else output)
        if advance:
            advance(len(rows))
    return np.stack(rows) if rows else np.empty((0, model.card.dim), np.float32), failed


def zero_shot(
    embeddings: Float[np.ndarray, "chip dim"], texts: Float[np.ndarray, "text dim"], logit_scale: float
) -> Float[np.ndarray, "chip text"]:
    """Probability of each text for each chip: a softmax over the texts."""
    logits = logit_scale * torch.from_numpy(embeddings) @ torch.from_numpy(texts).T
    probabilities: np.ndarray = logits.softmax(1).numpy()
    return probabilities
