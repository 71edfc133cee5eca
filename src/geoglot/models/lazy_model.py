"""A model that is known by its files, and loaded when it first has to compute."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from geoglot.aliases import PathLike
from geoglot.hashing import sha256_of
from geoglot.models.card import CALIBRATION, TOKENIZER, Card
from geoglot.models.stored import card_of, find_model
from geoglot.options import TEMPLATES
from geoglot.settings import load_settings
from geoglot.version import __version__

if TYPE_CHECKING:
    from geoglot.models.base import VisionLanguageModel


@dataclass(frozen=True)
class LazyModel:
    """A vision-language model that may not be loaded yet."""

    card: Card
    space: Card
    """The card of the model whose vectors compare with its own."""
    identity: str
    """Hash of all that decides what it says of words and pictures; empty if that is not known."""
    load: Callable[[], VisionLanguageModel]

    @cached_property
    def loaded(self) -> VisionLanguageModel:
        """The model, ready to use; errors as `load_word_model`."""
        return self.load()

    @classmethod
    def of(cls, model: LazyModel | VisionLanguageModel | PathLike, device: str | None = None) -> LazyModel:
        """Of a model that is loaded already, or of its name or folder. ModelError for a segmenter.

        A model with classes of its own is loaded at once, since its card does not tell what its base says.
        """
        if isinstance(model, LazyModel):
            return model
        if not isinstance(model, PathLike):
            return cls(model.card, model.space, "", lambda: model)

        def load() -> VisionLanguageModel:
            from geoglot.models.zoo import load_word_model  # imports torch, which takes longer than a whole search

            return load_word_model(model, device=device)

        folder = find_model(model)
        card = card_of(folder)
        if card.classes or not card.reads_words:
            return cls.of(load())
        return cls(card, card, _identify(card, folder, device), load)


def _identify(card: Card, folder: Path, device: str | None) -> str:
    """The weights are known by the hash on the card."""
    files = [sha256_of(path) if (path := folder / name).is_file() else "" for name in (TOKENIZER, CALIBRATION)]
    facts = [__version__, TEMPLATES, device or load_settings().device, asdict(card), files]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
