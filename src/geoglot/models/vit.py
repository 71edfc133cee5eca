"""The forward pass of CLIP's transformers, over the modules that the library transformers builds.

The library's own forward pass is not used, because a dense read-out changes the last block, an image embedding needs
only one token of it, and the names of modules are more stable over versions than their call signatures.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

#: One CLIPEncoderLayer, one CLIPAttention, one tower: transformers ships no types
Layer = Any
Attention = Any
Tower = Any

#: Tokens up to which bfloat16 attention is computed in one piece on a CPU; a tile of 224 px has 197
SHORT = 256


def attend(
    attention: Attention,
    query: Float[Tensor, "batch query width"],
    key: Float[Tensor, "batch token width"],
    value: Float[Tensor, "batch token width"],
    *,
    causal: bool = False,
) -> Float[Tensor, "batch query width"]:
    """Multi-head softmax attention of projected tokens, before the output projection."""
    query, key, value = (
        tokens.view(*tokens.shape[:2], attention.num_heads, -1).transpose(1, 2) for tokens in (query, key, value)
    )
    if query.dtype == torch.bfloat16 and query.device.type == "cpu" and key.shape[2] <= SHORT and not causal:
        # With the whole matrix of weights in memory: 1.6 times as fast as torch's blocks on a CPU
        query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
        mixed = torch.softmax(query * query.shape[-1] ** -0.5 @ key.mT, dim=-1) @ value
    else:
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=causal)
    return mixed.transpose(1, 2).flatten(2)


def block(
    layer: Layer,
    tokens: Float[Tensor, "batch token width"],
    *,
    queries: int | None = None,
    causal: bool = False,
) -> Float[Tensor, "batch query width"]:
    """One pre-norm block; `queries` limits the output to the first tokens, which still attend to all."""
    attention, normed = layer.self_attn, layer.layer_norm1(tokens)
    query = attention.q_proj(normed[:, :queries])
    mixed = attend(attention, query, attention.k_proj(normed), attention.v_proj(normed), causal=causal)
    return feed_forward(layer, tokens[:, :queries] + attention.out_proj(mixed))


def feed_forward(layer: Layer, tokens: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch token width"]:
    """The second half of a block, with its residual."""
    fed: Tensor = tokens + layer.mlp(layer.layer_norm2(tokens))
    return fed


def embed_pixels(vision: Tower, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile token width"]:
    """The tokens that enter the first block: the class token, then the patches row by row."""
    embeddings = vision.embeddings
    patches = embeddings.patch_embedding(pixels)
    grid = (patches.shape[-2], patches.shape[-1])
    first = embeddings.class_embedding.expand(pixels.shape[0], 1, -1)
    tokens = torch.cat([first, patches.flatten(2).mT], dim=1)
    embedded: Tensor = vision.pre_layrnorm(tokens + positions(embeddings.position_embedding.weight, grid))
    return embedded


def positions(table: Float[Tensor, "position width"], grid: tuple[int, int]) -> Float[Tensor, "new_position width"]:
    """Position embeddings for another patch grid: bicubic, as transformers' `interpolate_pos_encoding`."""
    side = round((len(table) - 1) ** 0.5)
    if grid == (side, side):
        return table
    square = table[1:].float().T.reshape(1, -1, side, side)
    resized = F.interpolate(square, size=grid, mode="bicubic", align_corners=False)
    return torch.cat([table[:1], resized[0].flatten(1).T.to(table.dtype)])


def read_text(text: Tower, ids: Int[Tensor, "text token"], last: Int[Tensor, " text"]) -> Float[Tensor, "text width"]:
    """State of each text at its last token; attention is causal, so padding after it changes nothing."""
    tokens = text.embeddings.token_embedding(ids) + text.embeddings.position_embedding.weight[: ids.shape[1]]
    for layer in text.encoder.layers:
        tokens = block(layer, tokens, causal=True)
    ends = tokens[torch.arange(ids.shape[0], device=ids.device), last]
    states: Tensor = text.final_layer_norm(ends)
    return states
