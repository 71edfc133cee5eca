"""Refine by SAM, SAM 2 or SAM 3 of transformers, prompted where the text scores are highest (as in GRAFT)."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from torch import Tensor

from geoglot.errors import InputError
from geoglot.models.base import normalise
from geoglot.models.model_files import sha256_of_weights
from geoglot.tasks.refine.refiner import CoarseMask, Masks, View

_LEAST_AGREEMENT = 0.3  # a mask below it shows another thing, or the whole field around it
_CACHED = 16  # embeddings of views
_AT_ONCE = 32  # prompts decoded at once
_RING = 2  # patches around a thing that may hold negative points


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of the pixels that a SAM was trained with, per band."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Prompting:
    """The number of points in a prompt, and whether it has a box."""

    points: int = 3
    """Largest number of positive points, the patch centres with the highest text scores (Mall et al. 2024)."""
    negatives: int = 0
    """Points beside the thing where the text scores are lowest."""
    box: bool = False
    """Add the box around the coarse mask, half a patch wider on each side."""

    def __post_init__(self) -> None:
        if self.points < 1 or self.negatives < 0:
            counts = f"{self.points} and {self.negatives}"
            raise InputError(f"SAM needs at least 1 point and no fewer than 0 negatives, got {counts}")


@dataclass(frozen=True)
class Prompt:
    """Points and a box in pixels of the view; the centre of its first pixel is (0.5, 0.5)."""

    points: Float[np.ndarray, "point 2"]
    """x, y."""
    labels: Int[np.ndarray, " point"]
    """1 on the thing, 0 beside it."""
    box: Float[np.ndarray, " edge"] | None
    """Left, top, right, bottom."""


class Sam:
    """A SAM of transformers. Each view is embedded once, for all prompts of all names.

    It chooses the mask with the highest product of predicted IoU and agreement with the text scores. If no mask agrees,
    the coarse mask stays.
    """

    name = "sam"

    def __init__(self, model: Any, normalisation: Normalisation, prompting: Prompting | None = None) -> None:
        self.side: int = int(model.config.prompt_encoder_config.image_size)
        self._model, self._normalisation, self._prompting = model, normalisation, prompting or Prompting()
        self._embedded: OrderedDict[bytes, Any] = OrderedDict()

    def facts(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "side": self.side,
            "sha256": self._weights_sha256,
            "normalisation": asdict(self._normalisation),
            "prompting": asdict(self._prompting),
        }

    @cached_property
    def _weights_sha256(self) -> str:
        return sha256_of_weights(self._model)

    def __call__(self, view: View, coarse: Sequence[CoarseMask]) -> list[Masks]:
        embedding = self._embedding(view)
        prompts = [prompt_of(instance, view, self._prompting) for instance in coarse]
        chosen: dict[int, Masks] = {}
        for group in _group_alike(prompts):
            logits, ious = self._decode(embedding, [prompts[index] for index in group], view)
            for index, own, own_ious in zip(group, logits, ious, strict=True):
                chosen[index] = self._choose(coarse[index], view, own, own_ious)
        return [chosen[index] for index in range(len(coarse))]

    @torch.inference_mode()
    def _embedding(self, view: View) -> Any:
        key = hashlib.sha256(view.pixels.tobytes()).digest()
        if key not in self._embedded:
            pixels = torch.from_numpy(view.pixels[:3])[None]
            fitted = F.interpolate(pixels, (self.side, self.side), mode="bilinear", antialias=True)
            normal = normalise(fitted, self._normalisation.mean, self._normalisation.std)
            self._embedded[key] = self._model.get_image_embeddings(normal.to(self._model.device))
        self._embedded.move_to_end(key)
        while len(self._embedded) > _CACHED:
            self._embedded.popitem(last=False)
        return self._embedded[key]

    @torch.inference_mode()
    def _decode(
        self, embedding: Any, prompts: Sequence[Prompt], view: View
    ) -> tuple[Float[Tensor, "prompt mask low_rows low_cols"], Float[Tensor, "prompt mask"]]:
        """Logits and predicted IoU of the masks, for prompts with equal numbers of points."""
        rows, cols = view.valid.shape
        # The centre of the first pixel is (0, 0) for SAM and (0.5, 0.5) for us.
        scale = torch.tensor([self.side / cols, self.side / rows])
        device = self._model.device
        points = torch.stack([torch.from_numpy(prompt.points) for prompt in prompts]).float() * scale - 0.5
        labels = torch.stack([torch.from_numpy(prompt.labels) for prompt in prompts])
        boxes = [torch.from_numpy(prompt.box) for prompt in prompts if prompt.box is not None]
        inputs: dict[str, Tensor] = {"input_points": points[None].to(device), "input_labels": labels[None].to(device)}
        if boxes:
            inputs["input_boxes"] = (torch.stack(boxes).float() * scale.repeat(2) - 0.5)[None].to(device)
        output = self._model(image_embeddings=embedding, multimask_output=True, **inputs)
        return output.pred_masks[0].float().cpu(), output.iou_scores[0].float().cpu()

    def _choose(self, coarse: CoarseMask, view: View, logits: Tensor, ious: Tensor) -> Masks:
        large = F.interpolate(logits[None], list(view.valid.shape), mode="bilinear", align_corners=False)[0]
        masks = [(own > 0).numpy() & view.valid for own in large]
        scores = scores_around(coarse, view)
        agreements = [agreement(mask, scores) for mask in masks]
        best = max(range(len(masks)), key=lambda index: agreements[index] * float(ious[index].clamp_min(0)))
        return () if agreements[best] < _LEAST_AGREEMENT else (masks[best],)


def agreement(mask: Bool[np.ndarray, "rows cols"], scores: Float[np.ndarray, "rows cols"]) -> float:
    """Soft IoU of a mask with scores 0..1."""
    shared = float(scores[mask].sum(dtype=np.float64))
    return shared / max(float(mask.sum()) + float(scores.sum(dtype=np.float64)) - shared, 1e-9)


def _group_alike(prompts: Sequence[Prompt]) -> Iterator[tuple[int, ...]]:
    """Indexes of prompts with equal numbers of points: padding would let other prompts change a prompt's masks."""
    groups: dict[tuple[int, bool], list[int]] = {}
    for index, prompt in enumerate(prompts):
        groups.setdefault((len(prompt.points), prompt.box is not None), []).append(index)
    for indexes in groups.values():
        for first in range(0, len(indexes), _AT_ONCE):
            yield tuple(indexes[first : first + _AT_ONCE])


