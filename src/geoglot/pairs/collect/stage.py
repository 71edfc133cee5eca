"""Stages of a collection and the folder in which they keep their results.

A stage keeps its pieces (the photos of a place, a picture, a tile) as files that appear by rename and are named by a
hash of everything that decides them. At its end it writes tables, then a record with a hash of its inputs. So a killed
run resumes from the pieces, and a changed recipe reuses the pieces that it does not affect.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from geoglot.aliases import Progress
from geoglot.errors import ServiceError, SourceError
from geoglot.hashing import sha256_of
from geoglot.outputs.atomic import appears, disk_errors, write_json
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.web.response import HostError

_GIVE_UP = 8  # ServiceErrors in a row after which a service counts as down
In = TypeVar("In")


@dataclass(frozen=True)
class Outcome:
    """Result of a stage."""

    counts: Mapping[str, int]
    """Figures for the report, in order."""
    failed: tuple[str, ...] = ()
    """A sentence for each failure that the next run tries again."""
    unused: tuple[str, ...] = ()
    """A sentence for each input that no run can use."""
    notes: tuple[str, ...] = ()
    """A sentence for each result that may surprise."""


@dataclass(frozen=True)
class Collection:
    """A recipe, and the tables and pieces that its stages keep."""

    recipe: PairsRecipe
    recipe_folder: Path
    """Paths of models in the recipe are relative to it; the results lie in `folder`."""
    progress: Progress

    @property
    def folder(self) -> Path:
        return self.recipe.output

    def table(self, name: str) -> Any:
        """The data frame that an earlier stage kept."""
        return pd.read_parquet(self.folder / f"{name}.parquet")

    def keep_table(self, name: str, frame: Any) -> None:
        with appears(self.folder / f"{name}.parquet") as temporary:
            frame.reset_index(drop=True).to_parquet(temporary)

    def piece(self, kind: str, key: str, suffix: str) -> Path:
        """Path of a piece, in one of 256 folders, since there may be millions of pieces."""
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
    """The part of the recipe on which the result depends."""
    inputs: tuple[str, ...] = ()
    """Files of earlier stages, relative to the folder of the collection."""
    outputs: tuple[str, ...] = ()

    def outcome(self, collection: Collection) -> Outcome | None:
        """The recorded outcome if the stage is finished, its outputs are there and its inputs unchanged, else None."""
        try:
            record = json.loads(self._record(collection).read_bytes())
        except FileNotFoundError:
            return None
        complete = all((collection.folder / name).exists() for name in self.outputs)
        if not complete or record["made_from"] != self.made_from(collection):
            return None
        lines = (tuple(record.get(name, ())) for name in ("failed", "unused", "notes"))  # older records lack some
        return Outcome(record["counts"], *lines)

    def keep(self, collection: Collection, outcome: Outcome, made_from: str) -> None:
        """Write the record. With failures it only serves the report: the stage does not count as finished.

        made_from: the hash from before the stage ran, since input files may have changed meanwhile.
        """
        record = {
            "made_from": None if outcome.failed else made_from, "counts": dict(outcome.counts),
            "failed": list(outcome.failed), "unused": list(outcome.unused), "notes": list(outcome.notes),
        }  # fmt: skip
        self._record(collection).parent.mkdir(exist_ok=True)
        write_json(self._record(collection), record)

    def forget(self, collection: Collection) -> None:
        self._record(collection).unlink(missing_ok=True)

    def made_from(self, collection: Collection) -> str:
        """Hash of everything that decides the result."""
        digest = hashlib.sha256(repr(self.decides(collection.recipe)).encode())
        for name in self.inputs:
            digest.update(file_digest(collection.folder / name).encode())
        return digest.hexdigest()[:16]

    def _record(self, collection: Collection) -> Path:
        return collection.folder / "stages" / f"{self.name}.json"


def count_reasons(reasons: Any) -> dict[str, int]:
    """Figures for `Outcome`: how many rows were left out for each reason; an empty reason is a row that stays."""
    counts = reasons[reasons != ""].value_counts()
    return {f"left: {why}": int(number) for why, number in sorted(counts.items())}


def file_digest(path: Path) -> str:
    """sha256 of a file; an empty string if there is no file."""
    return sha256_of(path) if path.is_file() else ""


def resume(
    collection: Collection, what: str, remaining: Sequence[In], total: int, work: Callable[[In], object]
) -> list[str]:
    """`run_parallel` on the items that remain of a total, with progress, in as many threads as the recipe says."""
    before, threads = total - len(remaining), collection.recipe.web.parallel
    return run_parallel(remaining, work, threads, lambda done: collection.progress(what, before + done, total))


def run_parallel(
    items: Sequence[In], work: Callable[[In], object], threads: int, advance: Callable[[int], None]
) -> list[str]:
    """Run `work` on all items in threads; return a sentence for each failure, in the order of the items.

    Only a SourceError is such a failure: any other error, such as a full disk, ends the run at once. After several
    ServiceErrors without a success in between the service counts as down, and no further item is tried.
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
                    except SourceError as error:
                        failures[number] = str(error)
                        in_a_row += isinstance(error, ServiceError) and not isinstance(error, HostError)
                    done += 1
                    advance(done)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    sentences = [failures[number] for number in sorted(failures)]
    if untried := len(items) - done:
        sentences.append(f"{_GIVE_UP} failures in a row: {untried} more were not tried; run the same again later")
    return sentences
