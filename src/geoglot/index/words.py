"""The vector of words for the chips of an archive."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float

from geoglot.aliases import PathLike
from geoglot.index.archive import Archive
from geoglot.index.teach import owner_of, reader_of
from geoglot.models.base import VisionLanguageModel
from geoglot.scene.class_words import parse_words, text_vectors
from geoglot.scene.concepts import Owner, concept_vectors, is_concept


def word_vector(
    archive: Archive, words: str, *, model: PathLike | None = None, device: str | None = None
) -> Float[np.ndarray, " dim"]:
    """The unit vector of words with commas, any of which may be meant.

    Concepts need no model, so they are the words for archives of vectors that others made.
    """
    parts = parse_words(words)
    reader = None if all(map(is_concept, parts)) else reader_of(archive.model, model, device)
    return embed_words(parts, owner_of(archive.model), reader)


@torch.inference_mode()
def embed_words(parts: Sequence[str], owner: Owner, reader: VisionLanguageModel | None) -> Float[np.ndarray, " dim"]:
    """The unit vector of words, any of which may be meant; without a reader all must be concepts."""
    vectors = concept_vectors(parts, owner) if reader is None else text_vectors(reader, parts).float().cpu()
    unit: np.ndarray = F.normalize(vectors.mean(0), dim=0).numpy()
    return unit
