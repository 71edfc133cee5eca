"""CFF against torch's own attention, and which features it and the decoder are given."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from geoglot.models.segclip.attention import Attention, FeedForward, sine_positions, to_tokens
from geoglot.models.segclip.config import Fusion
from geoglot.models.segclip.fusion import Fuse
from geoglot.models.segclip.segclip import SegClip
from tinysegclip import tiny_config, tiny_segclip


def attend(ours: Attention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """torch's multi-head attention with the same weights."""
    width = ours.q_proj.in_features
    theirs = nn.MultiheadAttention(width, ours.heads, batch_first=True)
    parts = (ours.q_proj, ours.k_proj, ours.v_proj)
    theirs.in_proj_weight.data = torch.cat([one.weight for one in parts])
    theirs.in_proj_bias.data = torch.cat([one.bias for one in parts])
    theirs.out_proj.load_state_dict(ours.out_proj.state_dict())
    mixed, _ = theirs(query, key, value)
    return mixed


def fed(ours: FeedForward, tokens: Tensor) -> Tensor:
    return ours.norm(tokens + ours.fc2(torch.relu(ours.fc1(tokens))))


@torch.no_grad()
def test_texts_attend_to_each_other_and_then_to_the_image() -> None:
    """The order of the two attentions, post-norm, sine_positions in queries and keys but not in values."""
    torch.manual_seed(0)
    config = tiny_config(fusion=Fusion(layers=2))
    fuse = Fuse(config, 24)
    for parameter in fuse.parameters():
        parameter.normal_(std=0.3)
    tokens, places = torch.randn(2, 12, 32), torch.randn(2, 12, 32)
    features = torch.randn(2, 24, 3, 5)
    image = fuse.projection(features)
    flat, where = to_tokens(image), sine_positions(image)
    expected = tokens
    for layer in fuse.layers:
        first, second = layer.self_attention, layer.cross_attention
        asked = expected + places
        expected = first.norm(expected + attend(first, asked, asked, expected))
        expected = second.norm(expected + attend(second, expected + places, flat + where, flat))
        expected = fed(layer.feed_forward, expected)
    torch.testing.assert_close(fuse(tokens, places, features), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_what_the_image_holds_and_where_changes_the_texts() -> None:
    torch.manual_seed(0)
    fuse = Fuse(tiny_config(), 24)
    tokens, places, features = torch.randn(1, 12, 32), torch.randn(1, 12, 32), torch.randn(1, 24, 4, 4)
    told = fuse(tokens, places, features)
    assert (fuse(tokens, places, torch.randn(1, 24, 4, 4)) - told).abs().max() > 1e-2
    assert (fuse(tokens, places, features.flip(2)) - told).abs().max() > 1e-4


def given_to(model: SegClip, part: str, pixels: Tensor) -> tuple[Any, ...]:
    """What a part of the network is called with."""
    caught: list[tuple[Any, ...]] = []
    hook = model.get_submodule(part).register_forward_pre_hook(lambda _, given: caught.append(given))
    with torch.no_grad():
        model(pixels)
    hook.remove()
    (given,) = caught
    return given


@pytest.mark.parametrize("source", ["backbone", "decoder"])
def test_texts_are_fused_with_the_coarsest_features(source: Any) -> None:
    model = tiny_segclip(fusion=Fusion(source=source)).eval()
    pixels = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        features = model.backbone(pixels)
        coarsest = features[-1] if source == "backbone" else model.pixel_decoder(features).levels[0]
    _, _, given = given_to(model, "fuse", pixels)
    assert given.shape[-2:] == (2, 3)
    torch.testing.assert_close(given, coarsest)


def test_the_decoder_begins_with_the_fused_texts_of_the_classes() -> None:
    """Each class's query is its own text, in the order of the classes, and then fused."""
    model = tiny_segclip().eval()
    pixels = torch.rand(1, 3, 64, 64)
    assert model.table is not None
    tokens, places, _ = given_to(model, "fuse", pixels)
    texts = model.table.mapper(model.table.vectors[:7])
    torch.testing.assert_close(tokens[0, :7], texts)
    torch.testing.assert_close(tokens[0, 7:], model.prompts.learned.weight)
    torch.testing.assert_close(places[0], model.places.weight)
    assert model.fuse is not None
    with torch.no_grad():
        fused = model.fuse(tokens, places, model.backbone(pixels)[-1])
    torch.testing.assert_close(given_to(model, "decoder", pixels)[0], fused)


def test_the_decoder_looks_at_strides_32_16_8_in_turn() -> None:
    model = tiny_segclip().eval()
    seen = [given_to(model, f"decoder.layers.{index}", torch.rand(1, 3, 64, 64))[2][0] for index in range(6)]
    assert [one.shape[1] for one in seen] == [4, 16, 64, 4, 16, 64]
