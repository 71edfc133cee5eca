"""Files that appear whole or not at all, in folders that one run at a time writes to."""

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from geoglot.aliases import not_utf8
from geoglot.errors import InputError, OutputError
from geoglot.legible import find_unwritable
from geoglot.outputs.own import LOCK, LONGEST_NAME, check_own, discard, empty, hidden_path, own_folder

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SHORT = re.compile(r"\d+ requested and \d+ written")  # NumPy's words for a full disk


def check_folder(path: Path) -> None:
    """Before any work, refuse an output that cannot be written: its folder, its name, or what lies there."""
    check_utf8(path.name)
    if control := find_unwritable(path.name):
        raise InputError(f"the name {path.name!r} holds a control character ({control}); give the output another name")
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        start = f"{path.name[:20]}...{path.suffix}"
        raise InputError(f"the name {start} has over {LONGEST_NAME} bytes; give the output a shorter name")
    if not path.parent.is_dir():
        raise OutputError(f"the output folder {path.parent} does not exist; create it with: mkdir -p {path.parent}")
    if path.is_symlink():  # a rename would replace the link
        raise InputError(f"{path} is a symbolic link to {path.readlink()}; give the output another name, or that one")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give a file name inside it")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is a device or a pipe; give the name of a file")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"the output folder {path.parent} cannot be written; choose another")


def check_utf8(name: str) -> None:
    """InputError for a name that is not UTF-8."""
    if shown := not_utf8(name):
        raise InputError(f"the name {shown!r} is not UTF-8; rename it, and run the same again")


@contextmanager
def disk_errors(path: Path, *foreign: type[Exception]) -> Iterator[None]:
    """Turn a failed write into an OutputError of one sentence; `foreign` are the errors of the library that writes."""
    try:
        yield
    except foreign as error:  # these do not say why
        reason = str(error).rsplit("failed: ", 1)[-1]  # SQLite's, without the statements that it could not run
        raise OutputError(
            f"{path} cannot be written ({reason}); if the disk is full, free some space and run the same command again"
        ) from error
    except OSError as error:
        if error.errno in _FULL or _SHORT.fullmatch(str(error)):
            raise OutputError(
                f"the disk is full while writing {path}; free some space and run the same command again"
            ) from error
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def appears(path: Path) -> Iterator[Path]:
    """A temporary name, renamed to `path` when the block ends well and removed when it does not."""
    check_folder(path)
    with disk_errors(path), drafts(path, "part") as folder:
        temporary = folder / path.name
        yield temporary
        check_own(folder)  # a link that took its place meanwhile would lead to a file of somebody's
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)


@contextmanager
def folder_appears(folder: Path) -> Iterator[Path]:
    """A temporary name for a folder that the block makes, renamed to `folder` when the block ends well, else removed.

    There may be an empty folder of the name.
    """
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with drafts(folder, "part") as hidden:
            draft = hidden / folder.name
            yield draft
            draft.rename(folder)


@contextmanager
def drafts(path: Path, kind: str) -> Iterator[Path]:
    """An empty hidden folder beside `path`, removed when the block ends.

    It is a folder, since GDAL and SQLite put files of their own beside the file that they write.
    """
    folder = hidden_path(path.absolute(), kind)  # GDAL takes a relative name apart if it begins like one of its own
    own_folder(folder)
    empty(folder)
    try:
        yield folder
    finally:
        discard(folder)


@contextmanager
def hold(folder: Path, *, output: Path | None = None, wait: bool = False) -> Iterator[None]:
    """Lock a folder during the block; the system releases it even after kill -9.

    OutputError if another run holds it, unless `wait` is set; the message names `output`, or else the folder. A file
    that lies under the lock's name keeps its content, and a symbolic link is not followed.
    """
    lock = FileLock(folder / LOCK, thread_local=False)
    with disk_errors(folder):
        try:
            lock.acquire(blocking=wait)
        except Timeout as error:
            where = output or folder
            raise OutputError(f"another run is writing {where}; wait for it, or give another output") from error
    try:
        yield
    finally:
        lock.release()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file atomically."""
    with appears(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document atomically; its keys keep their order."""
    write_bytes(path, (json.dumps(document, indent=1, default=str) + "\n").encode())
