"""Where queries look is what the decoder mixes pixels by."""

from __future__ import annotations

import torch

from geoglot.models.segclip.attended import attend_to, weights_of
from geoglot.models.segclip.attention import Attention
from tinysegclip import CLASSES, tiny_segclip


def test_the_weights_are_those_of_the_attention() -> None:
    torch.manual_seed(0)
    attention, tokens, memory = Attention(32, 4), torch.rand(2, 5, 32), torch.rand(2, 12, 32)
    attn_mask = torch.rand(2, 5, 12) > 0.4
    attn_mask[:, :, 0] = True
    weights = weights_of(attention, tokens, memory, attn_mask)
    torch.testing.assert_close(weights.sum(2), torch.ones(2, 5))
    assert not weights[~attn_mask].any()
    # With one head and the identity as values, mixing gives the weights themselves
    single = Attention(12, 1)
    single.v_proj, single.out_proj, single.norm = torch.nn.Identity(), torch.nn.Identity(), torch.nn.Identity()
    query, key = torch.rand(1, 3, 12), torch.rand(1, 12, 12)
    mixed = single(torch.zeros(1, 3, 12), query, key, torch.eye(12)[None])
    torch.testing.assert_close(mixed, weights_of(single, query, key, None))


def test_each_query_spreads_its_attention_over_the_last_level() -> None:
    for layers, stride in ((6, 8), (4, 32)):
        attended = attend_to(tiny_segclip(layers=layers), torch.rand(2, 3, 96, 64))
        assert attended.weights.shape == (2, 12, 96 // stride, 64 // stride)
        torch.testing.assert_close(attended.weights.sum((2, 3)), torch.ones(2, 12))
        assert attended.classes.shape == (2, 12, len(CLASSES) + 1)
        assert attended.query_of(2).tolist() == attended.classes[:, :, 2].argmax(1).tolist()
