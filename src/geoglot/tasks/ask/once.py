"""A planner that plans each question once for many scenes: one program for all, tried on the first that is asked."""

from __future__ import annotations

from geoglot.errors import AnswerError
from geoglot.tasks.ask.plan import Plan, Planner, Trial


class Once:
    """Remembers what another planner planned, or why it could not."""

    def __init__(self, planner: Planner) -> None:
        self._planner, self.name = planner, planner.name
        self._drafts: dict[str, Plan] = {}
        self._known: dict[str, Plan | AnswerError] = {}

    def draft(self, question: str, check: Trial) -> Plan:
        """A program for which there is no scene yet; `check` looks at it without running it. AnswerError for none."""
        self._drafts[question] = self._planner.plan(question, check)
        return self._drafts[question]

    def plan(self, question: str, trial: Trial) -> Plan:
        """The program of a question, tried only when it was new; AnswerError where there is none."""
        if question not in self._known:
            self._known[question] = self._tried(question, trial)
        known = self._known[question]
        if isinstance(known, AnswerError):
            raise known
        return known

    def _tried(self, question: str, trial: Trial) -> Plan | AnswerError:
        """The draft where it runs, or a plan in its place; a draft that cannot be mended stays for the others."""
        draft = self._drafts.get(question)
        if draft is not None:
            try:
                trial(draft.program)
                return draft
            except AnswerError:
                pass
        try:
            return self._planner.plan(question, trial)
        except AnswerError as error:
            return draft or error
