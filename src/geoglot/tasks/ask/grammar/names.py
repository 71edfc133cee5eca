"""Reads the name of a thing, and refuses words that are no name."""

import re
from pathlib import Path

from geoglot.nouns import SYNONYMS, plural, singular
from geoglot.tasks.ask.grammar.lexicon import COLOURS
from geoglot.tasks.ask.grammar.noun import NotUnderstood

_MOST_WORDS = 4
_NO_SUPERLATIVES = ("forest", "guest", "chest", "crest")
_TEXT = Path(__file__).with_name("words.txt").read_text("utf-8")
_LISTS = {name: frozenset(words.split()) for name, words in re.findall(r"^(\w+) = (.+(?:\n    .+)*)", _TEXT, re.M)}
FUNCTION_WORDS, VERBS, _OFTEN_ASKED = _LISTS["FUNCTION_WORDS"], _LISTS["VERBS"], _LISTS["OFTEN_ASKED"]
MEASURES, _NOUNS_IN_ING, _FIRST_IN_ING = _LISTS["MEASURES"], _LISTS["NOUNS_IN_ING"], _LISTS["FIRST_IN_ING"]


def name_of(words: list[str]) -> str:
    """One to four words as a name in the singular; NotUnderstood with the word that cannot be part of a name."""
    joined = " ".join(words)
    words = SYNONYMS.get(joined, joined).split()
    if not 1 <= len(words) <= _MOST_WORDS or not re.fullmatch(r"[a-z][a-z -]*[a-z]|[a-z]+", joined):
        raise NotUnderstood(joined)
    for word in words:
        superlative = word.endswith(("est", "most")) and not word.endswith(_NO_SUPERLATIVES)
        compound = word.endswith(("-sized", "-facing")) or (word.startswith("non-") and word != "non-flooded")
        if word in FUNCTION_WORDS or superlative or compound or (len(word) < 2 and singular(joined) != "t junction"):
            raise NotUnderstood(word)
    if words[0] in MEASURES and words[1:2] and singular(words[1]) not in _LISTS["AFTER_MEASURES"]:
        raise NotUnderstood(words[0])
    _check_order(words)
    words = [correct_spelling(word) for word in words]
    name = " ".join([*words[:-1], singular(words[-1])])
    return SYNONYMS.get(name, name).replace("-of-", " of ")


def _check_order(words: list[str]) -> None:
    """Raise NotUnderstood if the words are a sentence and no name: "ships docked", "bridges span river"."""
    last, joined = singular(words[-1]), " ".join(words)
    if last in _LISTS["CHANGES"]:
        raise NotUnderstood(last)
    no_name = last in COLOURS or last in _LISTS["GROUND"] or last == "built-up" or not re.search("[aeiouy]", last)
    if len(words) == 1 and no_name:
        raise NotUnderstood(last)
    if re.search(r"ed$" if len(words) == 1 else r"(?:ed|ing)$", last) and last not in _NOUNS_IN_ING:
        raise NotUnderstood(words[-1])
    for word in words[:-1]:
        if singular(word) != word and word not in _LISTS["PLURAL_FIRST"]:
            raise NotUnderstood(joined)
    for word in words[1:]:
        inner = word.endswith(("ing", "ed")) and word not in _NOUNS_IN_ING | _FIRST_IN_ING
        if word in VERBS or (inner and word != words[-1]):
            raise NotUnderstood(word)


def _misspelled() -> dict[str, str]:
    """Words with a letter missing after the first, two inner letters swapped, or a letter doubled: their spelling."""
    wrong: dict[str, str] = {}
    for word in _OFTEN_ASKED:
        for at in range(1, len(word)):
            wrong[word[:at] + word[at + 1 :]] = word
        for at in range(1, len(word) - 1):
            wrong[word[: at + 1] + word[at:]] = word
            wrong[word[:at] + word[at + 1] + word[at] + word[at + 2 :]] = word
    return {key: word for key, word in wrong.items() if key not in _OFTEN_ASKED and key != "bride"}


_MISSPELLED = _misspelled()


def correct_spelling(word: str) -> str:
    """A word in its right spelling: "buidlings" is "buildings"."""
    alone = singular(word)
    if word not in _MISSPELLED and alone in _MISSPELLED:
        return plural(_MISSPELLED[alone])
    return _MISSPELLED.get(word, word)
