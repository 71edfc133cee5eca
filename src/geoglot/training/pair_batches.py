"""Batches of a pair set, in an order and with views that depend on the seed and the place in the run alone.

So a run goes on at the exact sample from its step number, and the batch of a step is the same for any number of
processes: each takes its share of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from geoglot.aliases import Amount, Count
from geoglot.pairs.pair_store import PairSet, Shard
from geoglot.training import augment
from geoglot.training.processes import SINGLE, Process


@dataclass(frozen=True)
class PairSampling:
    """How tiles and photos are drawn."""

    batch: Count = 256
    """Tiles a step, over all processes."""
    side: Count = 224
    """Pixels of a view's side; tiles are at least as large."""
    most_photos: Count = 25
    """Photos a tile, drawn anew at random each time (the paper takes the first 25)."""
    by_user: bool = False
    """Whether the users of a tile weigh the same, and not its photos."""
    augment: bool = True
    """Crop, turn and recolour; else the centre as it is."""
    shards_at_once: Count = 8
    """Tiles are mixed among so many shards, so that reading stays nearly sequential."""
    seed: Amount = 0


@dataclass(frozen=True)
class PairBatch:
    """Tiles and their photos, as the losses want them."""

    pixels: Float[Tensor, "tile band side side"]
    """0..1."""
    vectors: Float[Tensor, "photo dim"]
    tile: Int[Tensor, " photo"]
    """From 0, never falling."""
    weight: Float[Tensor, " photo"]
    """Sums to 1 over a tile."""
    patch: Int[Tensor, " photo"]
    """The patch a photo was taken in, counted row by row."""
    centre: Float[Tensor, "tile 2"]
    """Longitude and latitude of the middle of each view's tile, degrees."""


class PairLoader:
    """Batches from a step on, prepared by threads ahead of the model."""

    def __init__(
        self, pairs: PairSet, sha256: str, patch: int, sampling: PairSampling, process: Process = SINGLE
    ) -> None:
        self.pairs, self.patch, self.sampling, self.process = pairs, patch, sampling, process
        self._ends = np.cumsum([shard.tiles for shard in pairs.shards])
        self._vectors = lru_cache(maxsize=None)(lambda number: pairs.shards[number].vectors(sha256))
        self._order = lru_cache(maxsize=2)(self._epoch_order)
        self._starts = [np.searchsorted(shard.links.tile, np.arange(shard.tiles + 1)) for shard in pairs.shards]

    def batches(self, first_step: int, steps: int, ahead: int = 2) -> Iterator[PairBatch]:
        """The batches of steps first_step..steps-1."""
        with ThreadPoolExecutor(ahead) as pool:
            coming = iter(range(first_step, steps))
            waiting = deque(pool.submit(self.batch, step) for step in islice(coming, ahead))
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(pool.submit(self.batch, step) for step in islice(coming, 1))
                yield batch

    def batch(self, step: int) -> PairBatch:
        """This process's share of the batch of a step."""
        each = self.sampling.batch // self.process.world_size
        first = step * self.sampling.batch + self.process.rank * each
        return _collate([self._sample(position) for position in range(first, first + each)])

    def _sample(self, position: int) -> _Sample:
        rng = np.random.default_rng((self.sampling.seed, position))
        number, tile = self._place(position)
        shard, starts = self.pairs.shards[number], self._starts[number]
        links = np.arange(starts[tile], starts[tile + 1])
        pixels, row, col = shard.pixels[tile], shard.links.row[links], shard.links.col[links]
        if self.sampling.augment:
            view = augment.turn(augment.crop(pixels, row, col, self.sampling.side, rng), rng)
        else:
            view = augment.centre(pixels, row, col, self.sampling.side)
        kept = np.arange(len(view.photo))
        if len(kept) > self.sampling.most_photos:
            kept = np.sort(rng.choice(kept, self.sampling.most_photos, replace=False))
        colours = view.pixels.astype(np.float32) / 255
        photos = links[view.photo[kept]]
        return _Sample(
            pixels=augment.recolour(colours, rng) if self.sampling.augment else colours,
            vectors=self._vectors(number)[photos].astype(np.float32),
            weight=_weights([shard.links.user[photo] for photo in photos], self.sampling.by_user),
            patch=augment.patch_of(view.row[kept], view.col[kept], self.patch, self.sampling.side),
            centre=_centre(shard, tile),
        )

    def _place(self, position: int) -> tuple[int, int]:
        """Shard and tile of a place in the endless order: epoch after epoch, each in an order of its own."""
        epoch, within = divmod(position, self.pairs.tiles)
        tile = int(self._order(epoch)[within])
        number = int(np.searchsorted(self._ends, tile, side="right"))
        return number, tile - int(self._ends[number]) + self.pairs.shards[number].tiles

    def _epoch_order(self, epoch: int) -> Int[np.ndarray, " tile"]:
        """All tiles, counted through the shards: some shards at a time, in turn and mixed at random."""
        rng = np.random.default_rng((self.sampling.seed, epoch, 1))
        shards = rng.permutation(len(self._ends))
        starts = np.concatenate([[0], self._ends[:-1]])
        parts = []
        for first in range(0, len(shards), self.sampling.shards_at_once):
            group = shards[first : first + self.sampling.shards_at_once]
            tiles = np.concatenate([np.arange(starts[number], self._ends[number]) for number in group])
            parts.append(rng.permutation(tiles))
        return np.concatenate(parts)


@dataclass(frozen=True)
class _Sample:
    pixels: np.ndarray
    vectors: np.ndarray
    weight: np.ndarray
    patch: np.ndarray
    centre: tuple[float, float]


def _weights(users: list[str], by_user: bool) -> np.ndarray:
    """The same for every photo, or for every user of the tile; unknown users count as one each."""
    if not by_user:
        return np.full(len(users), 1 / max(1, len(users)), np.float32)
    known = [user or f"?{index}" for index, user in enumerate(users)]
    own = np.array([1 / known.count(user) for user in known], np.float32)
    return own / len(set(known))


def _centre(shard: Shard, tile: int) -> tuple[float, float]:
    grid = shard.grids[tile]
    lon, lat = grid.to_lonlat(grid.shape[0] / 2, grid.shape[1] / 2)
    return float(lon), float(lat)


def _collate(samples: list[_Sample]) -> PairBatch:
    counts = torch.tensor([len(one.weight) for one in samples])
    return PairBatch(
        pixels=torch.from_numpy(np.stack([one.pixels for one in samples])),
        vectors=torch.from_numpy(np.concatenate([one.vectors for one in samples])),
        tile=torch.repeat_interleave(counts),
        weight=torch.from_numpy(np.concatenate([one.weight for one in samples])),
        patch=torch.from_numpy(np.concatenate([one.patch for one in samples])),
        centre=torch.tensor([one.centre for one in samples], dtype=torch.float32),
    )
