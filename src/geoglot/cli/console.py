"""Text streams that can write every text: characters that the encoding lacks and control characters are escaped.

Both are written as \\uXXXX, which a JSON document reads back as the character.
"""

import codecs
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from geoglot.legible import visible

_ESCAPED = "geoglot.escaped"


class PlainStream(io.TextIOBase):
    """A text stream in front of another one. It has no `buffer`, so nothing can bypass it."""

    def __init__(self, stream: TextIO | io.TextIOBase) -> None:
        self.behind: Any = stream
        self.before_write: Callable[[], None] | None = None
        """Called before each text, to clear the progress bars."""

    def write(self, text: str) -> int:
        """Write a text; what the encoding of the stream lacks is written as \\uXXXX."""
        if self.before_write:
            self.before_write()
        encoding = self.behind.encoding or "utf-8"
        self.behind.write(visible(text).encode(encoding, _ESCAPED).decode(encoding))
        return len(text)

    def flush(self) -> None:
        self.behind.flush()

    def isatty(self) -> bool:
        return bool(self.behind.isatty())

    def fileno(self) -> int:
        return int(self.behind.fileno())

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in typeshed
        return str(self.behind.encoding)


@contextmanager
def making_room(pause: Callable[[], None]) -> Iterator[Any]:
    """Give the stderr on which bars are drawn. `pause` is called before anything else is written."""
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
    """Escape characters that an encoding lacks as UTF-16 units, as JSON does."""
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)), error.end


codecs.register_error(_ESCAPED, _escape)
