"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from geoglot.errors import OutputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def check_folder(path: Path) -> None:
    """Refuse, before any work, an output whose folder does not exist or that is itself a folder."""
    if not path.parent.is_dir():
        raise OutputError(f"the output folder {path.parent} does not exist; create it with: mkdir -p {path.parent}")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give a file name inside it")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"the output folder {path.parent} cannot be written; choose another")


@contextmanager
def disk_errors(path: Path, *foreign: type[Exception]) -> Iterator[None]:
    """Turn what the operating system, or a library by `foreign` errors, says about a failed write into one sentence."""
    try:
        yield
    except foreign as error:  # these do not say why
        raise OutputError(
            f"{path} cannot be written ({error}); if the disk is full, free some space and run the same command again"
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise OutputError(
                f"the disk is full while writing {path}; free some space and run the same command again"
            ) from error
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def appears(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it when the block ends well and removed when it does not."""
    check_folder(path)
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    _remove(temporary)  # of a run that was killed: some writers append to what they find
    try:
        with disk_errors(path):
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(temporary: Path) -> None:
    """The file, and what GDAL and SQLite put beside it while they write."""
    for path in (temporary, *temporary.parent.glob(f"{escape(temporary.name)}[.-]*")):
        path.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file atomically."""
    with appears(path) as temporary:
        temporary.write_bytes(data)
