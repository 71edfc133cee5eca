"""A trained segmenter as a scorer: its own classes, or those of them that are asked for, or others by their texts."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError, ModelError
from geoglot.models.segclip.class_vocabulary import with_texts
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segmenter import STRIDE, Segmenter
from geoglot.models.zoo import load_model
from geoglot.scene.class_words import ClassWords, fill
from geoglot.scene.windows import WindowPlan

_OVERLAP = 4  # a window shares a quarter of its side with the next


class SegmenterScorer:
    """Scores of a segmenter; `classes` in the order of the map, all that it has if None."""

    bands = 3
    patch_size = STRIDE

    def __init__(self, segmenter: Segmenter, classes: tuple[ClassWords, ...] | None = None) -> None:
        card = segmenter.card
        self.name, self.sha256, self.resolution = card.name, card.sha256, card.resolution
        self.names = tuple(one.name for one in classes) if classes else segmenter.classes
        self._segmenter, self._side = _edited(segmenter, classes or ()), card.tile_size
        self.ids = tuple(self.names.index(name) + 1 if name in self.names else 0 for name in self._segmenter.classes)

    def plan(self, shape: tuple[int, int], tile: int | None = None, overlap: int | None = None) -> WindowPlan:
        """Windows as large as those of training, since positions within a window are learned; a quarter is shared."""
        tile = tile or self._side
        return WindowPlan(shape, tile, tile // _OVERLAP // STRIDE * STRIDE if overlap is None else overlap, STRIDE)

    @torch.inference_mode()
    def __call__(self, pixels: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        """Logits of every fourth pixel."""
        device = next(self._segmenter.parameters()).device
        scores: Tensor = self._segmenter(pixels.to(device)).float().cpu()
        return scores


def _edited(segmenter: Segmenter, classes: tuple[ClassWords, ...]) -> Segmenter:
    """With other texts for classes whose words are not their name, and for classes that it does not know."""
    asked = {one.name: one.words for one in classes if one.name not in segmenter.classes or one.words != (one.name,)}
    if not asked:
        return segmenter
    if not isinstance(segmenter.network, SegClip):
        raise InputError(
            f"{segmenter.card.name} has the classes {', '.join(segmenter.classes)} and reads no other words"
        )
    network = with_texts(segmenter.network, _vectors(segmenter, asked))
    edited = Segmenter(segmenter.card, network)
    edited.classes = network.config.classes
    return edited


def _vectors(segmenter: Segmenter, asked: Mapping[str, tuple[str, ...]]) -> dict[str, Float[Tensor, " text_dim"]]:
    """By the text tower that the segmenter was trained with."""
    texts = segmenter.card.config["texts"]
    reader = load_model(texts["model"])
    if reader.card.sha256 != texts["sha256"]:
        raise ModelError(
            f"{segmenter.card.name} was trained with texts of another {texts['model']}; get that one to change words"
        )
    template = segmenter.card.config["network"]["prompts"]["template"]
    return {
        name: torch.nn.functional.normalize(
            reader.encode_text([t for w in words for t in fill([template], w)]).mean(0), dim=0
        )
        for name, words in asked.items()
    }
