from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import CLIPModel

from geoglot.models.readout import GLOBAL_BIAS, READOUTS, clearclip, plain, sclip, segearth


def project_of(body: CLIPModel) -> object:
    return lambda tokens: body.visual_projection(body.vision_model.post_layernorm(tokens))


def last_block(body: CLIPModel, tiles: int = 2) -> tuple[object, Tensor]:
    torch.manual_seed(1)
    return body.vision_model.encoder.layers[-1], torch.randn(tiles, 1 + 16, 64)


def by_hand(layer: object, tokens: Tensor, pairs: str) -> Tensor:
    """The self-self attentions of one head, with explicit matrices."""
    attention = layer.self_attn  # type: ignore[attr-defined]
    normed = layer.layer_norm1(tokens)  # type: ignore[attr-defined]
    q, k, v = attention.q_proj(normed), attention.k_proj(normed), attention.v_proj(normed)
    parts = {"q": q, "k": k, "v": v}
    weights = sum((parts[name] @ parts[name].mT * 64**-0.5).softmax(-1) for name in pairs)
    return attention.out_proj(weights @ v)


@torch.no_grad()
def test_plain_is_the_block_of_transformers(body: CLIPModel) -> None:
    layer, tokens = last_block(body)
    hidden = layer(tokens, None)  # type: ignore[operator]
    wanted = F.normalize(project_of(body)(hidden)[:, 1:], dim=-1)  # type: ignore[operator]
    torch.testing.assert_close(plain(layer, tokens, project_of(body)), wanted, atol=1e-5, rtol=0)


@torch.no_grad()
def test_sclip_keeps_residual_and_mlp(body: CLIPModel) -> None:
    layer, tokens = last_block(body)
    mixed = tokens + by_hand(layer, tokens, "qk")
    mixed = mixed + layer.mlp(layer.layer_norm2(mixed))  # type: ignore[attr-defined]
    wanted = F.normalize(project_of(body)(mixed)[:, 1:], dim=-1)  # type: ignore[operator]
    torch.testing.assert_close(sclip(layer, tokens, project_of(body)), wanted, atol=1e-5, rtol=0)


@torch.no_grad()
def test_clearclip_is_attention_alone(body: CLIPModel) -> None:
    layer, tokens = last_block(body)
    wanted = F.normalize(project_of(body)(by_hand(layer, tokens, "q"))[:, 1:], dim=-1)  # type: ignore[operator]
    torch.testing.assert_close(clearclip(layer, tokens, project_of(body)), wanted, atol=1e-5, rtol=0)


@torch.no_grad()
def test_segearth_ranks_classes_as_the_unnormalised_difference(body: CLIPModel) -> None:
    layer, tokens = last_block(body)
    unit = F.normalize(project_of(body)(by_hand(layer, tokens, "qkv")), dim=-1)  # type: ignore[operator]
    classes = F.normalize(torch.randn(5, 32), dim=-1)
    published = unit[:, 1:] @ classes.T - GLOBAL_BIAS * (unit[:, :1] @ classes.T)
    ours = segearth(layer, tokens, project_of(body)) @ classes.T
    assert torch.equal(published.argsort(-1), ours.argsort(-1))


@pytest.mark.parametrize("name", READOUTS)
@torch.no_grad()
def test_patches_follow_their_tokens(body: CLIPModel, name: str) -> None:
    """No read-out knows the order of the patches: moving tokens moves vectors, and tiles do not mix."""
    layer, tokens = last_block(body)
    order = torch.randperm(16)
    moved = torch.cat([tokens[:, :1], tokens[:, 1:][:, order]], dim=1)
    vectors = READOUTS[name](layer, tokens, project_of(body))  # type: ignore[arg-type]
    after = READOUTS[name](layer, moved, project_of(body))  # type: ignore[arg-type]
    alone = READOUTS[name](layer, tokens[:1], project_of(body))  # type: ignore[arg-type]
    torch.testing.assert_close(after, vectors[:, order], atol=1e-5, rtol=0)
    torch.testing.assert_close(alone, vectors[:1], atol=1e-5, rtol=0)
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(2, 16))
