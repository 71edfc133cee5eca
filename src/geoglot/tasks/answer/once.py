"""A planner that plans each question once for many scenes: one call of a language model, the same program for all."""

from __future__ import annotations

from geoglot.errors import AnswerError
from geoglot.tasks.answer.plan import Plan, Planner, Trial


class Once:
    """Remembers what another planner planned, or why it could not."""

    def __init__(self, planner: Planner) -> None:
        self._planner, self.name = planner, planner.name
        self._known: dict[str, Plan | AnswerError] = {}

    def plan(self, question: str, trial: Trial) -> Plan:
        """The program of a question, tried only when it was new; AnswerError where there is none."""
        if question not in self._known:
            try:
                self._known[question] = self._planner.plan(question, trial)
            except AnswerError as error:
                self._known[question] = error
        known = self._known[question]
        if isinstance(known, AnswerError):
            raise known
        return known
