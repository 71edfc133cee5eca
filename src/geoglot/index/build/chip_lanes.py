"""A model that encodes several batches of chips at once, each on one thread.

A batch on two threads is summed in another order than on one, so its vectors would depend on the machine. One thread a
batch gives the same bits with any number of lanes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from geoglot.models.base import VisionLanguageModel
from geoglot.scene.embed import Chip, compute
from geoglot.scene.lanes import Lanes, open_lanes

Outputs = list[np.ndarray | str]
"""A vector, or why there is none, of every chip."""


@dataclass(frozen=True)
class ChipLanes:
    """Encodes batches at once; the caller waits when every lane has one and another is ready."""

    model: VisionLanguageModel
    _lanes: Lanes
    _running: deque[Future[Outputs]]

    def image(self, chips: Sequence[Chip]) -> Future[Outputs]:
        """Vectors of whole chips."""
        return self._submit(self.model.encode_image, chips)

    def patches(self, chips: Sequence[Chip]) -> Future[Outputs]:
        """Vectors of the patches of chips, (dim, rows, cols)."""
        return self._submit(self.model.encode_patches, chips)

    def _submit(self, encode: Callable[[Tensor], Tensor], chips: Sequence[Chip]) -> Future[Outputs]:
        while len(self._running) > self._lanes.count:
            self._running.popleft().result()
        self._running.append(self._lanes.pool.submit(self._encode, encode, chips))
        return self._running[-1]

    @torch.inference_mode()
    def _encode(self, encode: Callable[[Tensor], Tensor], chips: Sequence[Chip]) -> Outputs:
        return compute(lambda pixels: encode(pixels.to(self.model.device)).float(), chips)


@contextmanager
def open_chip_lanes(model: VisionLanguageModel) -> Iterator[ChipLanes]:
    """As many lanes as torch has threads; one for a model on a GPU."""
    with open_lanes(torch.get_num_threads() if model.device.type == "cpu" else 1) as lanes:
        yield ChipLanes(model, lanes, deque())
