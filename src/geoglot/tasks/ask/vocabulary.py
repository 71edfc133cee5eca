"""The vision vocabulary: all that a program can call. Every call is checked, counted and recorded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from geoglot.tasks.ask import words_measures, words_objects
from geoglot.tasks.ask.arguments import describe
from geoglot.tasks.ask.scene_things import Objects, Region
from geoglot.tasks.ask.view import Record, View

#: What a program can call, by name; each function takes a View first
WORDS: dict[str, Callable[..., Any]] = {call.__name__: call for call in (*words_objects.WORDS, *words_measures.WORDS)}
_PHRASES = ("amount", "there_are")  # words that ask nothing of the scene, and so are not recorded
CLASSIFYING = ("classify", "theme", "looks_like")
_STUB_HEAD = '''class Objects:
    """Things that were found. Hand them to the functions below; they have no attributes and no len()."""

class Region:
    """A part of the scene, to hand to the functions below."""
'''


class Vocabulary(View):
    """The words over one scene, or over two dates of one place, for one program."""

    def calls(self) -> dict[str, Callable[..., Any]]:
        """The words, bound to this scene."""
        return {name: partial(self.call, name) for name in WORDS}

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Count a call, make it and record it."""
        self.budget.call()
        result = WORDS[name](self, *args, **kwargs)
        if name not in _PHRASES:
            self._record(name, [*args, *kwargs.values()], result)
        return result

    def _record(self, name: str, arguments: Sequence[Any], result: Any) -> None:
        things = result.things if isinstance(result, Objects) else ()
        self.budget.keep(len(result) if isinstance(result, list) else len(things))
        region = result if isinstance(result, Region) else None
        odds = self.odds if name in CLASSIFYING else {}
        self.records.append(Record(name, tuple(map(describe, arguments)), describe(result), things, region, odds))


@lru_cache(maxsize=1)
def stubs() -> str:
    """Signatures and docstrings of all words as the text of a stub file.

    Programs are type-checked against it, and a language model reads it.
    """
    return "\n".join([_STUB_HEAD, *(_stub(name, call) for name, call in WORDS.items())])


def _stub(name: str, call: Callable[..., Any]) -> str:
    signature = inspect.signature(call)
    own = signature.replace(parameters=list(signature.parameters.values())[1:])
    # With `from __future__ import annotations` every annotation is text already; str() would quote it.
    shown = str(own).replace("'", "").replace("Value", "bool | int | float | str")
    defaults = shown.replace("sentence: str = ", 'sentence: str = ""').replace("unit: str = ", 'unit: str = ""')
    return f'def {name}{defaults}:\n    """{inspect.getdoc(call)}"""\n    ...\n'
