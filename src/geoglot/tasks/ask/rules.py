"""The planner that needs no network: it reads a question with a grammar and never guesses (decisions 9 and 22)."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from geoglot.errors import AnswerError
from geoglot.tasks.ask.grammar.form import Form
from geoglot.tasks.ask.grammar.forms_ground import MEASURES
from geoglot.tasks.ask.grammar.forms_scene import SCENE
from geoglot.tasks.ask.grammar.forms_things import CHANGES, COUNTS, QUANTIFIED
from geoglot.tasks.ask.grammar.normalise import plain
from geoglot.tasks.ask.grammar.noun import NotUnderstood
from geoglot.tasks.ask.plan import Plan, Trial

_LONGEST = 300
#: All forms. The first that reads a question has it, so what says more comes before what says less.
FORMS: tuple[Form, ...] = (*CHANGES, *QUANTIFIED, *MEASURES, *SCENE, *COUNTS)


class Rules:
    """Questions to programs, by form."""

    name = "rules"

    def plan(self, question: str, trial: Trial | None = None) -> Plan:
        """The program of a question; AnswerError says which word is not understood, and what could be asked."""
        if len(question) > _LONGEST:
            raise AnswerError(f"a question must have at most {_LONGEST} characters, got {len(question)}")
        text, unread = plain(question), []
        for form in FORMS:
            try:
                query = form.read(text)
            except NotUnderstood as error:
                unread.append(str(error))
                continue
            if query is not None:
                return Plan(query.program(), form.kind)
        raise AnswerError(_refusal(text, unread))


def _refusal(text: str, unread: list[str]) -> str:
    words = min(unread, key=lambda words: len(words.split()), default="")
    what = f'I do not understand "{words}" in this question' if words else "I cannot read this question without guessing"
    return (
        f'{what}. The nearest form that I know: "{nearest_form(text).example}" '
        "A language model can read others: --planner llm"
    )


def nearest_form(text: str) -> Form:
    """The form whose example is most like a question."""
    words = re.findall(r"\w+", text)
    return max(FORMS, key=lambda form: SequenceMatcher(None, words, re.findall(r"\w+", plain(form.example))).ratio())
