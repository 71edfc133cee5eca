"""Where the queries of a SegCLIP look: the weights of its last cross-attention, and the class that each query names."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geoglot.models.segclip.attention import Attention
from geoglot.models.segclip.pixel_decoder import LEVELS
from geoglot.models.segclip.segclip import Prediction, SegClip

_STRIDES = (32, 16, 8)  # of the levels that layers attend to in turn


@dataclass(frozen=True)
class Attended:
    """The queries of each image."""

    weights: Float[Tensor, "image query rows cols"]
    """Share of its attention that a query gives to each place of the last layer's level, mean over heads."""
    classes: Float[Tensor, "image query class_and_none"]
    """Probability of each class, and of none."""

    def query_of(self, index: int) -> Int[Tensor, " image"]:
        """For each image, the query that is surest of a class."""
        return self.classes[:, :, index].argmax(1)


@torch.inference_mode()
def attend_to(network: SegClip, pixels: Float[Tensor, "image 3 rows cols"]) -> Attended:
    """The attention of all queries; pixels are normalised and their sides are multiples of 32."""
    last: Any = network.decoder.layers[-1]
    seen: list[Tensor] = []

    def keep(attention: Attention, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        seen.append(weights_of(attention, inputs[1], inputs[2], inputs[4]))

    handle = last.cross_attention.register_forward_hook(keep)
    try:
        prediction: Prediction = network.eval()(pixels)
    finally:
        handle.remove()
    stride = _STRIDES[(len(network.decoder.layers) - 1) % LEVELS]
    rows, cols = (side // stride for side in pixels.shape[2:])
    images, queries = seen[0].shape[:2]
    return Attended(seen[0].reshape(images, queries, rows, cols), prediction.classes.float().softmax(2))


def weights_of(
    attention: Attention,
    query: Float[Tensor, "image query width"],
    key: Float[Tensor, "image key width"],
    attn_mask: Tensor | None,
) -> Float[Tensor, "image query key"]:
    """The softmax that `Attention` mixes values by, mean over heads."""
    q, k = (
        part.unflatten(2, (attention.heads, -1)).transpose(1, 2)
        for part in (attention.q_proj(query), attention.k_proj(key))
    )
    logits = q @ k.mT / q.shape[3] ** 0.5
    if attn_mask is not None:
        logits = logits.masked_fill(~attn_mask[:, None], -torch.inf)
    weights: Tensor = logits.softmax(3).mean(1)
    return weights
