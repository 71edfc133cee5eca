from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geoglot.training import losses
from geoglot.training.losses import Photos, image_level_loss, pixel_level_loss

SCALE = torch.tensor(1 / 0.07, dtype=torch.float64)


def world(counts: list[int], seed: int = 0, dim: int = 6) -> tuple[Tensor, Tensor, Photos]:
    """Unit vectors of tiles and of anchors, and their photos."""
    rng = torch.Generator().manual_seed(seed)

    def units(count: int) -> Tensor:
        return F.normalize(torch.randn(count, dim, generator=rng, dtype=torch.float64), dim=1)

    tile = torch.repeat_interleave(torch.tensor(counts))
    weight = 1 / torch.tensor(counts, dtype=torch.float64)[tile]
    return (
        units(len(counts)).requires_grad_(),
        units(len(tile)).requires_grad_(),
        Photos(units(len(tile)), tile, weight),
    )


def written_out(anchors: Tensor, photos: Photos, rows: Tensor, negative: Tensor, tiles: int) -> Tensor:
    """The definition, link by link."""
    scores = SCALE * anchors @ photos.embeddings.T
    total = torch.zeros((), dtype=torch.float64)
    for photo, row in enumerate(rows.tolist()):
        allowed = negative[row].clone()
        allowed[photo] = True
        total = total + photos.weight[photo] * (scores[row][allowed].logsumexp(0) - scores[row, photo])
    return total / tiles


counts = st.lists(st.integers(1, 4), min_size=1, max_size=5)


@settings(max_examples=25)
@given(counts, st.integers(0, 2**31))
def test_image_level_is_its_definition_in_value_and_gradient(counts: list[int], seed: int) -> None:
    tiles, _, photos = world(counts, seed)
    everything = torch.ones(len(tiles), len(photos.tile), dtype=torch.bool)
    compare(
        lambda: image_level_loss(tiles, photos, SCALE),
        lambda: written_out(tiles, photos, photos.tile, everything, len(tiles)),
        tiles,
    )


@settings(max_examples=25)
@given(counts, st.integers(0, 2**31), st.booleans())
def test_pixel_level_is_its_definition_in_value_and_gradient(counts: list[int], seed: int, skip: bool) -> None:
    _, anchors, photos = world(counts, seed)
    negative = torch.ones(len(anchors), len(anchors), dtype=torch.bool)
    if skip:
        negative = photos.tile[:, None] != photos.tile
    rows = torch.arange(len(anchors))
    compare(
        lambda: pixel_level_loss(anchors, photos, SCALE, own_tiles=len(counts), skip_own_tile=skip),
        lambda: written_out(anchors, photos, rows, negative, len(counts)),
        anchors,
    )


def compare(ours: object, theirs: object, leaf: Tensor) -> None:
    values, grads = [], []
    for loss in (ours, theirs):
        value = loss()  # type: ignore[operator]
        (grad,) = torch.autograd.grad(value, leaf)
        values.append(value.item())
        grads.append(grad)
    assert values[0] == pytest.approx(values[1], rel=1e-10)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-9, atol=1e-12)


def test_one_photo_a_tile_is_infonce() -> None:
    tiles, _, photos = world([1] * 7)
    expected = F.cross_entropy(SCALE * tiles @ photos.embeddings.T, torch.arange(7))
    assert image_level_loss(tiles, photos, SCALE).item() == pytest.approx(expected.item())
    assert pixel_level_loss(tiles, photos, SCALE, own_tiles=7).item() == pytest.approx(expected.item())


def test_three_tiles_by_hand() -> None:
    """Axes as vectors, so that every cosine is 0 or 1: tile 0 sees photos x, x, tile 1 photo y, tile 2 photo x."""
    x, y, z = torch.eye(3, dtype=torch.float64)
    tile = torch.tensor([0, 0, 1, 2])
    weight = torch.tensor([0.5, 0.5, 1, 1], dtype=torch.float64)
    photos = Photos(torch.stack([x, x, y, x]), tile, weight)
    one = torch.tensor(1.0, dtype=torch.float64)
    e = math.e
    found = image_level_loss(torch.stack([x, y, z]), photos, one)
    by_hand = (math.log((3 * e + 1) / e) + math.log((e + 3) / e) + math.log(4)) / 3
    assert found.item() == pytest.approx(by_hand)
    near = torch.zeros(3, 3, dtype=torch.bool)
    near[0, 2] = near[2, 0] = True
    found = image_level_loss(torch.stack([x, y, z]), Photos(photos.embeddings, tile, weight, near), one)
    by_hand = (math.log((2 * e + 1) / e) + math.log((e + 3) / e) + math.log(2)) / 3
    assert found.item() == pytest.approx(by_hand)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tiles, anchors, photos = world([3, 1, 2, 4, 1])
    near = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) < 0.3
    photos = Photos(photos.embeddings, photos.tile, photos.weight, (near | near.T) & ~torch.eye(5, dtype=torch.bool))

    def both() -> tuple[Tensor, ...]:
        image = image_level_loss(tiles, photos, SCALE)
        pixel = pixel_level_loss(anchors, photos, SCALE, own_tiles=5, skip_own_tile=True)
        return image, pixel, *torch.autograd.grad(image + pixel, [tiles, anchors])

    whole = both()
    monkeypatch.setattr(losses, "CHUNK_BYTES", 2 * 8 * len(photos.tile))
    for one, other in zip(whole, both(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_the_order_of_photos_and_tiles_permutes_the_gradient() -> None:
    tiles, anchors, photos = world([2, 3, 1])
    order = torch.tensor([5, 1, 0, 4, 3, 2])  # tiles 2, 0, 1, each with its photos turned round
    turned = Photos(photos.embeddings[order], torch.tensor([0, 1, 1, 2, 2, 2]), photos.weight[order])
    grad = torch.autograd.grad(image_level_loss(tiles, photos, SCALE), tiles)[0]
    other = torch.autograd.grad(image_level_loss(tiles[[2, 0, 1]], turned, SCALE), tiles)[0]
    torch.testing.assert_close(grad, other)
    grad = torch.autograd.grad(pixel_level_loss(anchors, photos, SCALE, own_tiles=3), anchors)[0]
    other = torch.autograd.grad(pixel_level_loss(anchors[order], turned, SCALE, own_tiles=3), anchors)[0]
    torch.testing.assert_close(grad, other)


def test_a_batch_in_parts_is_the_batch() -> None:
    tiles, anchors, photos = world([2, 3, 1, 2])
    whole = image_level_loss(tiles, photos, SCALE) + pixel_level_loss(anchors, photos, SCALE, own_tiles=4)
    parts = [image_level_loss(tiles[i : i + 2], photos, SCALE, i) for i in (0, 2)]
    cut = photos.of_tiles(0, 2).stop
    parts += [
        pixel_level_loss(part, photos, SCALE, i, own_tiles=2) for i, part in ((0, anchors[:cut]), (2, anchors[cut:]))
    ]
    assert (sum(parts) / 2).item() == pytest.approx(whole.item())


def test_the_temperature_learns() -> None:
    tiles, _, photos = world([2, 1, 3])
    scale = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: image_level_loss(tiles.detach(), photos, s), (scale,))
    assert torch.autograd.gradcheck(lambda t: image_level_loss(t, photos, SCALE), (tiles,))
