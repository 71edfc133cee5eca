"""A planner that needs no language model: it reads a question with a grammar and never guesses (decisions 9 and 22)."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from geoglot.errors import AnswerError
from geoglot.nouns import singular
from geoglot.tasks.ask.grammar.forms import FORMS
from geoglot.tasks.ask.grammar.names import FUNCTION_WORDS, MEASURES, VERBS, correct_spelling, name_of
from geoglot.tasks.ask.grammar.normalise import plain
from geoglot.tasks.ask.grammar.noun import NotUnderstood
from geoglot.tasks.ask.grammar.own_names import OwnNames
from geoglot.tasks.ask.grammar.patterns import KNOWN
from geoglot.tasks.ask.grammar.queries import Query
from geoglot.tasks.ask.plan import Plan, Trial

_LONGEST = 300
_PLAIN = {"there", "what", "are", "is", "were"}
#: Words that a refusal may quote as not understood
_STRANGE = (FUNCTION_WORDS | VERBS | MEASURES) - _PLAIN


class Rules:
    """A planner that reads a question as the first form that fits it.

    `names` are those of a model's own classes, which mean these and nothing else.
    """

    name = "rules"

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._own = OwnNames(names)

    def plan(self, question: str, trial: Trial | None = None) -> Plan:
        """Return the program; AnswerError says which word is not understood, and what could be asked instead."""
        if len(question) > _LONGEST:
            raise AnswerError(f"a question must have at most {_LONGEST} characters, got {len(question)}")
        text = self._own.hide(plain(question))
        kind, query, unread = _read(text)
        if query is not None:
            program = query.program(question)
            return Plan(self._own.show(program), kind, notes=tuple(_corrections(text, program)))
        shortest = sorted(unread, key=lambda phrase: (len(phrase.split()), phrase in KNOWN))
        phrase = _find_culprit(text.split()) or next(iter(shortest), "")
        if phrase in _PLAIN:  # "there" of "how many sdfkjh are there"
            phrase = next(filter(_is_no_name, text.split()), phrase)
        why = (
            f'I do not understand "{self._own.show(phrase)}" in this question'
            if phrase
            else "I cannot read this question without guessing"
        )
        words = re.findall(r"\w+", text)
        nearest = max(
            FORMS, key=lambda form: SequenceMatcher(None, words, re.findall(r"\w+", plain(form.example))).ratio()
        )
        raise AnswerError(
            f'{why}. The nearest form that I know: "{nearest.example}" A language model can read others: --planner llm'
        )


def _read(text: str) -> tuple[str, Query | None, list[str]]:
    """The kind and the query of a plain question. If no form fits: no query, and the phrases that were not read."""
    unread = []
    for form in FORMS:
        try:
            query = form.read(text)
        except NotUnderstood as error:
            unread.append(str(error))
        else:
            if query is not None:
                return form.kind, query, []
    return "", None, unread


def _corrections(text: str, program: str) -> Iterator[str]:
    """A note on each word of a question that the program has in another spelling."""
    for word in dict.fromkeys(re.findall(r"[a-z]+", text)):
        right = correct_spelling(word)
        if right != word and singular(right) in program:
            yield f"{word!r} was read as {right!r}"


def _is_no_name(word: str) -> bool:
    """Whether a word that no form knows cannot be the name of a thing either."""
    try:
        return word not in KNOWN and not name_of([word])
    except NotUnderstood:
        return True


def _find_culprit(words: list[str]) -> str:
    """The word without which the question can be read, or else a word that no form knows; "" if there is none."""
    strange = [word for word in words if word in _STRANGE or word.endswith("most")]
    for word in strange:
        if _read(" ".join(other for other in words if other != word))[1] is not None:
            return word
    return next((word for word in strange if word not in KNOWN), "")
