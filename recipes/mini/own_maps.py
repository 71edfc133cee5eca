"""The model's own maps as a teacher of scenes without labels, where two looks agree and are sure."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from seer import Seer
from torch import Tensor

_SURE = 0.8  # least probability of a concept in both looks
_UNSURE = -1


def concept_shares(seer: Seer, fine: Tensor, text: Tensor, owners: Tensor) -> Tensor:
    """Log-probability (scene, concept, rows8, cols8) of the concepts whose words are the first in `text`.

    `owners` is the concept of each of these words; the others take their part of the probability.
    """
    logits = seer.scale.exp() * torch.einsum("bdrc,wd->bwrc", fine, text)
    each = logits.log_softmax(1)[:, : len(owners)]
    return torch.stack([each[:, owners == concept].logsumexp(1) for concept in owners.unique()], dim=1)


@torch.no_grad()
def read_own_maps(teacher: Seer, scenes: Tensor, text: Tensor, owners: Tensor) -> Tensor:
    """The place of a concept in `concept_shares` for each cell (scene, rows8, cols8), or -1 where it is not sure."""
    fine = teacher(teacher.begin(torch.cat([scenes, scenes.flip(3)])))[1]
    first, mirrored = concept_shares(teacher, fine, text, owners).exp().chunk(2)
    share, concept = torch.minimum(first, mirrored.flip(3)).max(1)
    return torch.where(share >= _SURE, concept, _UNSURE)


def own_loss(seer: Seer, fine: Tensor, text: Tensor, owners: Tensor, taught: Tensor) -> Tensor:
    """Cross-entropy against `taught` (scene, rows8, cols8); rare concepts count more, by the root of their rarity."""
    shares = concept_shares(seer, fine, text, owners)
    amounts = torch.bincount(taught[taught != _UNSURE], minlength=shares.shape[1])
    if not amounts.any():
        return fine.new_zeros(())
    return F.nll_loss(shares, taught, weight=amounts.clamp(min=1).float().rsqrt(), ignore_index=_UNSURE)
