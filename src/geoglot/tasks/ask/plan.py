"""A planner turns a question into a program over the vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Message:
    """A message of a conversation with a language model."""

    role: str
    content: str


@dataclass(frozen=True)
class Plan:
    """A program, the kind of its question, and the conversation that gave it."""

    program: str
    kind: str = ""
    messages: tuple[Message, ...] = ()


#: Runs a program so that its planner can mend it; AnswerError, which can be sent back to the author, if it fails
Trial = Callable[[str], object]


@runtime_checkable
class Planner(Protocol):
    """Turns questions into programs."""

    name: str

    def plan(self, question: str, trial: Trial) -> Plan:
        """The program of a question; AnswerError if there is none. A program by a language model is tried."""
