"""Whether an image as a whole shows a class at all."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from geoglot.models.base import VisionLanguageModel
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import WordDense
from geoglot.scene.name_presence import ABSENT
from geoglot.scene.question import TextQuestion


class ImagePresence:
    """Compares the vectors of images with the words of a class and with general words of another meaning.

    Levels are for patches, so they do not count here; doubts about absurd words do.
    """

    def __init__(self, model: VisionLanguageModel, classes: Sequence[ClassWords], templates: tuple[str, ...]) -> None:
        self._dense, self._classes, self._templates = WordDense(model), classes, templates
        self._questions: dict[int, TextQuestion] = {}

    def shows(self, vector: Float[np.ndarray, " dim"], index: int) -> bool | None:
        """Whether an image shows class `index`; None if the model is not calibrated."""
        if self._dense.model.sense is None:
            return None
        if index not in self._questions:
            asked = self._dense.question((self._classes[index],), None, self._templates)
            self._questions[index] = replace(asked, levels=None)
        return bool(self._questions[index].scores(vector[:, None, None], 0)[0, 0] >= ABSENT)


def nothing_notes(present: Sequence[bool | None]) -> tuple[str, ...]:
    """A note on images that show none of the classes."""
    if not (count := present.count(False)):
        return ()
    which = "the image shows" if len(present) == 1 else f"{count:,} of {len(present):,} images or windows show"
    return (f"{which} none of the classes: nothing there looks more like one of them than like anything else",)
