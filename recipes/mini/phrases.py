"""Texts to learn words from: the thesaurus in templates, captions in other words; and the words kept for testing.

Training must never read a word of OTHER_WORDS or a template of OTHER_TEMPLATES from here; `read` refuses a thesaurus
that has one. (Captions are what people wrote, and some of them do say "woods".)
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

THESAURUS = Path(__file__).with_name("thesaurus.toml")
OTHER_TEMPLATES = (
    "{} from above", "a picture of {}", "orthophoto showing {}", "drone footage of {}", "this is {}",
    "{} seen from space", "a high resolution image of {}", "an overhead view of the {}",
    "where is the {}?",
)  # fmt: skip
#: Words that the thesaurus gives to no class; some captions have some of them.
OTHER_WORDS = {
    "airport": "aerodrome", "beach": "seaside", "bridge": "footbridge", "church": "chapel", "denseresidential": "slum",
    "farmland": "arable land", "forest": "woods", "industrial": "manufacturing plant", "meadow": "pasture",
    "mediumresidential": "housing estate", "mountain": "mountain range", "park": "public garden",
    "parking": "lorry park", "playground": "running track", "port": "harbour", "railwaystation": "rail terminal",
    "river": "waterway", "school": "campus", "sparseresidential": "country house", "storagetanks": "fuel depot",
    "viaduct": "flyover",
}  # fmt: skip


@dataclass(frozen=True)
class Thesaurus:
    """The contents of thesaurus.toml."""

    classes: dict[str, list[str]]
    things: dict[str, list[str]]
    names: list[str]
    """Templates around a word."""
    sentences: list[str]
    """Templates around a caption."""
    beside: list[str]
    manners: list[str]

    def words(self) -> list[str]:
        """Every word and phrase, without templates."""
        groups = (*self.classes.values(), *self.things.values(), self.beside)
        return sorted({word for group in groups for word in group})

    def named(self, word: str, rng: np.random.Generator) -> str:
        """A word in a random template."""
        return self.names[int(rng.integers(len(self.names)))].replace("{}", word)

    def reworded(self, caption: str, rng: np.random.Generator, share: float = 0.3, lost: float = 0.1) -> str:
        """A caption with some nouns replaced by other names and some words dropped, in a random template."""
        words = []
        for word in caption.split():
            others = self.things.get(word)
            if others and rng.random() < share:
                words.append(others[int(rng.integers(len(others)))])
            elif rng.random() >= lost:
                words.append(word)
        return self.sentences[int(rng.integers(len(self.sentences)))].replace("{}", " ".join(words))


def read(path: Path = THESAURUS) -> Thesaurus:
    """The thesaurus; ValueError if it has a word or a template that is kept for testing."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    thesaurus = Thesaurus(
        table["classes"], table["things"], table["templates"]["names"], table["templates"]["captions"],
        table["beside"]["words"], table["beside"]["manners"],
    )  # fmt: skip
    spoilt = sorted({*held_words(thesaurus.words()), *({*thesaurus.names, *thesaurus.sentences} & {*OTHER_TEMPLATES})})
    if spoilt:
        raise ValueError(f"kept aside for testing, but in {path.name}: {', '.join(spoilt)}")
    return thesaurus


def held_words(phrases: Iterable[str]) -> list[str]:
    """The phrases that hold a word of OTHER_WORDS, singular or plural."""
    held = kept_aside(OTHER_WORDS.values())
    return [phrase for phrase in phrases if held.search(phrase)]


def untested(words: Iterable[str]) -> list[str]:
    """The words that are no part of OTHER_WORDS, singular or plural."""
    held = kept_aside(part for phrase in OTHER_WORDS.values() for part in phrase.split())
    return [word for word in words if not held.search(word)]


def kept_aside(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds any of these phrases, and a lorry alone."""
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))}|lorry|lorries)(?:e?s)?\b")


def language_sample(thesaurus: Thesaurus, captions: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """Phrases for the text tower alone: words in manners and templates, and captions."""
    rng = np.random.default_rng(seed)
    words = thesaurus.words()
    phrases = set(words)
    while len(phrases) < count:
        word = words[int(rng.integers(len(words)))]
        if rng.random() < 0.4:
            word = thesaurus.manners[int(rng.integers(len(thesaurus.manners)))].replace("{}", word)
        phrases.add(thesaurus.named(word, rng) if rng.random() < 0.5 else word)
    chosen = rng.choice(len(captions), min(len(captions), count // 4), replace=False)
    return [*sorted(phrases), *(captions[int(index)] for index in chosen)]


def whole_words(tokenizer: Tokenizer) -> list[str]:
    """The words of the vocabulary by number, without those kept for testing."""
    vocabulary = tokenizer.get_vocab()
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    return untested(word for word in words if word.isascii() and word.isalpha())
