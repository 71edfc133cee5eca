"""Embed words and classes."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import ClassesError
from geoglot.figures import format_some
from geoglot.models.base import VisionLanguageModel
from geoglot.options import TEMPLATES
from geoglot.scene.class_words import ClassWords, fill
from geoglot.scene.concepts import concept_of

#: More words than this are embedded together, and `segment` blends embeddings, not logits: then time and memory count
#: more than the last bit
MANY = 1000


def text_vectors(
    model: VisionLanguageModel, words: Sequence[str], templates: Sequence[str] = TEMPLATES
) -> Float[Tensor, "word dim"]:
    """Unit vectors of words, each the mean over the templates (CLIP's prompt ensembles, Radford 2021, 3.1.4).

    A word such as airstrip@mine names a concept, whose vector was taught by examples, as does a class of a taught
    model; ClassesError for a concept of another model.
    """
    wrong = [template for template in templates if "{}" not in template]
    if wrong or not templates:
        raise ClassesError(f"a template needs {{}} where the class name goes; {format_some(wrong) or 'none'} has none")
    taught = {index: concept for index, word in enumerate(words) if (concept := concept_of(model, word))}
    blocks = []
    for start in range(0, len(words), MANY):
        block = words[start : start + MANY]
        vectors = model.encode_text([text for word in block for text in fill(templates, word)])
        blocks.append(F.normalize(vectors.reshape(len(block), len(templates), -1).mean(1), dim=-1))
    vectors = torch.cat(blocks)
    if taught:
        concepts = torch.stack([concept.vector for concept in taught.values()]).to(vectors)
        vectors = vectors.index_copy(0, torch.tensor([*taught], device=vectors.device), concepts)
    return vectors


def class_vectors(
    model: VisionLanguageModel, classes: Sequence[ClassWords], templates: Sequence[str] = TEMPLATES
) -> Float[Tensor, "class dim"]:
    """Unit vectors of classes, each the mean over its words.

    Many words are embedded together, which is many times faster and may change the last bit of a vector.
    """
    words = [word for entry in classes for word in entry.words]
    if len(words) > MANY:
        groups = torch.split(text_vectors(model, words, templates), [len(entry.words) for entry in classes])
    else:
        groups = tuple(text_vectors(model, entry.words, templates) for entry in classes)
    return torch.stack([F.normalize(group.mean(0), dim=0) for group in groups])
