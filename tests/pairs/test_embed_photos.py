from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from geoglot.errors import SourceError
from geoglot.pairs.embed_photos import embed
from geoglot.pairs.pair_store import PairSet
from pairsets import make_batch
from stubs import PooledColours


class Counting(PooledColours):
    seen = 0

    def encode_image(self, pixels: Tensor) -> Tensor:
        self.seen += len(pixels)
        return super().encode_image(pixels)


def test_every_photo_is_seen_once_ever(tmp_path: Path) -> None:
    pairs = PairSet.create(tmp_path / "pairs", ("red", "green", "blue"), 96, 1.0)
    first, second = make_batch(3), make_batch(4, seed=1)
    shared = list(second.links.photo)
    shared[0] = first.links.photo[0]  # it lies in tiles of both shards
    second = replace(second, links=replace(second.links, photo=shared), images=[first.images[0], *second.images[1:]])  # type: ignore[index]
    pairs = pairs.append(first)
    ground = Counting()
    embed(pairs, ground)
    assert ground.seen == len(first.links.photo)
    pairs = pairs.append(second)
    embed(pairs, ground)
    assert ground.seen == len(first.links.photo) + len(second.links.photo) - 1
    vectors = [shard.vectors(ground.card.sha256) for shard in pairs.shards]
    np.testing.assert_array_equal(vectors[0][0], vectors[1][0])
    embed(pairs, ground)
    assert ground.seen == len(first.links.photo) + len(second.links.photo) - 1


def test_vectors_that_are_wrong_are_told_before_any_is_made(tmp_path: Path) -> None:
    pairs = PairSet.create(tmp_path / "pairs", ("red", "green", "blue"), 96, 1.0)
    pairs = pairs.append(make_batch(2)).append(make_batch(3, seed=1))
    last, ground = pairs.shards[1], Counting()
    right = np.eye(3, dtype=np.float16)[np.zeros(last.photos, int)]
    nan = np.where(np.arange(3) == 1, np.nan, right).astype(np.float16)
    for wrong in (right[:, :2], nan):
        last.add_vectors(ground.card.sha256, wrong)
        with pytest.raises(SourceError, match="remove the file, and the next run makes it again"):
            embed(pairs, ground)
    assert ground.seen == 0 and not pairs.shards[0].has_vectors(ground.card.sha256)


def test_progress_counts_the_photos(tmp_path: Path) -> None:
    pairs = PairSet.create(tmp_path / "pairs", ("red", "green", "blue"), 96, 1.0)
    pairs = pairs.append(make_batch(2)).append(make_batch(3, seed=1))
    told: list[tuple[str, int, int]] = []
    embed(pairs, PooledColours(), lambda *now: told.append(now), "validation photos")
    first, both = pairs.shards[0].photos, pairs.photos
    assert told == [("validation photos", first, both), ("validation photos", both, both)]


def test_photos_whose_images_were_not_kept_are_named(tmp_path: Path) -> None:
    pairs = PairSet.create(tmp_path / "pairs", ("red", "green", "blue"), 96, 1.0)
    pairs = pairs.append(replace(make_batch(2), images=None))
    with pytest.raises(SourceError, match="no image of photo 'photo-0-0'"):
        embed(pairs, PooledColours())


def test_a_picture_that_is_none_is_refused(tmp_path: Path) -> None:
    batch = make_batch(1)
    pairs = PairSet.create(tmp_path / "pairs", ("red", "green", "blue"), 96, 1.0)
    pairs = pairs.append(replace(batch, images=[b"no image"] * len(batch.links.photo)))
    with pytest.raises(SourceError, match=f"{batch.links.photo[0]}.* cannot be decoded"):
        embed(pairs, PooledColours())


def test_processes_share_the_shards_and_a_killed_run_goes_on(tmp_path: Path) -> None:
    pairs = PairSet.create(tmp_path / "pairs", ("red", "green", "blue"), 96, 1.0)
    for seed in range(5):
        pairs = pairs.append(make_batch(2, seed=seed))
    sha256 = Counting.card.sha256
    seers = Counting(), Counting()
    embed(pairs, seers[1], part=(1, 2))
    assert [shard.has_vectors(sha256) for shard in pairs.shards] == [False, True, False, True, False]
    embed(pairs, seers[0], part=(0, 2))
    assert all(shard.has_vectors(sha256) for shard in pairs.shards)
    assert seers[0].seen + seers[1].seen == pairs.photos
    pairs.shards[2].vectors_path(sha256).unlink()
    embed(pairs, again := Counting())
    assert again.seen == pairs.shards[2].photos
