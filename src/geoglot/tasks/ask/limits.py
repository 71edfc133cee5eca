"""Limits of a program, and the budget that counts its use of them at every call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from geoglot.errors import InputError, LimitError


@dataclass(frozen=True)
class Limits:
    """Limits of one program. None can be switched off."""

    seconds: float = 5.0
    """For the program and its geometry; `pixels` bounds the time of the model."""
    memory_mb: int = 64
    """Heap of the interpreter."""
    calls: int = 200
    """Calls of the vocabulary."""
    pixels: int = 4_000_000_000
    """Pixels that the model scores, over all names."""
    vertices: int = 500_000
    """Corners of the polygons that one call joins, buffers or measures."""
    names: int = 100
    """Different names that the model reads."""
    things: int = 500_000
    """Objects that all calls together give; each is kept for the record."""

    def __post_init__(self) -> None:
        for name in ("seconds", "memory_mb", "calls", "pixels", "vertices", "names", "things"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"the limit {name} must be a positive number, got {getattr(self, name)}")


class Budget:
    """The use that one program makes of its limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.calls = self.pixels = self.things = 0
        self._names: set[str] = set()
        self.broken: str | None = None
        """The limit that was passed, in words: a program may catch the error, but its run has failed."""
        self._deadline = time.monotonic() + limits.seconds

    def call(self) -> None:
        """Count one call; LimitError beyond the limits."""
        self.calls += 1
        if self.calls > self.limits.calls:
            self._refuse(f"the program made more than {self.limits.calls} calls")
        self.tick()

    def tick(self) -> None:
        """LimitError after the time limit."""
        if time.monotonic() > self._deadline:
            self._refuse(f"the program took more than {self.limits.seconds:g} s")

    def look(self, pixels: int) -> None:
        """Count pixels before they are scored."""
        if self.pixels + pixels > self.limits.pixels:
            self._refuse(f"the program would look at more than {self.limits.pixels:,} pixels")
        self.pixels += pixels
        self.tick()

    def name(self, name: str) -> None:
        """Count a name, if it is new."""
        self._names.add(name)
        if len(self._names) > self.limits.names:
            self._refuse(f"the program asked for more than {self.limits.names} different names")

    def keep(self, things: int) -> None:
        """Count the objects that a call gives."""
        self.things += things
        if self.things > self.limits.things:
            self._refuse(f"the program was handed more than {self.limits.things:,} things")

    def join(self, vertices: int) -> None:
        """LimitError for geometry that would take too long."""
        if vertices > self.limits.vertices:
            self._refuse(f"{vertices:,} corners in one call are more than {self.limits.vertices:,}; ask of a part")

    @contextmanager
    def stopped_clock(self) -> Iterator[None]:
        """Time inside the block, which the model takes, does not count."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._deadline += time.monotonic() - started

    def _refuse(self, why: str) -> None:
        self.broken = self.broken or why
        raise LimitError(why)
