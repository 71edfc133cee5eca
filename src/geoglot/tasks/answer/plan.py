"""What a planner is: something that turns a question into a program over the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """What was said to a language model, or by it."""

    role: str
    content: str


@dataclass(frozen=True)
class Plan:
    """A program, what kind of question it answers, and how it came about."""

    program: str
    kind: str = ""
    messages: tuple[Message, ...] = ()


class Planner(Protocol):
    """Turns questions into programs."""

    name: str

    def plan(self, question: str) -> Plan:
        """The program of a question; AnswerError where there is none."""
        ...
