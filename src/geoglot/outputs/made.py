"""The files of a run, and which files of an earlier run it may replace.

A file is ours if a record names it and its sha256 is still the recorded one. Nothing else is replaced or removed,
whatever its name. The ledger of a killed run names the files that it had made. Decision 13 gives the reasons.

A run that finds another file in its way is refused. Only for a style, which several files of one name share and which
people change in QGIS, it goes on: the style that is there stays.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike
from geoglot.errors import InputError, OutputError
from geoglot.outputs.atomic import check_folder, disk_errors, drafts, write_json
from geoglot.outputs.finished import pass_over_finished
from geoglot.outputs.own import check_own, hidden_path
from geoglot.outputs.record import KEY, Proof, Record, read_record

# GDAL, SQLite and QGIS read these together with a file: an old one beside a new file would be taken for a part of it.
_QML = ".qml"
_STYLE = ("{stem}" + _QML,)
_RASTER = ("{name}.aux.xml", "{name}.ovr", "{name}.msk", "{stem}.tfw", "{stem}.wld", *_STYLE)
_SQLITE = ("{name}-wal", "{name}-shm", "{name}-journal")  # the style is a table inside
_SHAPEFILE = tuple(f"{{stem}}.{end}" for end in ("shx", "dbf", "prj", "cpg", "qix", "sbn", "sbx"))
_BESIDE = {".tif": _RASTER, ".tiff": _RASTER, ".gpkg": _SQLITE, ".shp": (*_SHAPEFILE, *_STYLE)}
_BESIDE |= dict.fromkeys((".geojson", ".fgb", ".parquet", ".zip"), _STYLE)


def beside(path: Path) -> list[Path]:
    """The files that GDAL, SQLite or QGIS would read together with a file; they need not exist."""
    patterns = _BESIDE.get(path.suffix.lower(), ())
    return [path.with_name(pattern.format(name=path.name, stem=path.stem)) for pattern in patterns]


def named_by(door: str, output: Path) -> Path:
    """The path from which the files beside an output take their names.

    It is the output without its suffix, or with it if the shorter name belongs to another result.
    """
    stem = output.with_name(output.stem)
    if os.path.lexists(record_of(output)):
        return output
    for path in (record_of(stem), hidden_path(record_of(stem), KEY)):
        if os.path.lexists(path) and not ((record := read_record(path)) and record.is_about(door, output)):
            return output
    return stem


def record_of(named: Path) -> Path:
    """The manifest beside an output; `named` comes from `named_by`."""
    return named.with_name(f"{named.name}.manifest.json")


def made_before(door: str, output: Path) -> list[Path]:
    """The files that earlier runs of an output recorded, killed ones included; they need not exist any more."""
    record = record_of(named_by(door, output))
    records = [read_record(path) for path in (record, hidden_path(record, KEY))]
    known = [each for each in records if each and each.is_about(door, output)]
    return [record.parent / proof.path for each in known for proof in each.proofs]


class Made:
    """The files of one run.

    `output` is the path that the user gave, `files` are written beside it. Files under the names `stale` are removed if
    an earlier run made them, since they show another result. `work` are hidden folders of unfinished work.
    """

    def __init__(
        self, door: str, output: Path, files: Sequence[Path] = (), stale: Sequence[Path] = (), work: Sequence[Path] = ()
    ) -> None:
        self.output, self.record = output, record_of(named_by(door, output))
        self._door, self._files, self._stale = door, (output, *files), tuple(stale)
        self._ledger = hidden_path(self.record, KEY)
        self._work = [*work, *(hidden_path(path, "new") for path in self._files)]
        self._work += [hidden_path(path, "part") for path in (self.record, self._ledger)]
        self._run, self._known, self._read_stems = "", list[Proof](), set[Path]()

    def check(self, *inputs: PathLike | None) -> None:
        """Before any work, refuse outputs that cannot be written or are inputs, and foreign folders of work."""
        for path in (*self._files, self.record, self._ledger):
            check_folder(path)
        # os.path.exists is False for text that cannot be a name, such as class words; Path.exists raises.
        given = [Path(path) for path in inputs if path is not None and os.path.exists(path)]  # noqa: PTH110
        self._read_stems |= {path.resolve().with_suffix("") for path in given}
        read = [path for path in _with_beside(given) if path.exists() and (path in given or path.suffix != _QML)]
        for path in (*_with_beside(self._files), *_with_beside(self._stale), self.record, self._ledger):
            if path.exists() and any(path.samefile(source) for source in read):
                raise InputError(f"{path} is the source of this run, or a part of it; give the output another name")
        for folder in self._work:
            if any(folder.resolve() in source.resolve().parents for source in read):
                raise InputError(f"{folder} holds a file that this run reads; move it, or give the output another name")
            check_own(folder)

    def start(self, run: str, overwrite: bool) -> None:
        """Refuse to replace files, unless this run made them, or another run of geoglot and `overwrite` is set.

        Inside `keeping_finished` a run whose result is complete ends here.
        """
        self._run = run
        self._known = [*self._read(self.record, overwrite), *self._read(self._ledger, True)]
        for path in (path for path in _with_beside(self._files) if path.suffix != _QML and os.path.lexists(path)):
            proofs = self._proofs(path)
            if proofs and not overwrite and all(proof.run != run for proof in proofs):
                raise OutputError(self._another_run(path))
            if not any(proof.fits(path) for proof in proofs):
                raise OutputError(_not_ours(path))
        for path in self._files:
            _check_closed(path)
        if not os.path.lexists(self._ledger):
            pass_over_finished(self.record, run, self._files)

    @contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """A draft of a file of this run. The draft and the files beside it appear when the block ends well."""
        with disk_errors(path), drafts(path, "new") as folder:
            yield (draft := folder / path.name)
            check_own(folder)
            new = {path.with_name(file.name): file for file in _with_beside([draft]) if file.exists()}
            new = {target: file for target, file in new.items() if target.suffix != _QML or self._may_style(target)}
            self._known += [Proof.of(file, self._relative(target), self._run) for target, file in new.items()]
            self._open_ledger()
            for old in beside(path):
                self.remove(old)
            for target, file in new.items():
                if os.path.lexists(target) and not self._is_ours(target):  # somebody wrote it while we worked
                    raise OutputError(_not_ours(target))
                file.replace(target)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is ours."""
        if os.path.lexists(path) and self._is_ours(path):
            self._open_ledger()
            path.unlink()

    def finish_without(self, document: Mapping[str, Any]) -> None:
        """End a run that has nothing to show: the output that an earlier run made would be taken for its result."""
        if os.path.lexists(self.output):
            self.remove(self.output)
            self.finish(document)

    def finish(self, document: Mapping[str, Any]) -> None:
        """Remove stale files, then write the record, which says that the files are complete."""
        for path in _with_beside(self._stale):
            self.remove(path)
        self._open_ledger()
        if os.path.lexists(self.record):
            raise OutputError(_not_ours(self.record))
        latest = {proof.path: proof for proof in self._known}.values()
        folder = self.record.absolute().parent
        write_json(self.record, self._sealed(document, [proof for proof in latest if (folder / proof.path).exists()]))
        self._ledger.unlink()

    def _read(self, path: Path, overwrite: bool) -> tuple[Proof, ...]:
        """The proofs in a record or ledger of this output."""
        if not os.path.lexists(path):
            return ()
        record = read_record(path)
        if record is None:
            raise OutputError(_not_ours(path))
        if not record.is_about(self._door, self.output):
            raise OutputError(f"{path} is the record of another result; give the output another name")
        if record.run != self._run and not overwrite:
            raise OutputError(self._another_run(self.output if self.output.exists() else path))
        return record.proofs

    def _open_ledger(self) -> None:
        """Write down which files are ours, and remove the earlier record, which describes other files."""
        if os.path.lexists(self._ledger):
            record = read_record(self._ledger)
            if record is None or not record.is_about(self._door, self.output):
                raise OutputError(f"{self._ledger} is from another run; wait for it, or give the output another name")
        write_json(self._ledger, self._sealed({}, self._known))
        if os.path.lexists(self.record) and read_record(self.record) is not None:
            self.record.unlink()

    def _sealed(self, document: Mapping[str, Any], proofs: Sequence[Proof]) -> dict[str, Any]:
        return Record(self._door, self.output.name, self._run, tuple(proofs)).sealed(document)

    def _may_style(self, style: Path) -> bool:
        """Whether a style may be written: not for an input of the same name, nor over a style of somebody else."""
        own = style.resolve().with_suffix("") not in self._read_stems
        return own and (not os.path.lexists(style) or self._is_ours(style))

    def _is_ours(self, path: Path) -> bool:
        return any(proof.fits(path) for proof in self._proofs(path))

    def _proofs(self, path: Path) -> list[Proof]:
        own = self._relative(path)
        return [proof for proof in self._known if proof.path == own]

    def _relative(self, path: Path) -> str:
        return os.path.relpath(path.absolute(), self.record.absolute().parent)

    def _another_run(self, path: Path) -> str:
        how = "replace it with --overwrite (in Python overwrite=True)"
        return f"{path} is there already, made by another run of geoglot {self._door}; {how}, or give another name"


def _with_beside(paths: Iterable[Path]) -> list[Path]:
    return [each for path in paths for each in (path, *beside(path))]


def _check_closed(path: Path) -> None:
    """OutputError if another program has the GeoPackage open."""
    if path.suffix.lower() != ".gpkg" or not path.exists():
        return
    file = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        file.execute("begin exclusive")
        file.execute("rollback")
    except sqlite3.OperationalError as error:
        raise OutputError(f"{path} is open in another program ({error}); close it there and run this again") from error
    except sqlite3.DatabaseError:
        pass  # the file is no database, so no program has it open as one
    finally:
        file.close()


def _not_ours(path: Path) -> str:
    return f"{path} was made or changed by another program; move it away, or give the output another name"
