"""Folders of unfinished work, which geoglot makes, empties and removes.

Somebody else may have put a folder or a link under the name of one: in an archive that the user unpacked, or in a
folder such as /tmp. So a folder is opened without following links, it must belong to this user and have a mark, and
only what has a name of our own is removed. It is read and emptied through its descriptor, since its path may lead
elsewhere a moment later.
"""

import hashlib
import logging
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from geoglot.errors import OutputError

MARK = "made-by-geoglot"
LOCK = ".lock"
#: Bytes that common file systems allow in a name
LONGEST_NAME = 255
_EARLIER_MARK = ".geoglot-run"  # in folders of training runs that an earlier version began
_WORK = b"geoglot made this folder, empties it and removes it. Keep nothing of yours here.\n"
_RUN = b"A run of geoglot writes to this folder.\n"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
#: What a journal keeps: the fingerprint of its run, the state, and strips
_JOURNAL = re.compile(r"run|state\.npz|[a-z]+-\d{9,}\.(tif|npy|json)")
#: What drafts of folders keep: a data set of tiles, the sample of an audit, a pair set or its archives
_IN_DRAFTS = re.compile(
    r".+_\d+_\d+\.png|(windows|classes|images)\.csv|set\.toml|\d{4,}\.png|sheet-\d+\.png|sample\.csv|design\.json"
    r"|pairs\.json|tiles\.npy|(tiles|photos|images)\.parquet|\d{6,}\.tar",
    re.DOTALL,
)
#: Files of the same stem that belong to a draft: the parts of a Shapefile, a style, and features on their way to tiles
_PARTS = re.compile(r"(.+?)(?:_temp)?\.(?:shp|shx|dbf|prj|cpg|qml|fgb)", re.DOTALL)
_WHOLES = ("tif", "tiff", "geojson", "fgb", "parquet", "shp", "zip", "pmtiles")
#: What systems put into any folder: NFS and FUSE for a file that is removed while it is open, macOS for attributes
_OF_A_SYSTEM = re.compile(r"\.(nfs[0-9a-f]+|fuse_hidden[0-9a-f]+|_.+|DS_Store)", re.DOTALL)

log = logging.getLogger(__name__)


def hidden_path(path: Path, kind: str) -> Path:
    """A hidden name in the same folder, never too long."""
    return path.with_name(_hidden_name(path.name, kind))


def _hidden_name(name: str, kind: str) -> str:
    hidden = f".{name}.{kind}"
    if len(os.fsencode(hidden)) > LONGEST_NAME:
        hidden = f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}.{kind}"
    return hidden


def mark(folder: Path) -> None:
    """Mark a folder that a run writes to and that stays; OutputError if its mark is a link or no plain file."""
    try:
        if not stat.S_ISREG((folder / MARK).lstat().st_mode):
            raise OutputError(f"{folder / MARK} is a link or no plain file; remove it, or give another output")
    except FileNotFoundError:
        _write_mark(folder / MARK, _RUN)


def is_marked(folder: Path) -> bool:
    """Whether geoglot made the folder."""
    return (folder / MARK).exists() or (folder / _EARLIER_MARK).exists()


def check_own(folder: Path) -> None:
    """OutputError if something else lies under the name of a folder for unfinished work."""
    with suppress(FileNotFoundError), _opened(folder) as opened:
        _check(folder, opened)