def prompt_of(coarse: CoarseMask, view: View, prompting: Prompting) -> Prompt:
    """The prompt for a coarse mask; a box that a person drew is always part of it."""
    on = _best(np.where(coarse.mask, coarse.scores, -1), view, prompting.points)
    beside = np.empty((0, 2))
    if prompting.negatives:
        distance = ndimage.distance_transform_edt(~coarse.mask)
        ring = (distance > view.patch / 2) & (distance <= _RING * view.patch) & view.valid
        beside = _best(np.where(ring, 1 - coarse.scores, -1), view, prompting.negatives)
    labels = np.repeat([1, 0], [len(on), len(beside)])
    box = _box(coarse, view) if prompting.box or coarse.drawn else None
    return Prompt(np.concatenate([on, beside]), labels, box)


def scores_around(coarse: CoarseMask, view: View) -> Float[np.ndarray, "rows cols"]:
    """Scores on a mask and up to a patch around it, 0 elsewhere; for a box that a person drew, the box itself."""
    if coarse.drawn:
        return coarse.mask.astype(np.float32)
    box = coarse.around(view.patch)
    near = ndimage.distance_transform_edt(~coarse.mask[box]) <= view.patch
    scores = np.zeros_like(coarse.scores)
    scores[box] = np.where(near, coarse.scores[box], 0)
    return scores


def _best(values: Float[np.ndarray, "rows cols"], view: View, count: int) -> Float[np.ndarray, "point 2"]:
    """x, y of the patch centres with the highest values >= 0; if no centre has such a value, of the highest pixel."""
    rows, cols = (
        np.arange(-start % view.patch + view.patch // 2, start + size, view.patch)
        for start, size in zip(view.window[:2], values.shape, strict=True)
    )
    rows, cols = rows[rows < values.shape[0]], cols[cols < values.shape[1]]
    centres = values[np.ix_(rows, cols)]
    order = np.argsort(-centres, axis=None, kind="stable")[:count]
    order = order[centres.ravel()[order] >= 0]
    if not len(order):
        row, col = np.unravel_index(values.argmax(), values.shape)
        return np.array([[col + 0.5, row + 0.5]]) if values[row, col] >= 0 else np.empty((0, 2))
    down, across = np.unravel_index(order, centres.shape)
    return np.column_stack([cols[across], rows[down]]).astype(np.float64) + (0 if view.patch % 2 == 0 else 0.5)


def _box(coarse: CoarseMask, view: View) -> Float[np.ndarray, " edge"]:
    room = 0.0 if coarse.drawn else view.patch / 2  # a coarse mask may be too small by half a patch
    (top, bottom), (left, right) = ((float(axis.min()), float(axis.max()) + 1) for axis in np.nonzero(coarse.mask))
    height, width = coarse.mask.shape
    return np.array([max(0, left - room), max(0, top - room), min(width, right + room), min(height, bottom + room)])
