"""Names of a model's own classes that the grammar would read as others: "woods" as forest, "red roof" as roofs in red.

In a question each stands as one made-up noun, and in the program under its own name.
"""

import re
from collections.abc import Sequence

from geoglot.nouns import plural, singular
from geoglot.tasks.ask.grammar.normalise import plain
from geoglot.tasks.ask.grammar.noun import NotUnderstood
from geoglot.tasks.ask.grammar.noun_phrase import thing

_SAFE = re.compile(r"[^'\"{}\\#\n]+")  # what a text of a program may hold


class OwnNames:
    """Replaces names by nouns that mean nothing else, and these by the names again."""

    def __init__(self, names: Sequence[str]) -> None:
        odd = [name for name in names if _SAFE.fullmatch(name) and not _is_read_as_itself(name)]
        self._names, self._nouns = dict[str, str](), dict[str, str]()
        for index, name in enumerate(odd):
            one, noun = _one(plain(name)), f"zo{chr(97 + index // 26)}{chr(97 + index % 26)}k"
            self._nouns |= {plural(one): plural(noun), one: noun}
            self._names |= {plural(noun): plural(name), noun: name}

    def hide(self, text: str) -> str:
        """A question in plain form without these names; of names in names the longest counts."""
        return _replaced(text, self._nouns)

    def show(self, text: str) -> str:
        """A program or a message with the names."""
        return _replaced(text, self._names)


def _is_read_as_itself(name: str) -> bool:
    """Whether the grammar reads a name as the name of one thing, and as no other."""
    text = plain(name)
    try:
        read = thing(text)
    except NotUnderstood:
        return False
    return read.bare and read.names == (_one(text),)


def _one(name: str) -> str:
    """A name in the singular."""
    head, _, last = name.rpartition(" ")
    return f"{head} {singular(last)}".strip()


def _replaced(text: str, others: dict[str, str]) -> str:
    if not others:
        return text
    longest = sorted(others, key=len, reverse=True)
    return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)", lambda match: others[match[0]], text)
