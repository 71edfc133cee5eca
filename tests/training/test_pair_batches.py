from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from geoglot.pairs.embed_photos import embed
from geoglot.pairs.pair_store import PairSet
from geoglot.training.pair_batches import PairBatch, PairLoader, PairSampling, _weights
from geoglot.training.processes import SINGLE, Process
from pairsets import make_pairs
from stubs import PooledColours

SHA = PooledColours.card.sha256
SAMPLING = PairSampling(batch=4, side=64, shards_at_once=2)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> PairSet:
    made = make_pairs(tmp_path_factory.mktemp("pairs") / "pairs")
    embed(made, PooledColours())
    return made


def loader(pairs: PairSet, sampling: PairSampling = SAMPLING, process: Process = SINGLE) -> PairLoader:
    return PairLoader(pairs, SHA, 8, sampling, process)


def same(one: PairBatch, other: PairBatch) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_a_batch_depends_on_its_step_alone(pairs: PairSet) -> None:
    straight = list(loader(pairs).batches(0, 9))
    later = list(loader(pairs).batches(5, 9))
    assert len(straight) == 9 and len(later) == 4
    assert all(same(one, other) for one, other in zip(straight[5:], later, strict=True))
    assert not same(straight[0], straight[1])
    assert not same(straight[0], loader(pairs, replace(SAMPLING, seed=1)).batch(0))


def test_every_tile_comes_once_an_epoch_in_another_order(pairs: PairSet) -> None:
    one = loader(pairs)
    epochs = [[one._place(epoch * pairs.tiles + within) for within in range(pairs.tiles)] for epoch in (0, 1)]
    everything = {(number, tile) for number, shard in enumerate(pairs.shards) for tile in range(shard.tiles)}
    assert set(epochs[0]) == set(epochs[1]) == everything
    assert epochs[0] != epochs[1]
    first = {number for number, _ in epochs[0][: -max(shard.tiles for shard in pairs.shards)]}
    assert len(first) == 2  # shards are read some at a time


def test_a_batch_says_which_tiles_it_holds(pairs: PairSet) -> None:
    one = loader(pairs, replace(SAMPLING, batch=pairs.tiles - 1, augment=False))
    centres = [grid.to_lonlat(grid.shape[0] / 2, grid.shape[1] / 2) for shard in pairs.shards for grid in shard.grids]
    batches = [one.batch(step) for step in range(3)]
    for batch in batches:
        np.testing.assert_allclose(batch.centre, np.array(centres, float)[batch.number], rtol=0, atol=1e-5)
    assert len(set(batches[0].number.tolist())) == pairs.tiles - 1
    assert any(len(set(batch.number.tolist())) < pairs.tiles - 1 for batch in batches[1:])  # two epochs meet


def test_processes_share_a_batch(pairs: PairSet) -> None:
    whole = loader(pairs).batch(3)
    halves = [loader(pairs, process=Process(rank, 2)).batch(3) for rank in (0, 1)]
    assert torch.equal(whole.pixels, torch.cat([half.pixels for half in halves]))
    assert torch.equal(whole.embeddings, torch.cat([half.embeddings for half in halves]))


def test_what_a_batch_holds(pairs: PairSet) -> None:
    batch = loader(pairs).batch(0)
    assert batch.pixels.shape == (4, 3, 64, 64) and batch.pixels.min() >= 0 and batch.pixels.max() <= 1
    assert (batch.tile.diff() >= 0).all() and set(batch.tile.tolist()) == {0, 1, 2, 3}
    weights = torch.zeros(4).index_add(0, batch.tile, batch.weight)
    torch.testing.assert_close(weights, torch.ones(4))
    assert batch.patch.min() >= 0 and batch.patch.max() < 64
    torch.testing.assert_close(batch.embeddings.norm(dim=1), torch.ones(len(batch.tile)), atol=2e-3, rtol=0)


def test_photos_are_capped_at_random(pairs: PairSet) -> None:
    one = loader(pairs, replace(SAMPLING, most_photos=1))
    batches = [one.batch(step) for step in range(20)]
    assert all((batch.tile.bincount() == 1).all() for batch in batches)
    assert len({tuple(row) for batch in batches for row in batch.embeddings.tolist()}) > pairs.tiles


def test_users_may_weigh_the_same(pairs: PairSet) -> None:
    batch = loader(pairs, PairSampling(batch=1, side=96, by_user=True, augment=False)).batch(0)
    assert batch.weight.sum() == pytest.approx(1)
    users = ["a", "a", "b", "", ""]
    np.testing.assert_allclose(_weights(users, True), [1 / 8, 1 / 8, 1 / 4, 1 / 4, 1 / 4])


def test_the_first_photos_stay_the_same_in_every_epoch(pairs: PairSet) -> None:
    sampling = replace(SAMPLING, most_photos=1, draw="first", augment=False, side=96, batch=pairs.tiles)
    embeddings = {epoch: loader(pairs, sampling).batch(epoch) for epoch in (0, 1)}
    by_tile = [
        {tuple(centre.tolist()): vector.tolist() for centre, vector in zip(batch.centre, batch.embeddings, strict=True)}
        for batch in embeddings.values()
    ]
    assert by_tile[0] == by_tile[1]
