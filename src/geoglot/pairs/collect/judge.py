"""Judge photos with a CLIP: were they taken indoors, do they show people and nothing else, are they text?

The paper leaves out indoor photos with a classifier trained on SUN397 that was not released; here any CLIP does it, or
a classifier that the user has (`classifier.py`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float

from geoglot.errors import InputError
from geoglot.models.base import VisionLanguageModel
from geoglot.pairs.collect.classifier import PhotoClassifier
from geoglot.pairs.collect.collect_recipe import FiltersRecipe, Judged
from geoglot.pairs.embed_photos import photo_vectors
from geoglot.scene.embed import zero_shot

_LOGIT_SCALE = 100.0  # of CLIP's training
#: Prompts of photos to leave out, and of photos that stay
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


@runtime_checkable
class PhotoJudge(Protocol):
    """What tells kinds of photos that a collection leaves out."""

    @property
    def without(self) -> tuple[Judged, ...]:
        """The kinds that it tells."""
        ...

    @property
    def identity(self) -> str:
        """Everything that decides the probabilities."""
        ...

    def probabilities(self, pictures: Mapping[str, bytes]) -> Float[np.ndarray, "photo judged"]:
        """Probability that a photo is of each kind."""
        ...


def open_judges(rules: FiltersRecipe, folder: Path) -> list[PhotoJudge]:
    """The judges that a recipe in a folder names: a classifier for indoor photos, a CLIP for what is left."""
    from geoglot.models.stored import resolve_model
    from geoglot.models.zoo import load_word_model

    judges, left = list[PhotoJudge](), list(rules.without)
    if rules.classifier and rules.indoor and "indoor" in left:
        judges.append(PhotoClassifier(rules.classifier, rules.indoor))
        left.remove("indoor")
    if rules.judge and left:
        judges.append(Judge(load_word_model(resolve_model(rules.judge, folder)), left))
    if rules.judge is None and left:
        raise InputError(f"filters.without names {', '.join(left)}, which only a judge tells: set filters.judge")
    return judges


class Judge:
    """A CLIP and the kinds of photos that it recognises."""

    def __init__(self, model: VisionLanguageModel, without: Sequence[Judged]) -> None:
        self.model, self.without = model, tuple(without)
        with torch.inference_mode():
            self._texts = [
                tuple(model.encode_text(list(words)).cpu().numpy() for words in PROMPTS[name]) for name in self.without
            ]

    @property
    def identity(self) -> str:
        """Weights and words, which decide the probabilities."""
        return f"{self.model.card.sha256} {[(name, PROMPTS[name]) for name in self.without]}"

    def probabilities(self, pictures: Mapping[str, bytes]) -> Float[np.ndarray, "photo judged"]:
        """Probability that a photo is of each kind, by a softmax over all prompts of the kind."""
        vectors = photo_vectors(self.model, pictures).astype(np.float32)
        each = [
            zero_shot(vectors, np.concatenate([out, stay]), _LOGIT_SCALE)[:, : len(out)].sum(axis=1)
            for out, stay in self._texts
        ]
        return np.stack(each, axis=1)
