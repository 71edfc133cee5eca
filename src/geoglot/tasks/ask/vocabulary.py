"""The vision vocabulary: the functions that a program can call. Every call is checked, counted and recorded."""

import inspect
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from geoglot.tasks.ask import words_measures, words_objects
from geoglot.tasks.ask.arguments import describe
from geoglot.tasks.ask.scene_things import Objects, Region
from geoglot.tasks.ask.view import Record, View

#: Functions by name; each takes a View first
WORDS: dict[str, Callable[..., Any]] = {call.__name__: call for call in (*words_objects.WORDS, *words_measures.WORDS)}
_PHRASES = ("amount", "difference", "there_are")  # these ask nothing of the scene, so they are not recorded
_CLASSIFYING = ("classify", "theme", "looks_like")
_STUB_HEAD = '''class Objects:
    """Things that were found. Hand them to the functions below; they have no attributes and no len()."""

class Region:
    """A part of the scene, to hand to the functions below."""
'''


class Vocabulary(View):
    """The words bound to one scene, or to two dates of one place, for one program."""

    def calls(self) -> dict[str, Callable[..., Any]]:
        return {name: partial(self.call, name) for name in WORDS}

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Count a call, make it and record it."""
        self.budget.call()
        result = WORDS[name](self, *args, **kwargs)
        if name in _PHRASES:
            return result
        things = result.things if isinstance(result, Objects) else ()
        self.budget.keep(len(result) if isinstance(result, list) else len(things))
        region = result if isinstance(result, Region) else None
        probabilities = self.probabilities if name in _CLASSIFYING else {}
        arguments = tuple(map(describe, [*args, *kwargs.values()]))
        self.records.append(Record(name, arguments, describe(result), things, region, probabilities))
        return result


@lru_cache(maxsize=1)
def stubs() -> str:
    """Signatures and docstrings of all words as a stub file, which type-checks programs and prompts language models."""
    text = [_STUB_HEAD]
    for name, call in WORDS.items():
        signature = inspect.signature(call)
        without_view = signature.replace(parameters=list(signature.parameters.values())[1:])
        # `from __future__ import annotations` makes every annotation a text, which str() quotes.
        shown = str(without_view).replace("'", "").replace("Value", "bool | int | float | str")
        shown = shown.replace("sentence: str = ", 'sentence: str = ""').replace("unit: str = ", 'unit: str = ""')
        text.append(f'def {name}{shown}:\n    """{inspect.getdoc(call)}"""\n    ...\n')
    return "\n".join(text)
