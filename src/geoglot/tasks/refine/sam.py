"""Outlines by SAM, SAM 2 or SAM 3 of transformers, prompted by where the text scores are highest (GRAFT's rule)."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.models.model_files import sha256_of_weights
from geoglot.models.preprocess import normalise
from geoglot.tasks.refine.refiner import Proposal, Refined, View
from geoglot.tasks.refine.sam_prompts import Prompt, Prompting, prompt_of, surroundings

_LEAST_AGREEMENT = 0.3  # below it SAM shows another thing, or the whole field
_KEPT = 16  # views whose embeddings are kept
_AT_ONCE = 32  # prompts decoded at once


@dataclass(frozen=True)
class Normalisation:
    """What a SAM's pixels are normalised by."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class Sam:
    """A SAM of transformers: each view is embedded once and its embedding reused for all prompts, of all names.

    Of its masks the one is taken whose predicted IoU times agreement with the text scores is highest; where no mask
    agrees, the proposal stays as it was.
    """

    name = "sam"

    def __init__(self, model: Any, normalisation: Normalisation, prompting: Prompting | None = None) -> None:
        self.side: int = int(model.config.prompt_encoder_config.image_size)
        self._model, self._normalisation, self._prompting = model, normalisation, prompting or Prompting()
        self._embedded: OrderedDict[bytes, Any] = OrderedDict()

    def facts(self) -> dict[str, Any]:
        """See `Refiner`."""
        return {
            "name": self.name,
            "side": self.side,
            "sha256": self._sha256,
            "normalisation": asdict(self._normalisation),
            "prompting": asdict(self._prompting),
        }

    @cached_property
    def _sha256(self) -> str:
        return sha256_of_weights(self._model)

    def __call__(self, view: View, proposals: Sequence[Proposal]) -> list[Refined]:
        """One answer a proposal, each by itself."""
        embedding = self._embedding(view)
        prompts = [prompt_of(one, view, self._prompting) for one in proposals]
        answers: dict[int, Refined] = {}
        for group in _alike(prompts):
            masks, sure = self._decode(embedding, [prompts[index] for index in group], view)
            for index, own, own_sure in zip(group, masks, sure, strict=True):
                answers[index] = self._choose(proposals[index], view, own, own_sure)
        return [answers[index] for index in range(len(proposals))]

    @torch.inference_mode()
    def _embedding(self, view: View) -> Any:
        """Of a view, computed once; the least used one is forgotten."""
        key = hashlib.sha256(view.pixels.tobytes()).digest()
        if key not in self._embedded:
            pixels = torch.from_numpy(view.pixels[:3])[None]
            fitted = F.interpolate(pixels, (self.side, self.side), mode="bilinear", antialias=True)
            normal = normalise(fitted, self._normalisation.mean, self._normalisation.std)
            self._embedded[key] = self._model.get_image_embeddings(normal.to(self._model.device))
        self._embedded.move_to_end(key)
        while len(self._embedded) > _KEPT:
            self._embedded.popitem(last=False)
        return self._embedded[key]

    @torch.inference_mode()
    def _decode(
        self, embedding: Any, prompts: Sequence[Prompt], view: View
    ) -> tuple[Float[Tensor, "prompt mask low_rows low_cols"], Float[Tensor, "prompt mask"]]:
        """Logits of the masks of prompts of one form, and their predicted IoU."""
        rows, cols = view.valid.shape
        # SAM counts pixels by their centres: the middle of the first one is (0, 0), ours (0.5, 0.5).
        scale = torch.tensor([self.side / cols, self.side / rows])
        place = self._model.device
        points = torch.stack([torch.from_numpy(one.points) for one in prompts]).float() * scale - 0.5
        labels = torch.stack([torch.from_numpy(one.labels) for one in prompts])
        boxes = [torch.from_numpy(one.box) for one in prompts if one.box is not None]
        given: dict[str, Tensor] = {"input_points": points[None].to(place), "input_labels": labels[None].to(place)}
        if boxes:
            given["input_boxes"] = (torch.stack(boxes).float() * scale.repeat(2) - 0.5)[None].to(place)
        answer = self._model(image_embeddings=embedding, multimask_output=True, **given)
        return answer.pred_masks[0].float().cpu(), answer.iou_scores[0].float().cpu()

    def _choose(self, one: Proposal, view: View, masks: Tensor, sure: Tensor) -> Refined:
        """The mask that SAM is sure of and the text agrees with, or none of them."""
        shape = list(view.valid.shape)
        large = F.interpolate(masks[None], shape, mode="bilinear", align_corners=False)[0]
        found = [(logits > 0).numpy() & view.valid for logits in large]
        near = surroundings(one, view)
        agreed = [agreement(mask, near) for mask in found]
        best = max(range(len(found)), key=lambda index: agreed[index] * float(sure[index].clamp_min(0)))
        if agreed[best] < _LEAST_AGREEMENT:
            return Refined((one.mask,), "none")
        return Refined((found[best],), self.name)


def agreement(mask: Bool[np.ndarray, "rows cols"], scores: Float[np.ndarray, "rows cols"]) -> float:
    """Soft IoU of a mask with scores 0..1."""
    shared = float(scores[mask].sum(dtype=np.float64))
    return shared / max(float(mask.sum()) + float(scores.sum(dtype=np.float64)) - shared, 1e-9)


def _alike(prompts: Sequence[Prompt]) -> Iterator[tuple[int, ...]]:
    """Indexes of prompts of as many points, some at a time: padding would let others change a prompt's answer."""
    forms: dict[tuple[int, bool], list[int]] = {}
    for index, one in enumerate(prompts):
        forms.setdefault((len(one.points), one.box is not None), []).append(index)
    for indexes in forms.values():
        for first in range(0, len(indexes), _AT_ONCE):
            yield tuple(indexes[first : first + _AT_ONCE])
