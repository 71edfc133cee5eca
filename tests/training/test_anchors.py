"""Which patch is pulled to which photo, in worlds whose every pixel says where it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from geoglot.models.clip import Clip
from geoglot.models.graft import start_graft
from geoglot.models.zoo import load_word_model
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import Batch, Links
from geoglot.training.align_objective import AlignObjective, AlignSettings, SatelliteModel, anchors_of
from geoglot.training.pair_batches import PairBatch, PairLoader, PairSampling
from pairsets import make_batch
from tinyclip import store_clip

SIDE, PATCH, SHA = 96, 8, "5" * 64


def placed_pairs(folder: Path, tiles: int = 6) -> PairSet:
    """Tiles whose red is the row and whose green is the column; the vector of a photo holds its place and its tile."""
    rng = np.random.default_rng(0)
    made = make_batch(tiles, SIDE)
    row, col = np.mgrid[:SIDE, :SIDE]
    pixels = np.stack([np.stack([2 * row, 2 * col, np.full_like(row, 30 * number)]) for number in range(tiles)])
    tile = np.sort(rng.integers(0, tiles, 40))
    tile[:tiles] = np.arange(tiles)  # each tile has a photo
    tile.sort()
    place = rng.uniform(0, SIDE, (2, len(tile)))
    names = [str(photo) for photo in range(len(tile))]
    links = Links(tile, names, place[0], place[1], names)
    pairs = PairSet.create(folder, ("red", "green", "blue"), SIDE, 1.0).append(
        Batch(pixels.astype(np.uint8), made.grids, made.ids, links)
    )
    vectors = np.stack([place[0], place[1], 15.0 * tile, np.full(len(tile), 100.0)], 1)
    pairs.shards[0].add_vectors(SHA, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16))
    return pairs


def told(vectors: Tensor) -> Tensor:
    """Row, column and tile (times 15) that a photo's vector holds."""
    return vectors[:, :3] / vectors[:, 3:] * 100


@pytest.mark.parametrize("augmented", [True, False])
def test_a_photo_is_linked_to_the_patch_that_shows_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, augmented: bool
) -> None:
    """Through crops, flips, turns and the choice of photos: the pixels of the patch say the place of the photo."""
    monkeypatch.setattr("geoglot.training.augment.recolour", lambda pixels, rng: pixels)
    pairs = placed_pairs(tmp_path / "pairs")
    sampling = PairSampling(batch=6, side=64, most_photos=3, augment=augmented)
    loader = PairLoader(pairs, SHA, PATCH, sampling)
    seen = 0
    for step in range(12 if augmented else 1):
        batch = loader.batch(step)
        across = batch.pixels.shape[-1] // PATCH
        means = torch.nn.functional.avg_pool2d(batch.pixels, PATCH) * 255 / 2
        row, col = batch.patch // across, batch.patch % across
        shown = means[batch.tile, :, row, col]
        assert ((shown - told(batch.embeddings))[:, :2].abs() <= PATCH / 2 + 0.6).all()
        assert ((shown - told(batch.embeddings))[:, 2].abs() < 1).all()
        seen += len(shown)
    assert seen > (100 if augmented else 5)


def photos_at(tile: list[int], patch: list[int]) -> PairBatch:
    none = torch.zeros(4, 3, 8, 8)
    ones = torch.ones(len(tile))
    return PairBatch(
        none, ones[:, None], torch.tensor(tile), ones, torch.tensor(patch), none[:, :2, 0, 0], torch.arange(4)
    )


def test_anchors_are_the_vectors_of_the_linked_patches() -> None:
    """Patches are counted row by row, on a map that is not square."""
    rows, cols, dim = 3, 5, 2
    place = torch.arange(rows * cols).view(rows, cols)
    patches = torch.stack([torch.stack([place, place * 0 + tile]) for tile in range(4)]).float()
    batch = photos_at([0, 0, 1, 2, 3], [0, 7, 14, 4, 10])
    assert anchors_of(patches, batch, 0).tolist() == [[0, 0], [7, 0], [14, 1], [4, 2], [10, 3]]
    assert anchors_of(patches[1:3], batch, 1).tolist() == [[14, 1], [4, 2]]
    assert anchors_of(patches, batch, 0).shape == (5, dim)


def test_pixel_level_is_its_definition_over_the_tower_s_own_patches(tmp_path: Path) -> None:
    """mean_i sum_j 1/N_i -log softmax of the patch under each photo, link by link; no helper of the loss is used."""
    ground = load_word_model(store_clip(tmp_path / "tiny"))
    assert isinstance(ground, Clip)
    pairs = placed_pairs(tmp_path / "pairs")
    pairs.shards[0].add_vectors(ground.card.sha256, np.random.default_rng(1).normal(size=(40, 32)).astype(np.float16))
    settings = AlignSettings(level="pixel")
    loader = PairLoader(pairs, ground.card.sha256, 16, PairSampling(batch=6, side=64))
    model = SatelliteModel(start_graft(ground, "tiny-graft", 1.0, 64), settings)
    batch = loader.batch(0)
    with torch.no_grad():
        patches = model.tower.encode_patches(batch.pixels)
    across, total = patches.shape[-1], 0.0
    for photo, (tile, patch) in enumerate(zip(batch.tile.tolist(), batch.patch.tolist(), strict=True)):
        scores = batch.embeddings @ patches[tile, :, patch // across, patch % across] / 0.07
        total += float(batch.weight[photo] * (scores.logsumexp(0) - scores[photo]))
    figures = AlignObjective(model, settings, loader, None, False).backward(batch)
    assert figures["loss"] == pytest.approx(total / 6, rel=1e-4)
