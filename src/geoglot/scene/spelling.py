"""Words near to a word that a model reads in pieces only, since it may be misspelt."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache

from tokenizers import Tokenizer

from geoglot.models.tokenizer import encode
from geoglot.models.word_sense import list_words

_CLOSE = 0.8  # difflib's ratio: two letters in ten may differ
_ENDINGS = ("", "s", "es")  # a plural is no mistake


def near_words(tokenizer: Tokenizer, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each word, or phrase, that has a part the tokenizer splits and that is near to a known one, and that one."""
    unlisted = [word for word in words if word.isascii() and word.lower() not in _phrases()]
    parts = list(dict.fromkeys(part for word in unlisted for part in re.findall(r"[a-z]+", word.lower())))
    encoded = encode(tokenizer, parts, "the model's tokenizer", special=False) if parts else []
    split = {part for part, read in zip(parts, encoded, strict=True) if len(read.tokens) > 1} - _single_words()
    for word in unlisted:
        odd = [part for part in re.findall(r"[a-z]+", word.lower()) if part in split]
        if odd and (near := _near(word.lower(), odd)):
            yield word, near


def _near(word: str, odd: Sequence[str]) -> str | None:
    """The nearest known phrase, or the word with its odd parts replaced by the nearest known words."""
    near = _nearest(word, _phrases())
    if near is None:
        near = word
        for part in odd:
            near = near.replace(part, _nearest(part, _single_words()) or part)
    return None if any({word, near} == {one, one + ending} for one in (word, near) for ending in _ENDINGS) else near


def _nearest(text: str, others: frozenset[str]) -> str | None:
    return next(iter(get_close_matches(text, sorted(others), 1, _CLOSE)), None)


@cache
def _phrases() -> frozenset[str]:
    return frozenset(list_words("seen"))


@cache
def _single_words() -> frozenset[str]:
    return frozenset(part for phrase in _phrases() for part in re.findall(r"[a-z]+", phrase))
