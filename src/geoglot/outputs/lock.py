"""One run at a time in a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

from geoglot.errors import OutputError
from geoglot.outputs.atomic import disk_errors

LOCK = ".lock"


def hold(folder: Path, *, output: Path | None = None, wait: bool = False) -> IO[bytes]:
    """Hold a folder as long as the file is open; the system lets go of it even after kill -9.

    OutputError if another run holds it, unless that one is to be waited for; the message names `output`, or else the
    folder. What the file holds, or a link points at, stays.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with disk_errors(folder):
        file = os.fdopen(os.open(folder / LOCK, flags, 0o666), "rb")
        if sys.platform != "win32":  # where nobody keeps two runs apart
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError as error:
                file.close()
                raise OutputError(
                    f"another run is writing {output or folder}; wait for it, or give another output"
                ) from error
    return file
