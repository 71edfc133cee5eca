"""Programs run in pydantic-monty, a separate interpreter in a separate process, always within limits.

The interpreter has no files, no network, no processes and no modules of this Python: it has the words of the vocabulary
only, and sees objects and regions as handles without attributes. The worker bounds its own time and memory, and is
killed if it fails to; calls, pixels and the size of geometry are bounded in this process, where that work is done.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Mapping
from textwrap import indent
from typing import Any

from geoglot.errors import AnswerError, GeoglotError, LimitError, MissingExtraError
from geoglot.tasks.ask.limits import Limits
from geoglot.tasks.ask.scene_things import Objects, Region
from geoglot.tasks.ask.view import Reply
from geoglot.tasks.ask.vocabulary import Vocabulary, stubs

_LONGEST_PROGRAM = 20_000
_PRINTED = 64 * 1024  # bytes that a program may print; nobody reads them
_GRACE = 0.5  # seconds that a worker may run past its time limit before it is killed
_TRACEBACK_LINES = 12
_RUNNING = frozenset({"eval", "exec", "compile", "__import__"})
_NO_ANSWER = "the program never called answer(value, ...)"


class ProgramError(AnswerError):
    """A program was refused or failed; a language model can mend it from the message."""


class Sandbox:
    """A pool of one worker, as a context manager. It runs one program at a time; other threads wait."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        try:
            import pydantic_monty
        except ImportError as error:
            raise MissingExtraError("pydantic-monty", "ask") from error
        self._monty, self._lock = pydantic_monty, threading.Lock()
        self._pool = pydantic_monty.Monty(
            max_processes=1,
            request_timeout=self.limits.seconds + _GRACE,
            feed_duration_limit_grace=_GRACE,
            turn_duration_limit_grace=_GRACE,
        )

    def __enter__(self) -> Sandbox:
        self._pool.__enter__()
        return self

    def __exit__(self, *exit: object) -> None:
        self._pool.__exit__(*exit)

    def run(self, program: str, words: Vocabulary, *, check: bool = False) -> Reply:
        """Run a program with a vocabulary; ProgramError or LimitError if it gives no answer.

        With `check`, a program that does not pass a type check against the stubs does not run.
        """
        try:
            # The last value of a program would be converted to Python, however deep it is, so it must be None.
            self._feed(f"{program}\nNone", words.calls(), check)
        except ProgramError:
            if not words.budget.broken:
                raise
        if words.budget.broken:
            raise LimitError(words.budget.broken)
        if words.reply is None:
            raise ProgramError(_NO_ANSWER)
        return words.reply

    def check(self, program: str) -> None:
        """Type-check a program without running it; ProgramError if it fails, or never calls answer(...)."""
        self._feed(f"def unused() -> None:\n{indent(program, '    ')}\n    return None\n", {}, True)
        if not any(name == "answer" for name, _ in calls_in(program)):
            raise ProgramError(_NO_ANSWER)

    def _feed(self, code: str, words: Mapping[str, Callable[..., Any]], check: bool) -> None:
        if any("\ud800" <= letter <= "\udfff" for letter in code):
            raise ProgramError("a program must hold whole characters, got half a character")
        if len(code) > _LONGEST_PROGRAM:
            raise ProgramError(f"a program must have at most {_LONGEST_PROGRAM:,} characters, got {len(code):,}")
        _check_imports(code)
        limits, monty = self.limits, self._monty
        bounds = {
            "max_feed_duration_secs": limits.seconds,
            "max_turn_duration_secs": limits.seconds,
            "max_memory": limits.memory_mb * 2**20,
            "max_suspensions": 2 * limits.calls,  # a name is looked up before it is called
            "max_total_sleep_secs": 0.1,
            "max_recursion_depth": 200,
        }
        settings: dict[str, Any] = {
            "limits": bounds,
            "type_check": check,
            "type_check_stubs": stubs() if check else None,
            "type_check_format": "concise" if check else None,
            "os_policy": {"sleep": "zero", "random_start": {"seed": 0}},
        }
        lookup = {name: self._guard(call) for name, call in words.items()}
        try:
            with self._lock, self._pool.checkout(**settings) as session:
                session.feed_run(code, external_lookup=lookup, print_callback=monty.CollectString(max_bytes=_PRINTED))
        except monty.MontyCrashedError as error:
            raise LimitError(f"the program was stopped: {shorten(str(error))}") from None
        except monty.MontyError as error:
            kind = LimitError if isinstance(error.exception(), TimeoutError | MemoryError) else ProgramError
            try:
                shown = error.display("traceback")
            except TypeError:  # the error of a type check has one form only
                shown = error.display()
            lines = [shorten(line) for line in str(shown).splitlines() if line.strip()]
            raise kind("\n".join(lines[-_TRACEBACK_LINES:])) from None

    def _guard(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a word so that it returns handles, and its errors are raised inside the program."""
        handle = self._monty.ClassInstance

        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                result = call(*args, **kwargs)
            except GeoglotError as error:
                raise RuntimeError(str(error)) from None
            if isinstance(result, list):
                return [handle(objects) for objects in result]
            return handle(result) if isinstance(result, Objects | Region) else result

        return guarded


def calls_in(program: str) -> list[tuple[str, ast.Call]]:
    """Function names and calls in the text of a program, in order; empty for a syntax error."""
    nodes = [node for node in _nodes_of(program) if isinstance(node, ast.Call)]
    nodes.sort(key=lambda call: (call.lineno, call.col_offset))
    return [(call.func.id, call) for call in nodes if isinstance(call.func, ast.Name)]


def _check_imports(code: str) -> None:
    """ProgramError for a program that imports, or runs a text as a program, which could import."""
    for node in _nodes_of(code):
        if isinstance(node, ast.Import | ast.ImportFrom) or (isinstance(node, ast.Name) and node.id in _RUNNING):
            raise ProgramError(
                f"line {node.lineno}: a program must not import anything or run texts as programs; it may call the "
                "functions of the vocabulary only"
            )


def _nodes_of(program: str) -> list[ast.AST]:
    """The nodes of a program; none for a syntax error, which the interpreter reports."""
    try:
        return list(ast.walk(ast.parse(program)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def shorten(text: str, most: int = 200) -> str:
    """The beginning of a text that may be long."""
    return text if len(text) <= most else f"{text[:most]}..."
