"""Words near to a word, or a phrase, that no list of known ones has, since it may be misspelt."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache, lru_cache
from itertools import islice

from tokenizers import Tokenizer

from geoglot.models.tokenizer import encode
from geoglot.models.word_sense import list_words
from geoglot.scene.extents import known_extents

_CLOSE = 0.8  # difflib's ratio: two letters in ten may differ
_VERY_CLOSE = 0.9  # of a phrase whose words the tokenizer knows, such as "swimming pol"
_ENDINGS = ("", "s", "es")  # a plural is no mistake
_TRIED = 200  # words, each of which takes some milliseconds: species in Latin may be thousands


def near_words(tokenizer: Tokenizer, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Words and phrases that may be misspelt, with what they are near to; of many, the first few hundred are tried."""
    unlisted = [word for word in words if word.isascii() and word.lower() not in _phrases()]
    parts = list(dict.fromkeys(part for word in unlisted for part in _parts(word)))
    encoded = encode(tokenizer, parts, "the model's tokenizer", special=False) if parts else []
    unknown = {part for part in parts if part not in _single_words()}
    split = {part for part, read in zip(parts, encoded, strict=True) if len(read.tokens) > 1 and part in unknown}
    odd = {word: tuple(part for part in _parts(word) if part in split) for word in unlisted}
    tried = (word for word in unlisted if odd[word] or (" " in word and unknown.intersection(_parts(word))))
    for word in islice(tried, _TRIED):
        if near := _near(word.lower(), odd[word]):
            yield word, near


def _parts(phrase: str) -> list[str]:
    return re.findall(r"[a-z]+", phrase.lower())


@lru_cache(maxsize=10_000)
def _near(word: str, odd: tuple[str, ...]) -> str | None:
    """The nearest known phrase, or the word with its odd parts replaced by the nearest known words."""
    near = _nearest(word, _phrases(), _CLOSE if odd else _VERY_CLOSE)
    if near is None:
        near = word
        for part in odd:
            near = near.replace(part, _nearest(part, _single_words(), _CLOSE) or part)
    return None if any({word, near} == {one, one + ending} for one in (word, near) for ending in _ENDINGS) else near


def _nearest(text: str, others: dict[str, None], close: float) -> str | None:
    return next(iter(get_close_matches(text, others, 1, close)), None)


@cache
def _phrases() -> dict[str, None]:
    """Names of things that are seen from above, in order."""
    return dict.fromkeys(sorted({*list_words("seen"), *known_extents()}))


@cache
def _single_words() -> dict[str, None]:
    return dict.fromkeys(sorted({part for phrase in _phrases() for part in _parts(phrase)}))
