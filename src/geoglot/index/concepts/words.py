"""The vector of words for the chips of an archive."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float

from geoglot.models.base import VisionLanguageModel
from geoglot.scene.concept_names import Owner
from geoglot.scene.concepts import concept_vectors
from geoglot.scene.text_vectors import text_vectors


@torch.inference_mode()
def embed_words(parts: Sequence[str], owner: Owner, reader: VisionLanguageModel | None) -> Float[np.ndarray, " dim"]:
    """The unit vector of words, any of which may be meant; without a reader all must be concepts."""
    vectors = concept_vectors(parts, owner) if reader is None else text_vectors(reader, parts).float().cpu()
    unit: np.ndarray = F.normalize(vectors.mean(0), dim=0).numpy()
    return unit
