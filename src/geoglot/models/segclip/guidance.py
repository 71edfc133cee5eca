"""GTG, ground-truth guidance, in training alone: queries that know their class and, as attention, their mask.

Reconstructed from the paper's description and from MP-Former (Zhang et al., CVPR 2023) and DN-DETR (Li et al., CVPR
2022). Differs from MP-Former in that slots without a class are dropped, and not trained to say "no object".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from geoglot.models.segclip.config import Guidance
from geoglot.models.segclip.targets import Targets

_FIRST = 3


@dataclass(frozen=True)
class Guided:
    """The guided queries of a batch, before those of the decoder."""

    classes: Int[Tensor, "image slot"]
    """Which text each slot has; -1 for none."""
    masks: Float[Tensor, "image slot rows cols"]
    """What each slot sees."""
    query_attn_mask: Bool[Tensor, "image query query"]
    """Which query may look at which, guided ones first."""
    layers: int
    """In how many decoder layers the true mask is what a slot sees."""

    def queries(self, texts: Float[Tensor, "class_and_blank width"]) -> Float[Tensor, "image slot width"]:
        """The mapped text of each slot; zeros where there is none."""
        return texts[self.classes.clamp(min=0)] * (self.classes >= 0)[:, :, None]

    def true_attn_mask(self, level: Float[Tensor, "image width rows cols"]) -> Bool[Tensor, "image slot place"]:
        """Where each slot's class is on a level: any coverage counts; everywhere for a slot without a class."""
        true = (F.interpolate(self.masks, level.shape[-2:], mode="area") > 1e-8).flatten(2)
        return true | ~true.any(2, keepdim=True)

    def replace_attn_mask(
        self, sight: Bool[Tensor, "image query place"], true: Bool[Tensor, "image slot place"], layer: int
    ) -> Bool[Tensor, "image query place"]:
        """The sight of all queries in a layer, that of guided ones replaced by the truth as long as it is told."""
        return torch.cat([true, sight[:, true.shape[1] :]], dim=1) if layer < self.layers else sight


def guide(targets: Targets, settings: Guidance, queries: int, decoder_layers: int) -> Guided:
    """Guided queries for the classes of each image, in as many groups as asked."""
    told = targets.repeated(settings.groups)
    return Guided(
        _other_labels(told.classes, told.count, settings.label_noise),
        _flipped(told.masks, settings.point_noise),
        _query_sight(told.classes >= 0, settings.groups, queries),
        decoder_layers if settings.layers == "all" else _FIRST,
    )


def _query_sight(there: Bool[Tensor, "image slot"], groups: int, queries: int) -> Bool[Tensor, "image query query"]:
    """Text queries never see guided ones, or the answer would leak; groups do not see each other, nor empty slots."""
    images, slots = there.shape
    sight = torch.ones(images, slots + queries, slots + queries, dtype=torch.bool, device=there.device)
    sight[:, slots:, :slots] = False
    group = torch.arange(slots, device=there.device) // max(1, slots // groups)
    sight[:, :slots, :slots] = (group[:, None] == group) & there[:, None, :]
    return sight | torch.eye(slots + queries, dtype=torch.bool, device=there.device)  # nobody sees nothing


def _other_labels(classes: Int[Tensor, "image slot"], count: int, share: float) -> Int[Tensor, "image slot"]:
    if not share:
        return classes
    changed = (torch.rand(classes.shape, device=classes.device) < share) & (classes >= 0)
    return torch.where(changed, torch.randint_like(classes, count), classes)


def _flipped(masks: Float[Tensor, "image slot rows cols"], share: float) -> Float[Tensor, "image slot rows cols"]:
    if not share:
        return masks
    return torch.where(torch.rand_like(masks) < share, 1 - masks, masks)
