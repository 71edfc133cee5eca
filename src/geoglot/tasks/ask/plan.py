"""A planner turns a question into a program over the vocabulary."""

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
    """A program, the kind of its question, and how it came about."""

    program: str
    kind: str = ""
    messages: tuple[Message, ...] = ()
    """The conversation with the language model that wrote the program."""
    notes: tuple[str, ...] = ()
    """Sentences for the user on how the question was read."""


#: Runs a program, and raises AnswerError if it fails, so that the planner can mend the program
Trial = Callable[[str], object]


@runtime_checkable
class Planner(Protocol):
    """Turns questions into programs."""

    name: str

    def plan(self, question: str, trial: Trial) -> Plan:
        """Return the program of a question; AnswerError if there is none. Language models use `trial`, rules do not."""
