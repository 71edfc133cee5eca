"""One run at a time in a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

from geoglot.errors import OutputError

LOCK = "lock"


def hold(folder: Path, taken: str, name: str = LOCK) -> IO[bytes]:
    """Hold a folder as long as the file is open; the system lets go of it even after kill -9.

    OutputError that says `taken` where another run holds it. What the file holds, or a link points at, stays.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    file = os.fdopen(os.open(folder / name, flags, 0o666), "rb")
    if sys.platform != "win32":  # where nobody keeps two runs apart
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise OutputError(taken) from error
    return file
