"""Every exception that geoglot raises on purpose. Each message says what to do next.

GeoglotError
├── InputError             what the caller gave cannot be used        (exit code 2)
│   ├── ClassesError       class names are missing, empty or repeated
│   └── GridError          a place on Earth that cannot be computed
├── SourceError            pixels that cannot be opened or read       (exit code 1)
│   ├── ReadError          one window of an opened source failed
│   └── ServiceError       a service on the network that does not answer as it should
├── ModelError             a model that cannot be found or trusted
│   └── ConvertError       a foreign checkpoint that does not fit
├── OutputError            a result that cannot be written
├── AnswerError            a question without an answer
│   └── LimitError         a program that needs more than its limits
└── MissingExtraError      an optional dependency is not installed
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, requires


class GeoglotError(Exception):
    """Root of all; the command line prints its message and exits with `exit_code`."""

    exit_code = 1


class InputError(GeoglotError):
    """What the caller gave cannot be used."""

    exit_code = 2


class ClassesError(InputError):
    """The class names are missing, empty or repeated."""


class GridError(InputError):
    """A place on Earth cannot be computed: a transform without inverse, a CRS without a path to metres."""


class SourceError(GeoglotError):
    """Pixels cannot be opened: no such file, not an image, a driver that is not allowed."""


class ReadError(SourceError):
    """One window of an opened source could not be read; the rest may be fine."""


class ServiceError(SourceError):
    """A service on the network does not answer as it should; the same request may succeed later."""


class ModelError(GeoglotError):
    """A model cannot be found, does not match its card, or lacks what was asked of it."""


class ConvertError(ModelError):
    """A foreign checkpoint does not fit the architecture; the message names the keys."""


class OutputError(GeoglotError):
    """A result cannot be written: no such folder, a full disk, an unknown format."""


class AnswerError(GeoglotError):
    """A question has no answer: it could not be read, or its program failed."""


class LimitError(AnswerError):
    """A program needs more time, memory, calls or pixels than it may have."""


class MissingExtraError(GeoglotError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        wanted = " ".join(f'"{name}"' for name in _packages_of(extra))
        super().__init__(
            f"{package} is not installed; install the packages of geoglot[{extra}] with: "
            f'"{sys.executable}" -m pip install {wanted}'
        )


def _packages_of(extra: str) -> list[str]:
    """The packages of an extra: they install by name, wherever geoglot itself came from."""
    try:
        wanted = requires("geoglot") or []
    except PackageNotFoundError:  # run from its sources, not installed
        wanted = []
    parts = [line.partition(";") for line in wanted]
    found = [name.strip() for name, _, when in parts if f'extra == "{extra}"' in when.replace("'", '"')]
    return found or [f"geoglot[{extra}]"]