def own_folder(folder: Path) -> None:
    """Make a folder for unfinished work, or take over the existing one."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)  # nobody else can plant anything in it
    with _opened(folder) as opened:
        if _check(folder, opened) <= {MARK}:
            with suppress(FileNotFoundError):
                os.unlink(MARK, dir_fd=opened)  # a hard link to a file of somebody's may have this name
            try:
                _write_mark(MARK, _WORK, opened)
            except OSError:  # the disk is full; leave nothing half made
                discard(folder)
                raise


def empty(folder: Path, keep: Sequence[str] = (), first: Sequence[str] = ()) -> None:
    """Remove everything in a folder of unfinished work but its mark and what to `keep`, `first` some of the files.

    OutputError, before anything is removed, if the folder holds something that geoglot does not make.
    """
    with _opened(folder) as opened:
        names = _check(folder, opened) - {MARK, *keep}
        for name in (*(name for name in first if name in names), *sorted(names - {*first})):
            try:
                os.unlink(name, dir_fd=opened)
            except FileNotFoundError:
                pass  # the system removed it together with another
            except (IsADirectoryError, PermissionError):  # macOS has the second error
                if name.startswith("."):  # the hidden folder of a draft
                    discard(folder / name)
                else:
                    shutil.rmtree(name, dir_fd=opened)


def discard(folder: Path) -> None:
    """Remove a folder of unfinished work. Its mark goes last, so that a killed run can go on removing it.

    A folder in which somebody put something meanwhile stays, and so does what lies under its name instead of it.
    """
    try:
        empty(folder)
    except OutputError as error:
        log.warning("%s", error)
        return
    (folder / MARK).unlink(missing_ok=True)
    folder.rmdir()


def remove_plain(folder: Path, names: re.Pattern[str]) -> None:
    """Remove a folder, if it is there, whose files all have such names; OutputError, before any is removed, if not."""
    with suppress(FileNotFoundError), _opened(folder) as opened:
        entries = _entries(opened)
        foreign = [name for name, mode in entries.items() if not (stat.S_ISREG(mode) and names.fullmatch(name))]
        if foreign:
            raise OutputError(f"{folder} holds what geoglot did not make ({foreign[0]!r}); move it away")
        for name in entries:
            os.unlink(name, dir_fd=opened)
        folder.rmdir()


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """The descriptor of a folder; OutputError if it is none."""
    try:
        opened = os.open(folder, _FOLDER)
    except OSError as error:
        if not os.path.lexists(folder):
            raise
        if stat.S_ISDIR(folder.lstat().st_mode):
            raise OutputError(
                f"{folder} cannot be opened: {error.strerror}; remove it, or give another output"
            ) from error
        raise OutputError(
            f"{folder} is in the place of a folder for unfinished work; move it away, or give another output"
        ) from error
    try:
        yield opened
    finally:
        os.close(opened)


def _check(folder: Path, opened: int) -> set[str]:
    """The names in a folder of unfinished work; OutputError unless geoglot made it and everything in it."""
    status = os.fstat(opened)
    if (status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH) and not _is_usual(folder.parent, status):
        raise OutputError(
            f"{folder} belongs to another user, or everybody may write to it; move it away, or give another output"
        )
    entries = _entries(opened)
    foreign = [name for name, mode in entries.items() if not _is_ours(folder, name, mode)]
    folders = (name for name, mode in entries.items() if stat.S_ISDIR(mode) and not name.startswith("."))
    foreign += [name for draft in folders for name in _foreign_in(draft, opened)]
    # A folder with nothing but a mark can be taken over, whatever the mark says.
    if foreign or (set(entries) - {MARK} and _read_mark(opened) != _WORK):
        which = f" ({foreign[0]!r})" if foreign else ""
        raise OutputError(
            f"{folder} holds files that geoglot did not make{which}; move it away, or give another output"
        )
    return set(entries)


def _entries(opened: int) -> dict[str, int]:
    """The names in a folder, sorted, and what lies under each (`st_mode`)."""
    modes = dict[str, int]()
    for name in sorted(os.listdir(opened)):
        with suppress(FileNotFoundError):  # another run may remove its files meanwhile
            modes[name] = os.stat(name, dir_fd=opened, follow_symlinks=False).st_mode
    return modes


def _is_ours(folder: Path, name: str, mode: int) -> bool:
    """Whether a name and type is that of something that geoglot puts into the folder."""
    if stat.S_ISDIR(mode) and name.startswith(".") and name.endswith(".part"):
        return True  # its own content is checked before it is removed
    if stat.S_ISREG(mode) and _OF_A_SYSTEM.fullmatch(name):
        return True
    kind = folder.name.rpartition(".")[2]
    if name in (MARK, LOCK) or kind == "work":
        return stat.S_ISREG(mode) and (name in (MARK, LOCK) or _JOURNAL.fullmatch(name) is not None)
    # A draft, which may be a folder, or a file beside it, whose name is longer: GDAL and SQLite make some.
    names = [name] if stat.S_ISDIR(mode) else [name[:end] for end in range(len(name), 0, -1)]
    if stat.S_ISREG(mode) and (part := _PARTS.fullmatch(name)):
        suffixes = (folder.name.split(".")[-2], *_WHOLES)  # the first is that of the draft, unless its name is too long
        names += [f"{part[1]}.{suffix}" for suffix in suffixes]
    return any(_hidden_name(each, kind) == folder.name for each in names)


def _foreign_in(draft: str, opened: int) -> Iterator[str]:
    """What lies in the draft of a folder, at any depth, and is no part of one."""
    for folder, folders, files, at in os.fwalk(draft, dir_fd=opened):
        for name in (*folders, *files):
            mode = os.stat(name, dir_fd=at, follow_symlinks=False).st_mode
            is_ours = name in (MARK, LOCK) or _IN_DRAFTS.fullmatch(name) or _OF_A_SYSTEM.fullmatch(name)
            if not (stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and is_ours)):
                yield f"{folder}/{name}"


def _read_mark(opened: int) -> bytes:
    try:
        file = os.open(MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=opened)
    except OSError:
        return b""
    with os.fdopen(file, "rb") as stream:
        return stream.read(len(_WORK) + 1)


def _write_mark(path: Path | str, text: bytes, folder: int | None = None) -> None:
    """Write a new file, and nothing through a link."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    with os.fdopen(file, "wb") as stream:
        stream.write(text)


def _is_usual(parent: Path, status: os.stat_result) -> bool:
    """Whether a folder that is made here now has the same owner and rights, as on some network file systems."""
    with tempfile.TemporaryDirectory(prefix=".geoglot-", dir=parent) as probe:
        made = Path(probe).stat()
    return (made.st_uid, made.st_mode & stat.S_IWOTH) == (status.st_uid, status.st_mode & stat.S_IWOTH)
