"""Which files a run makes, the record that proves it, and what of an earlier run it may replace.

A file is ours where a record names it and its sha256 is still the record's. Nothing else is replaced or removed,
whatever it is called. The record is the manifest beside the output, sealed by its own sha256; while files are being
written it is a hidden ledger, so that a killed run knows what it made. Decision 13 has the reasons.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike
from geoglot.errors import InputError, OutputError
from geoglot.outputs.atomic import check_folder, disk_errors, drafts
from geoglot.outputs.manifest import write_json
from geoglot.outputs.own import check_own
from geoglot.outputs.path_names import hidden, is_there

_KEY = "made"
#: What GDAL and SQLite read together with a file, by the file's ending: it would be taken for a part of a new one
_RASTER = ("{name}.aux.xml", "{name}.ovr", "{name}.msk", "{stem}.tfw", "{stem}.wld")
_SQLITE = ("{name}-wal", "{name}-shm", "{name}-journal")
_BESIDE = {".tif": _RASTER, ".tiff": _RASTER, ".gpkg": _SQLITE}


def beside(path: Path) -> list[Path]:
    """What is read together with a file, whether it is there or not."""
    names = _BESIDE.get(path.suffix.lower(), ())
    return [path.with_name(name.format(name=path.name, stem=path.stem)) for name in names]


def named_by(door: str, output: Path) -> Path:
    """What the files beside an output are named by: its stem, or all of its name where another result has the stem."""
    stem = output.with_name(output.stem)
    if os.path.lexists(record_of(output)):
        return output
    for path in (record_of(stem), hidden(record_of(stem), _KEY)):
        if os.path.lexists(path) and _owner(_unsealed(path)) != (door, output.name):
            return output
    return stem


def record_of(named: Path) -> Path:
    """The manifest beside an output, by what `named_by` gives."""
    return named.with_name(f"{named.name}.manifest.json")


@dataclass(frozen=True)
class Proof:
    """That a run made a file."""

    path: str
    """From the folder of the record."""
    bytes: int
    sha256: str
    run: str
    """The fingerprint of the run."""

    def fits(self, path: Path) -> bool:
        """Whether a file is still the one that was made; it is read only where its size is the same."""
        regular = path.is_file() and not path.is_symlink()
        return regular and path.stat().st_size == self.bytes and _sha256(path) == self.sha256


class Made:
    """The files of one run.

    `output` is what the user named, `files` what is written beside it, `stale` names at which an earlier run may have
    left what would show another result, `work` hidden folders of unfinished work.
    """

    def __init__(
        self, door: str, output: Path, files: Sequence[Path] = (), stale: Sequence[Path] = (), work: Sequence[Path] = ()
    ) -> None:
        self.output, self.record = output, record_of(named_by(door, output))
        self._door, self._files, self._stale = door, (output, *files), tuple(stale)
        self._ledger = hidden(self.record, _KEY)
        self._work = [*work, *(hidden(path, "new") for path in self._files)]
        self._work += [hidden(path, "part") for path in (self.record, self._ledger)]
        self._run, self._known = "", list[Proof]()

    def check(self, *inputs: PathLike | None) -> None:
        """Refuse, before any work, what cannot be written, and to touch what is read or was not made by geoglot."""
        for path in (*self._files, self.record, self._ledger):
            check_folder(path)
        read = [Path(one) for one in inputs if one is not None and is_there(one)]
        read += [path for one in read for path in beside(one) if path.exists()]
        touched = [
            *self._replaced(),
            *self._stale,
            *(path for one in self._stale for path in beside(one)),
            self._ledger,
        ]
        for path in touched:
            if path.exists() and any(path.samefile(one) for one in read):
                raise InputError(f"{path} is the source of this run, or a part of it; give the output another name")
        for folder in self._work:
            if any(folder.resolve() in one.resolve().parents for one in read):
                raise InputError(f"{folder} holds what is read; move that, or give the output another name")
            check_own(folder)

    def start(self, run: str, overwrite: bool) -> None:
        """Refuse to replace what is no result of this very run, unless it is an earlier result and may be."""
        self._run = run
        self._known = [*self._read(self.record, overwrite), *self._read(self._ledger, True)]
        for path in filter(os.path.lexists, self._replaced()):
            if path == self.record:
                continue
            proofs = self._proofs(path)
            if proofs and not overwrite and all(one.run != run for one in proofs):
                raise OutputError(self._there(path))
            if not any(one.fits(path) for one in proofs):
                raise OutputError(_not_ours(path))
        for path in self._files:
            _check_closed(path)

    @contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """A name to write a file of this run under; with what is put beside it, it appears when the block ends well."""
        with disk_errors(path), drafts(path, "new") as folder:
            yield (draft := folder / path.name)
            new = {path.with_name(one.name): one for one in (draft, *beside(draft)) if one.exists()}
            self._known += [self._proof(target, one) for target, one in new.items()]
            self._open_ledger()
            for old in beside(path):
                self.remove(old)
            for target, one in new.items():
                if os.path.lexists(target) and not self._is_ours(target):  # it came while we worked
                    raise OutputError(_not_ours(target))
                one.replace(target)

    def remove(self, path: Path) -> None:
        """Take a file away, if it is ours."""
        if os.path.lexists(path) and self._is_ours(path):
            self._open_ledger()
            path.unlink()

    def finish(self, document: Mapping[str, Any]) -> None:
        """Take away what shows another result, and write the record, which says that the files are complete."""
        for path in self._stale:
            for one in (path, *beside(path)):
                self.remove(one)
        self._open_ledger()
        if os.path.lexists(self.record):
            raise OutputError(_not_ours(self.record))
        latest = {one.path: one for one in self._known}
        there = self.record.absolute().parent
        write_json(self.record, self._sealed(document, [one for one in latest.values() if (there / one.path).exists()]))
        self._ledger.unlink()

    def _replaced(self) -> list[Path]:
        return [*self._files, *(path for one in self._files for path in beside(one)), self.record]

    def _there(self, path: Path) -> str:
        how = "--overwrite (in Python overwrite=True) replaces it"
        return f"{path} is there already, made by another run of geoglot {self._door}; {how}, or give another name"

    def _proofs(self, path: Path) -> list[Proof]:
        own = self._relative(path)
        return [one for one in self._known if one.path == own]

    def _is_ours(self, path: Path) -> bool:
        return any(one.fits(path) for one in self._proofs(path))

    def _relative(self, path: Path) -> str:
        return os.path.relpath(path.absolute(), self.record.absolute().parent)

    def _proof(self, target: Path, file: Path) -> Proof:
        return Proof(self._relative(target), file.stat().st_size, _sha256(file), self._run)

    def _open_ledger(self) -> None:
        """Keep what is known to be ours, and take the earlier record away, which would tell of other files."""
        if os.path.lexists(self._ledger) and _owner(_unsealed(self._ledger)) != (self._door, self.output.name):
            raise OutputError(f"{self._ledger} is of another run; wait for it, or give the output another name")
        write_json(self._ledger, self._sealed({}, self._known))
        if os.path.lexists(self.record) and _unsealed(self.record) is not None:
            self.record.unlink()

    def _sealed(self, document: Mapping[str, Any], files: Sequence[Proof]) -> dict[str, Any]:
        made = {"by": self._door, "output": self.output.name, "run": self._run, "files": [asdict(one) for one in files]}
        whole = json.loads(json.dumps({**document, _KEY: made}, default=str))
        whole[_KEY]["seal"] = _seal(whole)
        return {**document, _KEY: whole[_KEY]}

    def _read(self, path: Path, overwrite: bool) -> list[Proof]:
        """What a record or ledger of this output proves."""
        if not os.path.lexists(path):
            return []
        made = _unsealed(path)
        if made is None:
            raise OutputError(_not_ours(path))
        if _owner(made) != (self._door, self.output.name):
            raise OutputError(f"{path} is the record of another result; give the output another name")
        if made["run"] != self._run and not overwrite:
            raise OutputError(self._there(self.output if self.output.exists() else path))
        return [Proof(**one) for one in made["files"]]


def _owner(made: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """The door and the output that a record is of."""
    return (made["by"], made["output"]) if made else None


def _check_closed(path: Path) -> None:
    """OutputError for a GeoPackage that another program reads or writes at this moment."""
    if path.suffix.lower() != ".gpkg" or not path.exists():
        return
    file = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        file.execute("begin exclusive")
        file.execute("rollback")
    except sqlite3.OperationalError as error:
        raise OutputError(f"{path} is open in another program ({error}); close it there and run this again") from error
    except sqlite3.DatabaseError:
        pass  # no database, so nobody has it open as one
    finally:
        file.close()


def _not_ours(path: Path) -> str:
    return f"{path} is not as geoglot made it, or was made by others; move it away, or give the output another name"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(document: Mapping[str, Any]) -> str:
    made = {key: value for key, value in document[_KEY].items() if key != "seal"}
    text = json.dumps({**document, _KEY: made}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _unsealed(path: Path) -> dict[str, Any] | None:
    """What a record says was made; None for what is no record, or one that was changed since."""
    try:
        document = json.loads(path.read_bytes()) if path.is_file() and not path.is_symlink() else {}
        made: dict[str, Any] = document[_KEY]
        return made if made["seal"] == _seal(document) else None
    except (ValueError, KeyError, TypeError):
        return None
