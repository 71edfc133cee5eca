"""A label map as one mask a class that is there; pixels to ignore belong to none and count for none."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

IGNORE = 255


@dataclass(frozen=True)
class Targets:
    """The classes of each image of a batch, padded to the most that one has."""

    classes: Int[Tensor, "image slot"]
    """Ascending; -1 where an image has fewer."""
    masks: Float[Tensor, "image slot rows cols"]
    """0 or 1; zeros in empty slots."""
    valid: Bool[Tensor, "image rows cols"]
    """Pixels that count."""
    ignored: Float[Tensor, "image 1 rows cols"] | None
    """1 where a pixel does not count; None where all do."""
    count: int
    """Classes of the model."""

    def __len__(self) -> int:
        return len(self.classes)

    def repeated(self, groups: int) -> Targets:
        """The same classes so many times over."""
        masks = self.masks.repeat(1, groups, 1, 1) if groups > 1 else self.masks
        return replace(self, classes=self.classes.repeat(1, groups), masks=masks)

    def slots(self, image: int) -> int:
        """How many classes an image has."""
        return int((self.classes[image] >= 0).sum())


def make_targets(labels: Int[Tensor, "image rows cols"], count: int) -> Targets:
    """Of label maps with ids 0..count-1, and IGNORE (or anything else) where a pixel does not count."""
    valid = (labels >= 0) & (labels < count)
    known = torch.where(valid, labels, count).flatten(1).long()
    there = torch.zeros(len(labels), count + 1, dtype=torch.bool, device=labels.device)
    there = there.scatter(1, known, True)[:, :count]
    slots = int(there.sum(1).max()) if len(labels) else 0
    order = torch.where(there, torch.arange(count, device=labels.device), count).sort(1).values[:, :slots]
    classes = torch.where(order < count, order, -1)
    masks = (labels[:, None] == classes[:, :, None, None]) & (classes >= 0)[:, :, None, None]
    ignored = None if bool(valid.all()) else (~valid)[:, None].float()
    return Targets(classes, masks.float(), valid, ignored, count)
