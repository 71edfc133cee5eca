"""Folders that geoglot made have a mark. Folders of unfinished work are emptied and removed, but never without it."""

import hashlib
import os
import shutil
from pathlib import Path

from geoglot.errors import OutputError

MARK = "made-by-geoglot"
#: Bytes that common file systems allow in a name
LONGEST_NAME = 255
_EARLIER_MARK = ".geoglot-run"  # in folders of training runs that an earlier version began
_WORK = b"geoglot made this folder, empties it and removes it. Keep nothing of yours here.\n"
_RUN = b"A run of geoglot writes to this folder.\n"


def hidden_path(path: Path, kind: str) -> Path:
    """A hidden name in the same folder, never too long."""
    name = f".{path.name}.{kind}"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.{kind}"
    return path.with_name(name)


def mark(folder: Path) -> None:
    """Mark a folder that a run writes to and that stays."""
    (folder / MARK).write_bytes(_RUN)


def is_marked(folder: Path) -> bool:
    """Whether geoglot made the folder."""
    return (folder / MARK).exists() or (folder / _EARLIER_MARK).exists()


def check_own(folder: Path) -> None:
    """OutputError if something else lies under the name of a folder for unfinished work."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(
            f"{folder} is in the place of a folder for unfinished work; move it away, or give another output"
        )
    if not folder.is_dir() or {path.name for path in folder.iterdir()} <= {MARK}:
        return  # a folder with nothing but a mark can be taken over, whatever the mark says
    file = folder / MARK
    if file.is_symlink() or not file.is_file() or file.read_bytes() != _WORK:
        raise OutputError(f"{folder} holds files that geoglot did not make; move it away, or give another output")


def own_folder(folder: Path) -> None:
    """Make a folder for unfinished work, or take over the existing one."""
    check_own(folder)
    folder.mkdir(exist_ok=True)
    if {path.name for path in folder.iterdir()} <= {MARK}:
        try:
            (folder / MARK).write_bytes(_WORK)
        except OSError:  # the disk is full; leave nothing half made
            discard(folder)
            raise


def empty(folder: Path) -> None:
    """Remove everything in a folder of unfinished work but its mark."""
    check_own(folder)
    for path in folder.iterdir():
        if path.name == MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def discard(folder: Path) -> None:
    """Remove a folder of unfinished work. Its mark goes last, so that a killed run can go on removing it."""
    empty(folder)
    (folder / MARK).unlink(missing_ok=True)
    folder.rmdir()
