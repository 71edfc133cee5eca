"""Encodes units of work into batches for an archive, while a thread reads ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float, Float16

from geoglot.index.chip_table import CHIPS, SOURCES, ChipBatch
from geoglot.index.read_chips import PartFailed, PartRead, ReadChip, UnitRead, read_units
from geoglot.index.units import Rules, Unit
from geoglot.models.base import VisionLanguageModel
from geoglot.scene.embed import compute
from geoglot.sources.read_ahead import ahead

_AHEAD = 4  # batches that wait for the model


@dataclass(frozen=True)
class Done:
    """A unit that was done."""

    unit: Unit
    batch: ChipBatch
    """Without sources if none could be read."""
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
    events = ahead(read_units(units, rules, model.card), _AHEAD * batch)
    work = _Work(model, rules)
    try:
        for event in events:
            if isinstance(event, ReadChip):
                work.add(event)
                if len(work.waiting) == batch:
                    yield work.encode()
            elif isinstance(event, UnitRead):
                yield work.encode()
                yield work.finish(event.unit)
                work = _Work(model, rules)
            else:
                work.end_part(event)
    finally:
        events.close()


@dataclass
class _Work:
    """A unit that is being done."""

    model: VisionLanguageModel
    rules: Rules
    waiting: list[Float[np.ndarray, "band side side"]] = field(default_factory=list)
    outputs: list[np.ndarray | str] = field(default_factory=list)
    """A vector, or why there is none, of every chip."""
    patches: list[np.ndarray | str] = field(default_factory=list)
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

    @torch.inference_mode()
    def encode(self) -> Step:
        """Encode the chips that wait."""
        model, chips = self.model, self.waiting
        self.outputs += compute(lambda pixels: model.encode_image(pixels.to(model.device)).float(), chips)
        if self.rules.patches:
            self.patches += compute(lambda pixels: model.encode_patches(pixels.to(model.device)).float(), chips)
        step = Step(self.bytes + self.current, len(chips), self.area_m2)
        self.waiting, self.area_m2 = [], 0.0
        return step

    def end_part(self, event: PartRead | PartFailed) -> None:
        self.parts.append((event, self.read - sum(count for _, count in self.parts)))
        self.bytes, self.current = self.bytes + event.part.size, 0.0

    def finish(self, unit: Unit) -> Done:
        """The batch of the unit: vectors and rows of all parts that could be read."""
        failed, notes, good = list[tuple[str, str]](), list[str](), list[int]()
        tables, sources, first = [CHIPS.empty_table()], list[dict[str, Any]](), 0
        for event, count in self.parts:
            here, first = range(first, first + count), first + count
            if isinstance(event, PartFailed):
                failed.append((event.part.source.uri, event.reason))
                continue
            why = {index: reason for index in here if (reason := self._why_failed(index))}
            seen = [index for index in here if index not in why]
            rows = event.chips.take(pa.array([index - here.start for index in seen], pa.int64()))
            tables.append(rows.append_column("part", pa.array([len(sources)] * len(seen), pa.int32())))
            sources.append(self._source_row(event, len(seen), list(why.values())))
            if sources[-1]["failed"]:
                failed.append((event.part.source.uri, str(sources[-1]["why"])))
            good += seen
            notes += event.notes
        chips = pa.concat_tables([table.select(CHIPS.names) for table in tables])
        batch = ChipBatch(self._vectors(good), chips, pa.Table.from_pylist(sources, SOURCES), self._patches(good))
        return Done(unit, batch, tuple(failed), tuple(dict.fromkeys(notes)))

    def _source_row(self, event: PartRead, chips: int, why: list[str]) -> dict[str, Any]:
        failed, reason = event.source["failed"] + len(why), event.source["why"] or next(iter(why), None)
        return {**event.source, "reading": self.rules.reading, "chips": chips, "failed": failed, "why": reason}

    def _why_failed(self, index: int) -> str:
        outputs = [self.outputs[index], *([self.patches[index]] if self.rules.patches else [])]
        return next((output for output in outputs if isinstance(output, str)), "")

    def _vectors(self, good: list[int]) -> Float16[np.ndarray, "chip dim"]:
        rows = [np.asarray(self.outputs[index], np.float16) for index in good]
        return np.stack(rows) if rows else np.empty((0, self.rules.model.dim), np.float16)

    def _patches(self, good: list[int]) -> Float16[np.ndarray, "chip rows cols dim"] | None:
        if not self.rules.patches:
            return None
        rows = [np.moveaxis(np.asarray(self.patches[index], np.float16), 0, -1) for index in good]
        return np.stack(rows) if rows else np.empty((0, 1, 1, self.rules.model.dim), np.float16)
