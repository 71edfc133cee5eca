from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from geoglot.errors import SourceError
from geoglot.pairs.embed import embed
from geoglot.pairs.store import PairSet
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
