"""What a planner is: something that turns a question into a program over the vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


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


#: Runs a program for its planner to see: AnswerError, fit to be sent back to who wrote it, where it fails
Trial = Callable[[str], object]


@runtime_checkable
class Planner(Protocol):
    """Turns questions into programs."""

    name: str

    def plan(self, question: str, trial: Trial) -> Plan:
        """The program of a question; AnswerError where there is none. What a planner did not write itself it tries."""
        ...
