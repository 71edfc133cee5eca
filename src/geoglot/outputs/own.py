"""Hidden folders of work that is not finished. A mark says that geoglot made one; without it none is touched."""

from __future__ import annotations

import shutil
from pathlib import Path

from geoglot.errors import OutputError

MARK = "made-by-geoglot"
_TEXT = b"geoglot made this folder, empties it and removes it. Keep nothing of yours here.\n"


def check_own(folder: Path) -> None:
    """OutputError for what is there under the name of such a folder and is none, or not geoglot's."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(
            f"{folder} is in the place of a folder for unfinished work; move it away, or give another output"
        )
    if folder.is_dir() and not _is_own(folder):
        raise OutputError(f"{folder} holds what geoglot did not put there; move it away, or give another output")


def own_folder(folder: Path) -> None:
    """Make such a folder, or take over the one that is there."""
    check_own(folder)
    folder.mkdir(exist_ok=True)
    if {path.name for path in folder.iterdir()} <= {MARK}:
        try:
            (folder / MARK).write_bytes(_TEXT)
        except OSError:  # a full disk, on which nothing half made stays
            discard(folder)
            raise


def empty(folder: Path) -> None:
    """Remove all that is in a folder of ours, but for its mark."""
    check_own(folder)
    for path in folder.iterdir():
        if path.name == MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def discard(folder: Path) -> None:
    """Remove a folder of ours, its mark last: killed on the way, it is still known as ours."""
    empty(folder)
    (folder / MARK).unlink(missing_ok=True)
    folder.rmdir()


def _is_own(folder: Path) -> bool:
    """By its mark; one that holds nothing else can be taken over, whoever made it."""
    mark, names = folder / MARK, {path.name for path in folder.iterdir()}
    return names <= {MARK} or (not mark.is_symlink() and mark.is_file() and mark.read_bytes() == _TEXT)
