"""Sentences on names that a model takes for something else than what a person means: numbers, signs, negations."""

import re
from collections.abc import Iterator, Sequence

from geoglot.figures import format_some
from geoglot.scene.class_words import ClassWords

_SHOWN = 40  # characters of a word that a message repeats


def quote(text: str) -> str:
    """Quote a word for a message; a long one is cut."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()}...")


def quote_all(words: Sequence[str]) -> str:
    """Quote words for a message that lists them."""
    return format_some(list(map(quote, words)))


def odd_name_notes(classes: Sequence[ClassWords]) -> Iterator[str]:
    """A note on numbers in place of names, one on signs without a letter, and one on negations."""
    words = list(dict.fromkeys(word for entry in classes for word in entry.words))
    if numbers := [word for word in words if re.fullmatch(r"[\d\W_]*\d[\d\W_]*", word)]:
        yield f"{quote_all(numbers)}: a number says nothing of what a class shows; write it in words"
    if signs := [word for word in words if not re.search(r"[^\W_]", word)]:
        yield f"{quote_all(signs)}: signs say nothing of what a class shows; write it in words"
    if negated := [word for word in words if re.match(r"(?:no|not|non|without)[ -]", word.lower())]:
        yield f"{quote_all(negated)}: a model does not read no, not and without; ask for what is there instead"
