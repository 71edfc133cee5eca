"""Sentences on names that a model takes for something else than what a person means: numbers and negations."""

import re
from collections.abc import Iterator, Sequence

from geoglot.figures import format_some
from geoglot.scene.class_words import ClassWords

_SHOWN = 40  # characters of a word that a message repeats


def shown(text: str) -> str:
    """A word as messages repeat it: in quotes, and cut if it is long."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()}...")


def listed(words: Sequence[str]) -> str:
    """Words as messages list them."""
    return format_some(list(map(shown, words)))


def odd_name_notes(classes: Sequence[ClassWords]) -> Iterator[str]:
    """A note on numbers in place of names, and one on negations."""
    words = list(dict.fromkeys(word for entry in classes for word in entry.words))
    if numbers := [word for word in words if re.fullmatch(r"[\d\W_]*\d[\d\W_]*", word)]:
        yield f"{listed(numbers)}: a number says nothing of what a class shows; write it in words"
    if negated := [word for word in words if re.match(r"(?:no|not|non|without)[ -]", word.lower())]:
        yield f"{listed(negated)}: a model does not read no, not and without; ask for what is there instead"
