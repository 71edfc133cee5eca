"""The folder of a collection: what each stage has finished, and what of it is still good.

A stage keeps its pieces (the photos of a place, a picture, a tile) as files that appear by rename, named by what
decides them; at its end it writes a table of all, then a record of what it was made from. A run that was killed finds
the pieces, one with another recipe only those that did not change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from geoglot.aliases import Progress
from geoglot.errors import OutputError, ServiceError, SourceError
from geoglot.outputs.atomic import appears, disk_errors, write_json
from geoglot.pairs.collect.collect_recipe import PairsRecipe

_GIVE_UP = 8  # failures in a row after which a service is taken for down
In = TypeVar("In")


@dataclass(frozen=True)
class Outcome:
    """What came of a stage."""

    counts: Mapping[str, int]
    """For the report, in order."""
    failed: tuple[str, ...] = ()
    """What could not be had now, a sentence each; the next run tries again."""
    unused: tuple[str, ...] = ()
    """What was given and is of no use, a sentence each; no run will change that."""

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"counts": dict(self.counts), "failed": list(self.failed), "unused": list(self.unused)}


@dataclass(frozen=True)
class Collection:
    """A recipe, its folder, and who follows the work."""

    recipe: PairsRecipe
    place: Path
    """Folder of the recipe's file, from which models are named."""
    progress: Progress

    @property
    def folder(self) -> Path:
        """Where everything is kept."""
        return self.recipe.output

    def table(self, name: str) -> Any:
        """A table that a stage has written."""
        return pd.read_parquet(self.folder / f"{name}.parquet")

    def keep_table(self, name: str, frame: Any) -> None:
        """Write a table; it appears whole."""
        with appears(self.folder / f"{name}.parquet") as temporary:
            frame.reset_index(drop=True).to_parquet(temporary)

    def piece(self, kind: str, key: str, suffix: str) -> Path:
        """Where a piece lies, or will; in one of 256 folders, since there may be millions."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        folder = self.folder / kind / digest[:2]
        if not folder.is_dir():
            with disk_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{digest[2:26]}{suffix}"


@dataclass(frozen=True)
class Stage:
    """One step of a collection."""

    name: str
    run: Callable[[Collection], Outcome]
    decides: Callable[[PairsRecipe], Any]
    """The part of the recipe that its result depends on."""
    inputs: tuple[str, ...] = ()
    """Files of earlier stages."""
    outputs: tuple[str, ...] = field(default=())

    def outcome(self, collection: Collection) -> Outcome | None:
        """What came of it, if it is finished and nothing that it was made from has changed."""
        path = self._record(collection)
        try:
            record = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        there = all((collection.folder / name).exists() for name in self.outputs)
        if not there or record["made_from"] != self.made_from(collection):
            return None
        return Outcome(record["counts"], tuple(record["failed"]), tuple(record.get("unused", ())))

    def keep(self, collection: Collection, outcome: Outcome, made_from: str) -> None:
        """Write the record, with what it was made from as that was before it ran: files may have come since.

        One with failures is shown and not taken for finished.
        """
        record = {"made_from": None if outcome.failed else made_from, **outcome.to_json()}
        self._record(collection).parent.mkdir(exist_ok=True)
        write_json(self._record(collection), record)

    def forget(self, collection: Collection) -> None:
        """As if it had never been finished."""
        self._record(collection).unlink(missing_ok=True)

    def made_from(self, collection: Collection) -> str:
        """All that decides what comes of it, as it is now."""
        digest = hashlib.sha256(repr(self.decides(collection.recipe)).encode())
        for name in self.inputs:
            digest.update(file_digest(collection.folder / name).encode())
        return digest.hexdigest()[:16]

    def _record(self, collection: Collection) -> Path:
        return collection.folder / "stages" / f"{self.name}.json"


def file_digest(path: Path) -> str:
    """sha256 of a file; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resume(
    collection: Collection, what: str, left: Sequence[In], total: int, work: Callable[[In], object]
) -> list[str]:
    """Do what is left of a total, as many at a time as the recipe says; gives what failed for now."""
    before = total - len(left)
    threads = collection.recipe.web.parallel
    return in_parallel(left, work, threads, lambda done: collection.progress(what, before + done, total))


def in_parallel(
    items: Sequence[In], work: Callable[[In], object], threads: int, advance: Callable[[int], None]
) -> list[str]:
    """Do all, some at a time, whatever fails; gives what failed for now, in the order of the items.

    A full disk ends it at once. After so many failures in a row that the service must be down, the rest is not tried.
    """
    failures: dict[int, str] = {}
    running: dict[Future[object], int] = {}
    done, in_a_row, coming = 0, 0, iter(enumerate(items))
    with ThreadPoolExecutor(threads) as pool:
        try:
            while True:
                while len(running) < 2 * threads and in_a_row < _GIVE_UP and (following := next(coming, None)):
                    running[pool.submit(work, following[1])] = following[0]
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    number = running.pop(future)
                    try:
                        future.result()
                        in_a_row = 0
                    except OutputError:
                        raise
                    except (ServiceError, SourceError) as error:
                        failures[number] = str(error)
                        in_a_row += isinstance(error, ServiceError)
                    done += 1
                    advance(done)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    told = [failures[number] for number in sorted(failures)]
    if left := len(items) - done:
        told.append(f"{_GIVE_UP} failures in a row: {left} more were not tried; run the same again later")
    return told
