"""Give the classes of a segmenter other words, and new classes, by the text tower that it was trained with."""

from collections.abc import Mapping

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import InputError, ModelError
from geoglot.figures import format_some
from geoglot.models.card import Card
from geoglot.models.segclip.class_vocabulary import with_texts
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segmenter import Segmenter
from geoglot.models.zoo import load_word_model
from geoglot.scene.class_words import ClassWords
from geoglot.scene.text_vectors import text_vectors


def with_words(segmenter: Segmenter, classes: tuple[ClassWords, ...]) -> Segmenter:
    """The segmenter with other texts for classes whose words are not their name, and for new classes."""
    own = {ClassWords(name, (name,)) for name in segmenter.classes}
    asked = {entry.name: entry.words for entry in classes if entry not in own}
    if not asked:
        return segmenter
    card, network = segmenter.card, segmenter.network
    if not isinstance(network, SegClip):
        raise InputError(f"{card.name} has the classes {format_some(segmenter.classes)} and reads no other words")
    network = with_texts(network, _embed_classes(card, asked))
    edited = Segmenter(card, network)
    edited.classes = network.config.classes
    return edited


def _embed_classes(card: Card, words: Mapping[str, tuple[str, ...]]) -> dict[str, Float[Tensor, " text_dim"]]:
    """Embeddings by the text tower that the segmenter was trained with."""
    texts, template = card.config["texts"], card.config["network"]["prompts"]["template"]
    reader = load_word_model(texts["model"])
    if reader.card.sha256 != texts["sha256"]:
        raise ModelError(
            f"{card.name} was trained with texts of another {texts['model']}; get that one to change words"
        )
    return {name: F.normalize(text_vectors(reader, own, (template,)).mean(0), dim=0) for name, own in words.items()}
