"""The planner without a network: a grammar over the question forms of remote-sensing VQA.

What it cannot read it says so, and names the nearest form that it can; it never guesses (decision 9).
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from geoglot.errors import AnswerError
from geoglot.tasks.ask import forms_change, forms_every, forms_measure, forms_place, forms_presence  # noqa: F401  they register
from geoglot.tasks.ask.forms import Form, forms
from geoglot.tasks.ask.plan import Plan, Trial
from geoglot.tasks.ask.question_text import plain

_LONGEST = 300


class Rules:
    """Questions to programs, by form."""

    name = "rules"

    def plan(self, question: str, trial: Trial | None = None) -> Plan:
        """The program of a question; AnswerError says why there is none and what could be asked."""
        if len(question) > _LONGEST:
            raise AnswerError(f"a question has at most {_LONGEST} characters")
        text = plain(question)
        for one in forms():
            program = one.read(text)
            if program is not None:
                return Plan(program, one.kind)
        near = nearest_form(text)
        raise AnswerError(
            f'I cannot read this question without guessing. The nearest form that I know: "{near.example}" '
            "A language model can read others: --planner llm"
        )


def nearest_form(text: str) -> Form:
    """The form whose example is most like a question."""
    words = re.findall(r"\w+", text)

    def likeness(one: Form) -> float:
        return SequenceMatcher(None, words, re.findall(r"\w+", plain(one.example))).ratio()

    return max(forms(), key=likeness)
