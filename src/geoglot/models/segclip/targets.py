"""Label maps as one mask for each class that is present. Ignored pixels are in no mask and do not count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

IGNORE = 255


@dataclass(frozen=True)
class Targets:
    """The classes of each image of a batch, in slots; images with fewer classes have empty slots."""

    classes: Int[Tensor, "image slot"]
    """Ascending; -1 in empty slots."""
    masks: Float[Tensor, "image slot rows cols"]
    """0 or 1; zeros in empty slots."""
    valid: Bool[Tensor, "image rows cols"]
    """Pixels that count."""
    ignored: Float[Tensor, "image 1 rows cols"] | None
    """1 where a pixel does not count; None where all do."""
    class_count: int
    """Number of classes of the model."""

    def __len__(self) -> int:
        return len(self.classes)

    def repeat(self, groups: int) -> Targets:
        """Repeat the slots once for each group."""
        masks = self.masks.repeat(1, groups, 1, 1) if groups > 1 else self.masks
        return replace(self, classes=self.classes.repeat(1, groups), masks=masks)

    def count_slots(self, image: int) -> int:
        """Number of classes of an image."""
        return int((self.classes[image] >= 0).sum())


def make_targets(labels: Int[Tensor, "image rows cols"], class_count: int) -> Targets:
    """Targets of label maps with ids 0..class_count-1; pixels with IGNORE or any other value do not count."""
    valid, present = _is_known(labels, class_count), find_present(labels, class_count)
    slots = int(present.sum(1).max()) if len(labels) else 0
    order = torch.where(present, torch.arange(class_count, device=labels.device), class_count).sort(1).values[:, :slots]
    classes = torch.where(order < class_count, order, -1)
    masks = (labels[:, None] == classes[:, :, None, None]) & (classes >= 0)[:, :, None, None]
    ignored = None if bool(valid.all()) else (~valid)[:, None].float()
    return Targets(classes, masks.float(), valid, ignored, class_count)


def find_present(labels: Int[Tensor, "image rows cols"], class_count: int) -> Bool[Tensor, "image class"]:
    """Whether each image of a batch has a pixel of each class."""
    known = torch.where(_is_known(labels, class_count), labels, class_count).flatten(1).long()
    present = torch.zeros(len(labels), class_count + 1, dtype=torch.bool, device=labels.device)
    return present.scatter(1, known, True)[:, :class_count]


def _is_known(labels: Int[Tensor, "image rows cols"], class_count: int) -> Bool[Tensor, "image rows cols"]:
    return (labels >= 0) & (labels < class_count)
