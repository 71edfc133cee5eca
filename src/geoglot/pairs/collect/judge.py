"""What a CLIP thinks of photos: whether they were taken indoors, show people and nothing else, or are text.

The paper leaves out indoor photos by a classifier trained on SUN397, which was not released; here any CLIP does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float

from geoglot.models.base import VisionLanguageModel
from geoglot.pairs.collect.collect_recipe import Judged
from geoglot.pairs.embed import photo_vectors
from geoglot.scene.embed import zero_shot

_SCALE = 100.0  # CLIP's own, by which it was trained
#: What is left out, and what it is told apart from
PROMPTS: dict[Judged, tuple[Sequence[str], Sequence[str]]] = {
    "indoor": (
        (
            "a photo taken indoors",
            "a photo of a room",
            "a photo of the inside of a building",
            "a photo of food on a table",
        ),
        (
            "a photo taken outdoors",
            "a photo of a landscape",
            "a photo of a street",
            "a photo of a building from outside",
        ),
    ),
    "people": (
        ("a close-up portrait", "a selfie", "a photo of a face"),
        ("a photo of a landscape", "a photo of a street", "a photo of a building", "a photo of people far away"),
    ),
    "text": (
        ("a scanned page of text", "a screenshot", "a photo of a sign with text", "a poster"),
        ("a photo of a landscape", "a photo of a street", "a photo of a building", "a photo of nature"),
    ),
}


class Judge:
    """A CLIP and what it looks for."""

    def __init__(self, model: VisionLanguageModel, without: Sequence[Judged]) -> None:
        self.model, self.without = model, tuple(without)
        with torch.inference_mode():
            self._texts = [
                tuple(model.encode_text(list(words)).cpu().numpy() for words in PROMPTS[name]) for name in self.without
            ]

    @property
    def identity(self) -> str:
        """Weights, and words."""
        return f"{self.model.card.sha256} {[(name, PROMPTS[name]) for name in self.without]}"

    def probabilities(self, pictures: Mapping[str, bytes]) -> Float[np.ndarray, "photo judged"]:
        """Of each photo and each thing it could be left out for; a softmax over all prompts of the thing."""
        vectors = photo_vectors(self.model, pictures).astype(np.float32)
        each = [
            zero_shot(vectors, np.concatenate([out, stay]), _SCALE)[:, : len(out)].sum(axis=1)
            for out, stay in self._texts
        ]
        return np.stack(each, axis=1)
