"""Whether an image as a whole shows a class at all."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.models.base import VisionLanguageModel
from geoglot.scene.class_words import ClassWords
from geoglot.scene.name_presence import doubts_of
from geoglot.scene.text_vectors import text_vectors

#: A class that an image shows fits it better than this share of the words that the model was calibrated with
_FITS_BETTER = 0.8
_DOUBTED = -2.0  # log-odds


class ImagePresence:
    """Compares the vectors of images with the words of a class, and with all words that the model was calibrated with.

    General words such as grass or building do not serve here: they name parts of most scenes.
    """

    def __init__(self, model: VisionLanguageModel, classes: Sequence[ClassWords]) -> None:
        self._model, self._classes = model, classes
        self._texts: dict[int, Float[Tensor, "_word dim"] | None] = {}

    def shows(self, vector: Float[np.ndarray, " dim"], index: int) -> bool | None:
        """Whether an image shows class `index`; None if the model is not calibrated."""
        if (sense := self._model.sense) is None:
            return None
        if index not in self._texts:
            self._texts[index] = self._embed(self._classes[index])
        own, image = self._texts[index], torch.from_numpy(vector)
        return own is not None and bool((sense.seen @ image < (own @ image).max()).float().mean() >= _FITS_BETTER)

    def _embed(self, entry: ClassWords) -> Float[Tensor, "_word dim"] | None:
        """Embeddings of the words of a class, computed once; None for a class that is doubted."""
        doubted = doubts_of(self._model, [entry])[0] < _DOUBTED
        return None if doubted else text_vectors(self._model, entry.words, ("{}",)).float().cpu()


def nothing_notes(present: Sequence[bool | None]) -> tuple[str, ...]:
    """A note on images that show none of the classes."""
    if not (count := present.count(False)):
        return ()
    which = "the image shows" if len(present) == 1 else f"{count:,} of {len(present):,} images or windows show"
    return (f"{which} none of the classes: nothing there looks more like one of them than like anything else",)
