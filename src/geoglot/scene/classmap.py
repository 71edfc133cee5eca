"""Turn probabilities on the patch lattice into a class and a confidence for every pixel."""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.errors import InputError
from geoglot.figures import format_some
from geoglot.geo import Window
from geoglot.outputs.shapes import ClassStrip
from geoglot.scene.blend import upsample
from geoglot.scene.join import join_channels
from geoglot.scene.spectral_evidence import SpectralEvidence

OTHER = 0
"""Class id of everything that is none of the classes."""
CONFIDENCE_STEPS = 250
"""The stored confidence of a pixel that is certain."""

_COLUMNS = 2048  # pixels upsampled at a time, which bounds memory for any width
_CHANNELS = 8  # channels upsampled at a time, which bounds memory for any number of classes


def class_ids(labels: Sequence[str], names: Sequence[str], why: Container[str] = ()) -> tuple[int, ...]:
    """The class id of each channel, OTHER for a class that `why` names; InputError if one is missing or twice."""
    channels = Counter(labels)
    if wrong := [name for name in names if channels[name] != 1]:
        raise InputError(
            f"the model's channels ({format_some(labels)}) must name each of the classes once, but "
            f"{format_some(wrong)} is there not at all or more than once"
        )
    ids = {name: number for number, name in enumerate(names, 1) if name not in why}
    return tuple(ids.get(label, OTHER) for label in labels)


@dataclass(frozen=True)
class Rule:
    """How probabilities become class ids."""

    ids: tuple[int, ...]
    """Class id of each channel; channels may share an id, and OTHER stands for the background."""
    threshold: float = 0.0
    """A pixel becomes OTHER if its best probability is lower."""
    nodata: int = 255


@dataclass
class Upsampler:
    """Turn finished rows of the lattice into rows of the class map.

    Probabilities are upsampled, not logits, so that the map agrees with the layer of scores. A pixel lies between the
    centres of two rows of patches, so the last row waits for the next. The map does not depend on how many rows are fed
    at a time.
    """

    rule: Rule
    patch: int
    shape: tuple[int, int]
    evidence: SpectralEvidence | None = None
    """What the bands say about each channel."""
    pending: Float[np.ndarray, "channel rows lattice_cols"] | None = None
    pending_valid: Bool[np.ndarray, "pixel_rows cols"] | None = None
    first: int = 0
    """Lattice row of pending[:, 0]."""
    done: int = 0
    """Pixel rows of the lattice that are complete so far; the first `inset` of them lie above the scene."""
    inset: tuple[int, int] = (0, 0)
    """Rows and columns of pixels that the lattice starts before the scene."""

    def feed(
        self,
        shares: Float[np.ndarray, "channel rows lattice_cols"],
        valid: Bool[np.ndarray, "pixel_rows cols"],
    ) -> ClassStrip | None:
        """Add the next rows; returns the pixel rows that are complete now, None if there are none."""
        if self.pending is not None and self.pending_valid is not None:
            shares = np.concatenate([self.pending, shares], axis=1)
            valid = np.concatenate([self.pending_valid, valid])
        fed = self.first + shares.shape[1]
        patch, height = self.patch, self.shape[0] + self.inset[0]
        ready = height if fed * patch >= height else max(0, (fed - 1) * patch)  # pixel rows that are complete
        rows = self._rows(shares, valid, ready) if ready > self.done else None
        keep = max(0, ready // patch - 1) - self.first
        self.pending, self.pending_valid = shares[:, keep:].copy(), valid[ready - self.done :].copy()
        self.first, self.done = self.first + keep, ready
        return rows

    def _rows(self, shares: np.ndarray, valid: np.ndarray, ready: int) -> ClassStrip:
        (above, beside), patch, width = self.inset, self.patch, self.shape[1]
        start = max(self.done, above)
        valid = valid[start - self.done : ready - self.done, beside:]
        top, height = start - self.first * patch, ready - start
        dtype = np.uint8 if self.rule.nodata <= 255 else np.uint16
        classes, confidence = np.empty((height, width), dtype), np.empty((height, width), np.uint8)
        step = max(1, _COLUMNS // (patch if self.evidence is None else patch * -(-len(shares) // _CHANNELS)))
        for first in range(0, shares.shape[2], step):
            left, right = max(0, first - 1), min(shares.shape[2], first + step + 1)
            cols = slice(max(0, first * patch - beside), min(width, (first + step) * patch - beside))
            inset = cols.start + beside - left * patch
            crop = (slice(top, top + height), slice(inset, inset + cols.stop - cols.start))
            part = torch.from_numpy(np.ascontiguousarray(shares[:, :, left:right]))
            if self.evidence is None:
                best, sure = _best_channel(part, patch, crop)
            else:
                odds = self.evidence.at(Window(start - above, cols.start, height, cols.stop - cols.start))
                joined = join_channels(upsample(part, patch, *crop), torch.from_numpy(odds))
                sure, best = joined.max(0)
            classes[:, cols], confidence[:, cols] = self._decide(best, sure, valid[:, cols])
        return ClassStrip(start - above, classes, confidence)

    def _decide(self, best: Tensor, sure: Tensor, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probability = sure.numpy()
        ids = np.asarray(self.rule.ids, np.uint16)[best.numpy()]
        ids[probability < self.rule.threshold] = OTHER
        known = valid & ~np.isnan(probability)
        ids[~known] = self.rule.nodata
        steps = np.rint(np.where(known, probability, 0) * CONFIDENCE_STEPS)
        return ids, steps.astype(np.uint8)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next rows need."""
        assert self.pending is not None and self.pending_valid is not None, "state() is asked for after feed()"
        position = np.array([self.first, self.done])
        return {"pending": self.pending, "pending_valid": self.pending_valid, "position": position}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a saved state."""
        self.pending, self.pending_valid = state["pending"], state["pending_valid"]
        self.first, self.done = (int(value) for value in state["position"])


def _best_channel(
    probabilities: Float[Tensor, "channel rows cols"], patch: int, crop: tuple[slice, slice]
) -> tuple[Tensor, Tensor]:
    """Best channel of each pixel of `crop` and its probability, NaN where it is unknown."""
    best, high = torch.tensor(0), torch.tensor(-1.0)
    for first in range(0, len(probabilities), _CHANNELS):
        top, index = upsample(probabilities[first : first + _CHANNELS], patch, *crop).max(0)
        better = (top > high) | top.isnan()
        best, high = torch.where(better, index + first, best), torch.where(better, top, high)
    return best, high
