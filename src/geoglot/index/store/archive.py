"""An archive on disk: a small manifest, and shards of vectors with a table of their chips.

    archive.json                   format, model, patches, and the shards with their numbers of chips
    shard-HASH/vectors.npy         float16 (chip, dim), unit vectors
    shard-HASH/codes.npy           int8 (chip, dim), the same in bytes, with code_scale.npy: what a search reads
    shard-HASH/chips.parquet       a row per chip: columns of `chip_table.CHIPS`
    shard-HASH/sources.parquet     a row per part of a source: columns of `chip_table.SOURCES`
    shard-HASH/patches.npy         float16 (chip, rows, cols, dim), if patches are kept

A shard is named by what it holds and the manifest is sorted, so an archive has the same bytes in whichever order its
shards were added, and a shard that is added twice changes nothing. Chips are removed by source: the manifest lists the
rows of `sources.parquet` that count no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from geoglot.aliases import PathLike
from geoglot.errors import OutputError, SourceError
from geoglot.index.store.chip_shard import Shard, add_shard, read_shard
from geoglot.index.store.chip_table import ChipBatch, check_batch
from geoglot.models.card import Card
from geoglot.outputs.atomic import disk_errors, hold
from geoglot.shards import ShardStore

FORMAT = 1
INDEX = "archive.json"
#: Numbers of a vector, at most
LONGEST = 65_536


@dataclass(frozen=True)
class ModelFacts:
    """The model whose vectors an archive holds. Vectors of two models do not compare."""

    name: str
    sha256: str
    """Hash of its weights; empty for vectors that others made."""
    dim: int
    patch_size: int = 0
    """Pixels; 0 if unknown."""
    tile_size: int = 0
    """Pixels of a chip's side; 0 if unknown."""

    @classmethod
    def of(cls, card: Card) -> ModelFacts:
        return cls(card.name, card.sha256, card.dim, card.patch_size, card.tile_size)


@dataclass(frozen=True)
class Archive:
    """Chips of any number of scenes, as vectors of one model. Opening reads the manifest alone."""

    store: ShardStore
    model: ModelFacts
    keeps_patches: bool = False
    shards: tuple[Shard, ...] = ()
    """Sorted by name."""

    @classmethod
    def create(cls, place: PathLike, model: ModelFacts, *, patches: bool = False) -> Archive:
        """Make an empty archive in a new or empty folder."""
        folder = Path(place)
        if "://" in str(place):
            raise OutputError(f"{place} cannot be written to; make the archive here, and copy it there")
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with hold(folder, wait=True):
            if foreign := [path.name for path in folder.iterdir() if not path.name.startswith(".")]:
                raise OutputError(f"{folder} is not empty ({foreign[0]!r}); give a new folder for the archive")
            archive = cls(ShardStore(folder, INDEX), model, patches)
            archive._write_index()
        return archive

    @classmethod
    def open(cls, place: PathLike) -> Archive:
        """Open the archive in a folder or at a URL; SourceError if there is none."""
        store = ShardStore.at(place, INDEX)
        try:
            index = store.read_index()
            if (version := index["format"]) != FORMAT:
                raise SourceError(f"{place} has format {version}, this geoglot reads {FORMAT}; update geoglot")
            shards = tuple(read_shard(store, line) for line in index["shards"])
            return cls(store, read_model(index["model"]), bool(index["patches"]), shards)
        except FileNotFoundError as error:
            raise SourceError(f"{place} is not an archive: it holds no {INDEX}; make one: geoglot index add") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(f"{INDEX} of {place} cannot be read ({error}); restore it from a copy") from error

    @property
    def place(self) -> str:
        """The folder or URL that the caller named."""
        return self.store.place

    @property
    def rows(self) -> int:
        """Chips that count."""
        return sum(shard.live_rows for shard in self.shards)

    @cached_property
    def starts(self) -> Int[np.ndarray, " start"]:
        """The first row of each shard, counted through all shards and removed chips too, and the number of all rows."""
        return np.cumsum([0, *(shard.rows for shard in self.shards)])

    def locate(self, rows: Int[np.ndarray, " row"]) -> tuple[Int[np.ndarray, " row"], Int[np.ndarray, " row"]]:
        """The shard of each row, and its place in that, for rows that are counted through all shards."""
        shards = np.searchsorted(self.starts, rows, "right") - 1
        return shards, rows - self.starts[shards]

    def append(self, batch: ChipBatch) -> Archive:
        """Add a shard to those that are stored by now, since others may add too. It appears whole or not at all.

        What is there already is not added again, unless it was removed. InputError for a batch that does not fit the
        archive.
        """
        check_batch(batch, self.model.dim, self.keeps_patches)

        def add(now: Archive) -> Archive:
            shard = add_shard(now.store, now.shards, batch, vars(self.model))
            return replace(now, shards=(*(other for other in now.shards if other.name != shard.name), shard))

        return self.change(add)

    def change(self, make: Callable[[Archive], Archive]) -> Archive:
        """Replace the manifest by that of `make(the archive as it is now)`, while no other run can."""
        if self.store.remote:
            raise OutputError(f"{self.place} cannot be written to; copy it here, change it, and copy it back")
        with hold(self.store.folder, wait=True):
            now = Archive.open(self.store.folder)
            if (now.model, now.keeps_patches) != (self.model, self.keeps_patches):
                raise OutputError(f"{self.place} was made anew meanwhile, for another model; open it again")
            changed = make(now)
            changed = replace(changed, shards=tuple(sorted(changed.shards, key=lambda shard: shard.name)))
            if changed != now:
                changed._write_index()
            return changed

    def _write_index(self) -> None:
        shards = [shard.entry() for shard in self.shards]
        facts = {"format": FORMAT, "model": vars(self.model), "patches": self.keeps_patches}
        self.store.write_index({**facts, "shards": shards})


def is_archive(place: PathLike) -> bool:
    """Whether a folder here holds an archive."""
    return "://" not in str(place) and (Path(place) / INDEX).is_file()


def read_model(facts: Any) -> ModelFacts:
    """The model that a document describes; ValueError or TypeError for anything else."""
    model = ModelFacts(**facts)
    numbers = (model.dim, model.patch_size, model.tile_size)
    if not (isinstance(model.name, str) and isinstance(model.sha256, str)):
        raise ValueError("name and sha256 of the model must be texts")
    if not all(type(number) is int and 0 <= number <= LONGEST for number in numbers) or not model.dim:
        raise ValueError(f"dim, patch_size and tile_size must be whole numbers, got {numbers}")
    return model
