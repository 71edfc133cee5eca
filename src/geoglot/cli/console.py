"""What reaches a console or a pipe: every character that it can hold, and no control character of a foreign text.

Both are written as \\uXXXX, which a JSON document reads back as what it was.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

#: C0 (but tab and line feed), DEL, C1, line separators, and what turns the direction of writing
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_ESCAPED = "geoglot.escaped"


def visible(text: str) -> str:
    """A text without control characters, so that a name cannot move the cursor or forge another line's look."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: object) -> str:
    """A value in a row of a table."""
    return " ".join(str(text).splitlines())


class PlainStream(io.TextIOBase):
    """A text stream in front of another. It has no `buffer`, so that nothing writes past it."""

    def __init__(self, stream: TextIO | io.TextIOBase) -> None:
        self.behind: Any = stream
        self.before_write: Callable[[], None] | None = None
        """What makes room for a text, where bars are drawn behind."""

    def write(self, text: str) -> int:
        """Write a text as far as the stream's encoding goes, and the rest as \\uXXXX."""
        if self.before_write:
            self.before_write()
        encoding = self.behind.encoding or "utf-8"
        self.behind.write(visible(text).encode(encoding, _ESCAPED).decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self.behind.flush()

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return bool(self.behind.isatty())

    def fileno(self) -> int:
        """Of the stream behind."""
        return int(self.behind.fileno())

    def writable(self) -> bool:
        """It is."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in typeshed
        """Of the stream behind."""
        return str(self.behind.encoding)


@contextmanager
def making_room(pause: Callable[[], None]) -> Iterator[Any]:
    """The stderr to draw bars on, which `pause` puts to rest before anything else is written."""
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, PlainStream)]
    for stream in streams:
        stream.before_write = pause
    try:
        yield sys.stderr.behind if isinstance(sys.stderr, PlainStream) else sys.stderr
    finally:
        for stream in streams:
            stream.before_write = None


@contextmanager
def plain_streams() -> Iterator[None]:
    """Put a PlainStream in front of stdout and stderr."""
    out, err = sys.stdout, sys.stderr
    plain_out, plain_err = PlainStream(out), PlainStream(err)
    sys.stdout, sys.stderr = plain_out, plain_err
    try:
        yield
    finally:
        if sys.stdout is plain_out:  # not where click put another in its place for a closed pipe
            sys.stdout = out
        if sys.stderr is plain_err:
            sys.stderr = err


def _escape(error: UnicodeError) -> tuple[str, int]:
    """UTF-16 units of what an encoding lacks, as JSON escapes them."""
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)), error.end


codecs.register_error(_ESCAPED, _escape)
