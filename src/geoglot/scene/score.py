"""What turns pixels into class scores: a model and words, or any other dense model."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.models.base import VisionLanguageModel
from geoglot.scene.class_words import ClassWords, text_vectors
from geoglot.scene.windows import WindowPlan, plan_windows


@runtime_checkable
class Scorer(Protocol):
    """Dense scores of windows; `segment` streams any of these over a raster."""

    name: str
    """Of the model, for the manifest."""
    sha256: str
    """Of its weights, so that a run is resumed only with the same ones."""
    ids: tuple[int, ...]
    """Class id of each channel, every class once; 0 for channels that mean none of the classes."""
    patch_size: int
    resolution: tuple[float, float]
    bands: int
    """How many it sees: red, green, blue, and for some more."""

    def plan(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        """The windows of a scene of `shape` pixels; `tile` and `overlap` are a user's, in pixels."""
        ...

    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        """Logits of pixels of brightness 0..1; a softmax over channels gives probabilities."""
        ...


class WordScorer:
    """Scores patches by the words of each class: a channel a class, then a channel for the background words."""

    def __init__(
        self,
        model: VisionLanguageModel,
        classes: tuple[ClassWords, ...],
        background: tuple[str, ...],
        templates: tuple[str, ...],
    ) -> None:
        card = model.card
        self.name, self.sha256 = card.name, card.sha256
        self.patch_size, self.resolution = card.patch_size, card.resolution
        self.bands = model.bands
        groups = [entry.words for entry in classes] + ([background] if background else [])
        self.ids = (*range(1, len(classes) + 1), *((0,) if background else ()))
        self._model, self._scale = model, card.logit_scale
        edges = [0, *accumulate(len(group) for group in groups)]
        self._words = [slice(first, end) for first, end in pairwise(edges)]
        self.texts = text_vectors(model, [word for group in groups for word in group], templates)

    def plan(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        """Twice the trained size and three patches of overlap, unless given."""
        return plan_windows(shape, self._model.card.tile_size, self.patch_size, tile, overlap)

    @torch.inference_mode()
    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        """Scaled cosine of each patch with the nearest word of each class."""
        patches = self._model.encode_patches(pixels.to(self.texts.device))
        cosines = torch.einsum("tdrc,wd->twrc", patches, self.texts)
        best = [cosines[:, words].amax(1) for words in self._words]
        return (self._scale * torch.stack(best, dim=1)).float().cpu()
