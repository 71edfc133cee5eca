"""One run at a time in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from geoglot.errors import OutputError
from geoglot.outputs.atomic import disk_errors

LOCK = ".lock"


@contextmanager
def hold(folder: Path, *, output: Path | None = None, wait: bool = False) -> Iterator[None]:
    """Hold a folder during the block; the system releases it even after kill -9.

    OutputError if another run holds it, unless `wait` is set; the message names `output`, or else the folder. A file
    that lies under the lock's name keeps its content, and a symbolic link is not followed.
    """
    lock = FileLock(folder / LOCK, thread_local=False)
    with disk_errors(folder):
        try:
            lock.acquire(blocking=wait)
        except Timeout as error:
            raise OutputError(
                f"another run is writing {output or folder}; wait for it, or give another output"
            ) from error
    try:
        yield
    finally:
        lock.release()
