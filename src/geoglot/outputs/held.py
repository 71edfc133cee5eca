"""A folder that one writer holds at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geoglot.errors import OutputError
from geoglot.outputs.files import disk_errors

LOCK = ".lock"


@contextmanager
def held(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder as long as the block lasts; the system lets go of it even after kill -9.

    OutputError if another writer holds it, unless that one is to be waited for.
    """
    with disk_errors(folder):
        file = (folder / LOCK).open("wb")
    with file:
        if sys.platform != "win32":  # where nobody keeps two writers apart
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError as error:
                raise OutputError(
                    f"another run is writing into {folder}; wait for it, or give another output"
                ) from error
        yield
