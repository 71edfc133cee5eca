"""Encodes units of work into batches for an archive, while a thread reads ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from geoglot.index.build.chip_lanes import ChipLanes, Outputs, open_chip_lanes
from geoglot.index.build.read_chips import PartFailed, PartRead, ReadChip, UnitRead, read_units
from geoglot.index.build.units import Rules, Unit
from geoglot.index.store.chip_table import CHIPS, SOURCES, ChipBatch
from geoglot.models.base import VisionLanguageModel
from geoglot.sources.read_ahead import make_ahead

_AHEAD = 4  # batches that wait for the model


@dataclass(frozen=True)
class Done:
    """A unit that was done."""

    unit: Unit
    batch: ChipBatch
    """It has no sources if none could be read."""
    failed: tuple[tuple[str, str], ...]
    """(source, reason) of what could not be read or computed."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """Progress between two units."""

    bytes: float
    """Bytes of sources that are read, of this unit."""
    chips: int
    """Chips that were encoded since the last step."""
    area_m2: float
    """Their area; 0 for pictures without coordinates."""


def encode_units(units: Iterable[Unit], rules: Rules, model: VisionLanguageModel) -> Iterator[Step | Done]:
    """Do units in order. The vectors of a unit depend on nothing but the unit, its rules and the model."""
    batch = rules.read.batch
    with (
        open_chip_lanes(model) as lanes,
        closing(make_ahead(read_units(units, rules, model.card), _AHEAD * batch)) as events,
    ):
        work = _Work(lanes, rules)
        for event in events:
            if isinstance(event, ReadChip):
                work.add(event)
                if len(work.waiting) == batch:
                    yield work.encode()
            elif isinstance(event, UnitRead):
                yield work.encode()
                yield work.finish(event.unit)
                work = _Work(lanes, rules)
            else:
                work.end_part(event)


@dataclass
class _Work:
    """A unit that is being done."""

    lanes: ChipLanes
    rules: Rules
    waiting: list[Float[np.ndarray, "band side side"]] = field(default_factory=list)
    batches: list[tuple[Future[Outputs], Future[Outputs] | None]] = field(default_factory=list)
    """Vectors of chips and, if they are kept, of their patches."""
    parts: list[tuple[PartRead | PartFailed, int]] = field(default_factory=list)
    """Each part that ended, and the number of its chips."""
    read: int = 0
    """Chips that were read, those waiting included."""
    bytes: float = 0.0
    """Bytes of the parts that ended."""
    current: float = 0.0
    """Bytes of the present part that are read."""
    area_m2: float = 0.0
    """Area of the chips that wait."""

    def add(self, chip: ReadChip) -> None:
        self.waiting.append(chip.pixels)
        self.read, self.current, self.area_m2 = self.read + 1, chip.done, self.area_m2 + chip.area_m2

    def encode(self) -> Step:
        """Hand the chips that wait to the model."""
        chips, step = self.waiting, Step(self.bytes + self.current, len(self.waiting), self.area_m2)
        self.batches.append((self.lanes.image(chips), self.lanes.patches(chips) if self.rules.patches else None))
        self.waiting, self.area_m2 = [], 0.0
        return step

    def end_part(self, event: PartRead | PartFailed) -> None:
        self.parts.append((event, self.read - sum(count for _, count in self.parts)))
        self.bytes, self.current = self.bytes + event.part.size, 0.0

    def finish(self, unit: Unit) -> Done:
        """The batch of the unit: vectors and rows of all parts that could be read."""
        vectors = [output for batch, _ in self.batches for output in batch.result()]
        patches = [output for _, batch in self.batches if batch for output in batch.result()]
        failed, notes, good = list[tuple[str, str]](), list[str](), list[int]()
        rows, sources, first = list[dict[str, Any]](), list[dict[str, Any]](), 0
        for event, count in self.parts:
            here, first = range(first, first + count), first + count
            if isinstance(event, PartFailed):
                failed.append((event.part.source.uri, event.reason))
                continue
            why = {index: reason for index in here if (reason := _why_failed(index, vectors, patches))}
            seen = [index for index in here if index not in why]
            rows += [{**event.chips[index - here.start], "part": len(sources)} for index in seen]
            sources.append(self._source_row(event, len(seen), list(why.values())))
            if sources[-1]["failed"]:
                failed.append((event.part.source.uri, str(sources[-1]["why"])))
            good += seen
            notes += event.notes
        kept = _stack([patches[index] for index in good], self.rules.model.dim, 4) if self.rules.patches else None
        batch = ChipBatch(
            _stack([vectors[index] for index in good], self.rules.model.dim, 2),
            pa.Table.from_pylist(rows, CHIPS),
            pa.Table.from_pylist(sources, SOURCES),
            None if kept is None else np.ascontiguousarray(np.moveaxis(kept, 1, -1)),
        )
        return Done(unit, batch, tuple(failed), tuple(dict.fromkeys(notes)))

    def _source_row(self, event: PartRead, chips: int, why: list[str]) -> dict[str, Any]:
        failed, reason = event.source["failed"] + len(why), event.source["why"] or next(iter(why), None)
        return {**event.source, "reading": self.rules.reading, "chips": chips, "failed": failed, "why": reason}


def _why_failed(index: int, *outputs: Outputs) -> str:
    return next((output for some in outputs if some and isinstance(output := some[index], str)), "")


def _stack(rows: Outputs, dim: int, axes: int) -> np.ndarray:
    """Vectors as one array (chip, dim, ...) of half precision."""
    return np.stack(rows).astype(np.float16) if rows else np.empty((0, dim, 1, 1)[:axes], np.float16)
