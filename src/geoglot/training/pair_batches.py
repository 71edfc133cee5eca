"""Batches of a pair set. The order and the views of its tiles follow from the seed and the step alone.

So a run resumes at the exact sample, and the batch of a step is the same for any number of processes.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from geoglot.aliases import Amount, Count
from geoglot.pairs.pair_store import PairSet
from geoglot.training import augment
from geoglot.training.processes import SINGLE, Process


@dataclass(frozen=True)
class PairSampling:
    """How tiles and photos are sampled."""

    batch: Count = 256
    """Tiles a step, over all processes."""
    side: Count = 224
    """Side of a view in pixels; tiles are at least as large."""
    most_photos: Count = 25
    """Most photos a tile."""
    draw: Literal["random", "first"] = "random"
    """Which of more photos: a new sample each time, or the first in stored order, as the paper."""
    by_user: bool = False
    """Give the users of a tile, not its photos, equal weights."""
    augment: bool = True
    """Crop, turn and recolour; if false, the centre is used unchanged."""
    shards_at_once: Count = 8
    """Tiles are shuffled among this many shards, so that reading stays nearly sequential."""
    seed: Amount = 0


@dataclass(frozen=True)
class PairBatch:
    """Views of tiles, and their photos."""

    pixels: Float[Tensor, "tile band side side"]
    """0..1."""
    embeddings: Float[Tensor, "photo dim"]
    tile: Int[Tensor, " photo"]
    """Tile of each photo in the batch; ascending."""
    weight: Float[Tensor, " photo"]
    """Sums to 1 over a tile."""
    patch: Int[Tensor, " photo"]
    """Patch in which each photo was taken, counted row by row."""
    centre: Float[Tensor, "tile 2"]
    """Longitude and latitude of each tile's centre, in degrees."""
    number: Int[Tensor, " tile"]
    """Number of each tile in the set. A batch that ends one epoch and begins the next may hold a tile twice."""


class PairLoader:
    """Loads this process's part of every batch, ahead of the model, in threads."""

    def __init__(
        self,
        pairs: PairSet,
        sha256: str,
        patch: int,
        sampling: PairSampling,
        process: Process = SINGLE,
        workers: int = 2,
    ) -> None:
        self.pairs, self.patch, self.sampling, self.process = pairs, patch, sampling, process
        self.workers = workers
        self._ends = np.cumsum([shard.tiles for shard in pairs.shards])
        self._embeddings = lru_cache(maxsize=None)(lambda number: pairs.shards[number].vectors(sha256))
        self._order = lru_cache(maxsize=2)(self._epoch_order)
        self._starts = [np.searchsorted(shard.links.tile, np.arange(shard.tiles + 1)) for shard in pairs.shards]

    def batches(self, first_step: int, stop: int) -> Iterator[PairBatch]:
        """Batches of steps first_step..stop-1."""
        ahead = self.workers
        with ThreadPoolExecutor(ahead) as pool:
            coming = iter(range(first_step, stop))
            waiting = deque(pool.submit(self.batch, step) for step in islice(coming, ahead))
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(pool.submit(self.batch, step) for step in islice(coming, 1))
                yield batch

    def batch(self, step: int) -> PairBatch:
        """This process's part of the batch of a step."""
        return _join([self._sample(position) for position in self.process.part_of(self.sampling.batch, step)])

    def _sample(self, position: int) -> PairBatch:
        """The batch of one tile."""
        rng = np.random.default_rng((self.sampling.seed, position))
        number, tile = self._place(position)
        shard, starts = self.pairs.shards[number], self._starts[number]
        links = np.arange(starts[tile], starts[tile + 1])
        pixels, row, col = shard.pixels[tile], shard.links.row[links], shard.links.col[links]
        if self.sampling.augment:
            view = augment.turn(augment.crop(pixels, row, col, self.sampling.side, rng), rng)
        else:
            view = augment.crop_centre(pixels, row, col, self.sampling.side)
        kept = np.arange(len(view.photo))
        if len(kept) > self.sampling.most_photos:
            most = self.sampling.most_photos
            kept = kept[:most] if self.sampling.draw == "first" else np.sort(rng.choice(kept, most, replace=False))
        colours = view.pixels.astype(np.float32) / 255
        photos, grid = links[view.photo[kept]], shard.grids[tile]
        lon, lat = grid.to_lonlat(grid.shape[0] / 2, grid.shape[1] / 2)
        pixels = augment.recolour(colours, rng) if self.sampling.augment else colours
        weight = _weights([shard.links.user[photo] for photo in photos], self.sampling.by_user)
        patch = augment.patch_of(view.row[kept], view.col[kept], self.patch, self.sampling.side)
        return PairBatch(
            pixels=torch.from_numpy(pixels[None]),
            embeddings=torch.from_numpy(self._embeddings(number)[photos].astype(np.float32)),
            tile=torch.zeros(len(photos), dtype=torch.long),
            weight=torch.from_numpy(weight),
            patch=torch.from_numpy(patch),
            centre=torch.tensor([[float(lon), float(lat)]], dtype=torch.float32),
            number=torch.tensor([int(self._ends[number]) - shard.tiles + tile]),
        )

    def _place(self, position: int) -> tuple[int, int]:
        """Shard and tile at a position of the endless order: epoch after epoch, each in an order of its own."""
        epoch, within = divmod(position, self.pairs.tiles)
        tile = int(self._order(epoch)[within])
        number = int(np.searchsorted(self._ends, tile, side="right"))
        return number, tile - int(self._ends[number]) + self.pairs.shards[number].tiles

    def _epoch_order(self, epoch: int) -> Int[np.ndarray, " tile"]:
        """All tiles, counted over the shards: shuffled within groups of shards, which are drawn at random."""
        rng = np.random.default_rng((self.sampling.seed, epoch, 1))
        shards = rng.permutation(len(self._ends))
        starts = np.concatenate([[0], self._ends[:-1]])
        parts = []
        for first in range(0, len(shards), self.sampling.shards_at_once):
            group = shards[first : first + self.sampling.shards_at_once]
            tiles = np.concatenate([np.arange(starts[number], self._ends[number]) for number in group])
            parts.append(rng.permutation(tiles))
        return np.concatenate(parts)


def _weights(users: list[str], by_user: bool) -> np.ndarray:
    """Equal weights for photos, or for users of the tile; each photo of an unknown user counts as another user."""
    if not by_user:
        return np.full(len(users), 1 / max(1, len(users)), np.float32)
    known = [user or f"?{index}" for index, user in enumerate(users)]
    own = np.array([1 / known.count(user) for user in known], np.float32)
    return own / len(set(known))


def _join(batches: list[PairBatch]) -> PairBatch:
    """One batch of several with one tile each."""
    columns = {name: torch.cat([getattr(batch, name) for batch in batches]) for name in PairBatch.__annotations__}
    counts = torch.tensor([len(batch.tile) for batch in batches])
    return PairBatch(**columns | {"tile": torch.repeat_interleave(counts)})
