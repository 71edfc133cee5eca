"""A child process of a batch: it does works, one after the other, until its parent closes the pipe or dies.

Both sides talk in pickles, since the parent started this very program and nobody else writes to the pipe.
"""

import os
import pickle
import queue
import sys
import threading
import time
from typing import Any, BinaryIO

from geoglot.tasks.batch.work import OF_ALL, Work

_EVERY_S = 0.5  # between two tellings of progress


def main() -> None:
    """Do what comes in on stdin and tell on stdout."""
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    works = queue.SimpleQueue[bytes]()
    threading.Thread(target=_listen, args=(source, works), daemon=True).start()
    while True:
        _do(pickle.loads(works.get()), answers)


def _listen(source: BinaryIO, works: queue.SimpleQueue[bytes]) -> None:
    """Pass on works as bytes: to build one imports the models, which would keep this thread from seeing the end."""
    try:
        while True:
            works.put(pickle.load(source))
    except EOFError:
        os._exit(0)  # the parent is gone, and nobody waits for what is being done


def _do(work: Work, answers: BinaryIO) -> None:
    last = time.monotonic()

    def send(kind: str, what: Any) -> None:
        pickle.dump((kind, what), answers)
        answers.flush()

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if done >= total or time.monotonic() - last >= _EVERY_S:
            last = time.monotonic()
            send("progress", (what, done, total))

    try:
        send("outcome", work.do(tell))
    except OF_ALL as error:
        send("refused", (str(error), error.exit_code))


if __name__ == "__main__":
    main()
