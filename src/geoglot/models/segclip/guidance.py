"""GTG, ground-truth guidance: in training, extra queries know their class and attend to their ground-truth mask.

Reconstructed from the paper's description and from MP-Former (Zhang et al., CVPR 2023) and DN-DETR (Li et al., CVPR
2022). Unlike MP-Former, slots without a class are dropped, and not trained to say "no object".
"""

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
    """The guided queries of a batch, one for each slot; they come before the other queries of the decoder."""

    classes: Int[Tensor, "image slot"]
    """Class whose text each slot starts from; -1 for none."""
    masks: Float[Tensor, "image slot rows cols"]
    """Mask that each slot attends to."""
    query_attn_mask: Bool[Tensor, "image query query"]
    """Self-attention mask of all queries, guided ones first."""
    layers: int
    """Number of decoder layers in which a guided query attends to its ground-truth mask."""

    def queries(self, texts: Float[Tensor, "class_and_blank width"]) -> Float[Tensor, "image slot width"]:
        """The mapped text of each slot; zeros for an empty slot."""
        return texts[self.classes.clamp(min=0)] * (self.classes >= 0)[:, :, None]

    def true_attn_mask(self, level: Float[Tensor, "image width rows cols"]) -> Bool[Tensor, "image slot pixel"]:
        """Pixels of a level that each slot's mask touches; all pixels for an empty slot."""
        touched = (F.interpolate(self.masks, level.shape[-2:], mode="area") > 1e-8).flatten(2)
        return touched | ~touched.any(2, keepdim=True)

    def replace_attn_mask(
        self, attn_mask: Bool[Tensor, "image query pixel"], truth: Bool[Tensor, "image slot pixel"], layer: int
    ) -> Bool[Tensor, "image query pixel"]:
        """Attention mask of a layer; for guided queries it is the ground truth, in the layers where guidance is on."""
        return torch.cat([truth, attn_mask[:, truth.shape[1] :]], dim=1) if layer < self.layers else attn_mask


def guide(targets: Targets, settings: Guidance, queries: int, decoder_layers: int) -> Guided:
    """Guided queries for the classes of each image, once for each group; `queries` counts the other queries."""
    repeated = targets.repeat(settings.groups)
    classes, masks, present = repeated.classes, repeated.masks, repeated.classes >= 0
    if settings.label_noise:
        changed = (torch.rand(classes.shape, device=classes.device) < settings.label_noise) & present
        classes = torch.where(changed, torch.randint_like(classes, repeated.class_count), classes)
    if settings.point_noise:
        masks = torch.where(torch.rand_like(masks) < settings.point_noise, 1 - masks, masks)
    layers = decoder_layers if settings.layers == "all" else _FIRST
    return Guided(classes, masks, _query_attn_mask(present, settings, queries), layers)


def _query_attn_mask(
    present: Bool[Tensor, "image slot"], settings: Guidance, queries: int
) -> Bool[Tensor, "image query query"]:
    """Text queries never attend to guided ones, which know the answer. Guided ones attend to the slots with a class in
    their own group and, unless they are apart, to text queries."""
    images, slots = present.shape
    attn_mask = torch.ones(images, slots + queries, slots + queries, dtype=torch.bool, device=present.device)
    attn_mask[:, slots:, :slots] = False
    attn_mask[:, :slots, slots:] = not settings.apart
    group = torch.arange(slots, device=present.device) // max(1, slots // settings.groups)
    attn_mask[:, :slots, :slots] = (group[:, None] == group) & present[:, None, :]
    return attn_mask | torch.eye(slots + queries, dtype=torch.bool, device=present.device)  # a row must not be empty
