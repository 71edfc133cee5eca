"""The notation that forms and modifiers are written in.

    how many A [are|is there] [in unit=UNIT]

A word stands for itself; `a|b` is a choice of words, `(x y | z)` a choice of phrases; `[x]` may be missing; `(x)*`
comes any number of times; `name=` keeps what the next part matches. A, B and C are noun phrases. Other words in
capitals are the expressions below, or the words at the top of `questions.txt`.
"""

import re
from functools import cache
from pathlib import Path

from geoglot.tasks.ask.grammar.lexicon import AREAS, COLOURS, LENGTHS
from geoglot.tasks.ask.grammar.parts import PART

QUESTIONS = Path(__file__).with_name("questions.txt").read_text("utf-8")
#: Words that some pattern reads
KNOWN: set[str] = set()
_NUMBER = r"\d+(?:\.\d+)?"
_ANY = r"(?:\S+ )+?"
_UNIT, _LENGTH = "|".join(AREAS), "|".join(LENGTHS)
#: Regular expressions; in the text that they read, a space follows every word
_EXPRESSIONS = {
    "A": rf"(?P<a>{_ANY})",
    "B": rf"(?P<b>{_ANY})",
    "C": rf"(?P<c>{_ANY})",
    "FIRST": rf"(?P<first>{_ANY})",
    "ANY": _ANY,
    "LIST": rf"(?P<many>{_ANY}or {_ANY})",
    "REST": rf"(?P<rest>(?:in|on|at|within|near|beside|along|next to|close to) (?!@){_ANY})",
    "N": r"\d+ ",
    "UNIT": rf"(?:{_UNIT}) ",
    "LENGTH": rf"(?:{_LENGTH}) ",
    "SIZE": rf"(?P<much>{_NUMBER})(?P<unit>{_UNIT}) ",
    "DISTANCE": rf"(?P<far>{_NUMBER})(?P<length>{_LENGTH}) ",
    "METRES": rf"{_NUMBER}(?:{_LENGTH}) ",
    "FRACTION": rf"(?:{_NUMBER}%|half|third|quarter|0\.5) ",
    "FROM": rf"(?P<least>{_NUMBER})(?P<unit1>{_UNIT})? ",
    "RANGE": r"(?P<least>\d+)(?: to |-)(?P<most>\d+) ",
    "COLOUR": rf"(?P<colour>{'|'.join(COLOURS)}) ",
    "PART": f"{PART} ",
    "NOT_OF": r"(?!of (?!@))",
    "END": r"$",
}
_WORDS = dict(re.findall(r"^([A-Z_]+) = (.+(?:\n    .+)*)", QUESTIONS, re.MULTILINE))
_TOKEN = re.compile(r"\w+=|[\[\]()]\*?|[^\s\[\]()]+")


class Groups(dict[str, str]):
    """What the names of a pattern kept; "" for what is missing."""

    def __missing__(self, key: str) -> str:
        return ""


def expression(pattern: str) -> str:
    """The regular expression of a pattern."""
    made, name, closing = [], "", []
    for token in _TOKEN.findall(pattern):
        if token.endswith("=") and token[:-1].isidentifier():
            name = token[:-1]
            continue
        opened = f"(?P<{name}>" if name else "(?:"
        if token in "[(":
            made.append(f"{opened}(?:" if name else opened)
            closing.append((")?" if token == "[" else ")") + (")" if name else ""))
        elif token[0] in ")]":
            made.append(closing.pop().replace(")", ")*" if token.endswith("*") else ")", 1))
        else:
            made.append("|" if token == "|" else f"{opened}{_words(token)})")
        name = ""
    return "".join(made)


@cache
def _words(token: str) -> str:
    if token in _EXPRESSIONS:
        return _EXPRESSIONS[token]
    if token in _WORDS:
        return expression(_WORDS[token])
    if "|" in token:
        return "|".join(map(_words, token.split("|")))
    KNOWN.add(token)
    return re.escape(token) + " "


def kept(match: re.Match[str]) -> Groups:
    """The words of a match by name."""
    return Groups({name: text.strip() for name, text in match.groupdict().items() if text})


_EXPRESSIONS["OTHER"] = rf"(?P<other>{_ANY})(?={expression('BEGINS')}|$)"
