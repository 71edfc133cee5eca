from __future__ import annotations

import torch
from transformers import CLIPModel

from geoglot.models.vit import block, positions


def test_positions_of_the_trained_grid_are_those_trained() -> None:
    table = torch.randn(17, 8)
    assert positions(table, (4, 4)) is table


def test_positions_follow_the_grid_row_by_row() -> None:
    """A ramp down the rows stays one: constant along a row, rising with it."""
    ramp = torch.arange(4.0).repeat_interleave(4)
    table = torch.cat([torch.tensor([9.0]), ramp])[:, None]
    wide = positions(table, (4, 8))
    assert wide.shape == (33, 1)
    assert wide[0] == 9.0
    rows = wide[1:].view(4, 8)
    torch.testing.assert_close(rows, rows[:, :1].expand(4, 8))
    assert (rows[1:, 0] > rows[:-1, 0]).all()


@torch.no_grad()
def test_fewer_queries_give_the_same_tokens(body: CLIPModel) -> None:
    layer, tokens = body.vision_model.encoder.layers[0], torch.randn(2, 9, 64)
    torch.testing.assert_close(block(layer, tokens, queries=1), block(layer, tokens)[:, :1], atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_causal_block_does_not_look_ahead(body: CLIPModel) -> None:
    layer, tokens = body.text_model.encoder.layers[0], torch.randn(1, 6, 64)
    changed = torch.cat([tokens[:, :4], torch.randn(1, 2, 64)], dim=1)
    before, after = block(layer, tokens, causal=True), block(layer, changed, causal=True)
    torch.testing.assert_close(before[:, :4], after[:, :4], atol=1e-5, rtol=0)
    assert not torch.allclose(before[:, 4:], after[:, 4:], atol=1e-2)
