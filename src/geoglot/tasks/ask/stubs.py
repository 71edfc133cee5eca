"""The vocabulary as a stub file: what programs are checked against, and what a language model reads."""

from __future__ import annotations

import inspect
from functools import lru_cache

from geoglot.tasks.ask.vocabulary import WORDS

_HEAD = '''class Objects:
    """Things that were found. Hand them to the functions below; they have no attributes and no len()."""

class Region:
    """A part of the scene, to hand to the functions below."""
'''


@lru_cache(maxsize=1)
def stubs() -> str:
    """Signatures and docstrings of all words, as a .pyi text."""
    return "\n".join([_HEAD, *(_stub(name) for name in WORDS)])


def _stub(name: str) -> str:
    call = inspect.unwrap(WORDS[name])
    signature = inspect.signature(call)
    own = signature.replace(parameters=[one for key, one in signature.parameters.items() if key != "self"])
    # With `from __future__ import annotations` every annotation is text already; str() would quote it.
    shown = str(own).replace("'", "").replace("Value", "bool | int | float | str")
    defaults = shown.replace("sentence: str = ", 'sentence: str = ""').replace("unit: str = ", 'unit: str = ""')
    doc = inspect.getdoc(call) or ""
    return f'def {name}{defaults}:\n    """{doc}"""\n    ...\n'
