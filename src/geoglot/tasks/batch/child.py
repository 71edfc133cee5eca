"""A child process of a batch: it does works, one after the other, until its parent closes the connection or dies.

The parent started this very program and gave it the number of the connection's file, so nobody else writes to it.
"""

import logging
import os
import queue
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

from geoglot.tasks.batch.work import OF_ALL, Work

_EVERY_S = 0.5  # between two tellings of progress


class _Parent(logging.Handler):
    """Tells the parent what happens here, and what is logged: from any thread, one at a time."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection, self._sending = connection, threading.Lock()

    def tell(self, kind: str, what: object) -> None:
        with self._sending:
            self._connection.send((kind, what))

    def emit(self, record: logging.LogRecord) -> None:
        self.tell("log", (record.name, record.levelno, record.getMessage()))


def main() -> None:
    """Do what the parent sends, and tell it how it goes."""
    connection = Connection(int(sys.argv[1]))
    parent = _Parent(connection)
    logging.getLogger("geoglot").addHandler(parent)
    works = queue.SimpleQueue[bytes]()
    threading.Thread(target=_listen, args=(connection, works), daemon=True).start()
    while True:
        _do(ForkingPickler.loads(works.get()), parent)


def _listen(connection: Connection, works: queue.SimpleQueue[bytes]) -> None:
    """Pass on works as bytes: to build one imports the models, which would keep this thread from seeing the end."""
    try:
        while True:
            works.put(connection.recv_bytes())
    except (EOFError, OSError):
        os._exit(0)  # the parent is gone, and nobody waits for what is being done


def _do(work: Work, parent: _Parent) -> None:
    last = time.monotonic()

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if done >= total or time.monotonic() - last >= _EVERY_S:
            last = time.monotonic()
            parent.tell("progress", (what, done, total))

    try:
        parent.tell("outcome", work.do(tell))
    except OF_ALL as error:
        parent.tell("refused", (str(error), error.exit_code))


if __name__ == "__main__":
    main()
