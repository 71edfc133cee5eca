"""The tokenizer of a stored model, and protection against panics of its library.

A panic in that library is not an Exception, and it writes to the stderr of the process before Python can catch it.
"""

import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from geoglot.errors import GeoglotError, ModelError
from geoglot.legible import reason_of
from geoglot.models.card import TOKENIZER
from geoglot.models.tokenizer_checks import check_tokenizer
from geoglot.settings import load_settings

_PANIC = "PanicException"  # of pyo3, which has no name to import
_STDERR = 2
_OF_A_MODEL = "the model's tokenizer"
_A_SECOND = 100_000  # characters that even a slow machine encodes in a second
_OF_A_TEXT = 100  # characters that take as long as the rest of the work on a text
Result = list[Encoding] | BaseException
_ONE_AT_A_TIME = threading.RLock()


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer and try it on some texts; ModelError if it fails."""
    if not path.is_file():
        raise ModelError(f"{path.parent} holds no {TOKENIZER}; copy the tokenizer of the model's text tower there")
    check_tokenizer(path)
    with contain_panics(str(path)):
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_padding()
        encode(tokenizer, ["", "A quay, 2 ships", "Été 水"], str(path))
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str], what: str, *, special: bool = True) -> list[Encoding]:
    """Encode texts; ModelError, which begins with `what`, if that fails or does not end within the time limit.

    A pattern of the tokenizer may cost exponential time. The library cannot be stopped, and gives other threads their
    turn: it works in a thread that is left alone if it is late.
    """
    results: queue.SimpleQueue[Result] = queue.SimpleQueue()

    def work() -> None:
        try:
            results.put(tokenizer.encode_batch(list(texts), add_special_tokens=special))
        except BaseException as error:  # noqa: BLE001  a panic is no Exception; the caller raises it
            results.put(error)

    threading.Thread(target=work, daemon=True).start()
    seconds = load_settings().read_seconds + sum(len(text) + _OF_A_TEXT for text in texts) / _A_SECOND
    with contain_panics(what):
        try:
            result = _wait_for(results, seconds)
        except queue.Empty:
            raise ModelError(
                f"{what} did not encode {len(texts):,} texts within {seconds:.3g} s; take another model, or raise "
                "GEOGLOT_READ_SECONDS if you trust it"
            ) from None
        if isinstance(result, BaseException):
            raise result
    return result


def _wait_for(results: queue.SimpleQueue[Result], seconds: float) -> Result:
    """The first result; queue.Empty after `seconds` of computing, which take longer on a busy machine."""
    end, computed = time.monotonic() + seconds, time.process_time() + seconds
    while True:
        try:
            return results.get(timeout=max(0.1, end - time.monotonic()))
        except queue.Empty:
            if time.process_time() > computed:
                raise


def count_tokens(tokenizer: Tokenizer, texts: Sequence[str], *, special: bool = True) -> list[tuple[int, int]]:
    """For each text, the number of tokens within the tokenizer's limit, and of all tokens, without start and end."""
    counts = list[tuple[int, int]]()
    for encoding in encode(tokenizer, texts, _OF_A_MODEL, special=special):
        parts = [len(part.ids) - sum(part.special_tokens_mask) for part in (encoding, *encoding.overflowing)]
        counts.append((parts[0], sum(parts)))
    return counts


def tokens_of(tokenizer: Tokenizer, texts: Sequence[str], *, ends: bool = True) -> list[list[int]]:
    """Token ids of each text, with start and end token if `ends`; ModelError if the tokenizer fails."""
    return [encoding.ids for encoding in encode(tokenizer, texts, _OF_A_MODEL, special=ends)]


def require_vocabulary(tokenizer: Tokenizer, rows: int, name: str) -> None:
    """Raise ModelError if the tokenizer has more or fewer tokens than the model's embedding has `rows`."""
    words = tokenizer.get_vocab(with_added_tokens=True)
    highest = max(words.values(), default=-1)
    if highest + 1 != rows:
        raise ModelError(
            f"{name} has an embedding of {rows:,} tokens and a {TOKENIZER} of {highest + 1:,}; it is another model's: "
            "copy the tokenizer of its text tower there"
        )


def require_ends(tokenizer: Tokenizer, name: str, end: int) -> None:
    """Raise ModelError if the tokenizer does not put a start token and the token `end` around a text."""
    (ends,) = tokens_of(tokenizer, [""])
    if len(ends) != 2 or ends[0] == ends[1] or ends[1] != end:
        around = ", ".join(str(tokenizer.id_to_token(token)) for token in ends[:4]) or "nothing"
        raise ModelError(
            f"the {TOKENIZER} of {name} puts {around} around a text, where the model has a start and token {end:,}; "
            "it is another model's: copy the tokenizer of its text tower there"
        )


@contextmanager
def contain_panics(what: str) -> Iterator[None]:
    """Turn every error and panic of the tokenizers library into a ModelError of one line."""
    try:
        with _hold_stderr():
            yield
    except GeoglotError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise  # an interrupt
        why = reason_of(error)
        raise ModelError(f"{what} cannot be used ({why}); copy the tokenizer of the model's text tower there") from None


@contextmanager
def _hold_stderr() -> Iterator[None]:
    """Hold back the output to stderr during the block; write it afterwards, unless the block fails."""
    with _ONE_AT_A_TIME, tempfile.TemporaryFile() as kept:
        sys.stderr.flush()
        try:
            before = os.dup(_STDERR)
        except OSError:  # a process without stderr
            yield
            return
        os.dup2(kept.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(before, _STDERR)
            os.close(before)
        kept.seek(0)
        os.write(_STDERR, kept.read())
