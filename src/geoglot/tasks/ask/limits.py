"""What a program may use: time, memory, calls and pixels, counted where it calls out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from geoglot.errors import InputError, LimitError


@dataclass(frozen=True)
class Limits:
    """For one program. None of them can be switched off."""

    seconds: float = 5.0
    """Of the program and of the geometry that it asks for; the model's own time is bounded by `pixels`."""
    memory_mb: int = 64
    """Of the interpreter's heap."""
    calls: int = 200
    """Of the vocabulary."""
    pixels: int = 4_000_000_000
    """Scored by the model, over all names looked for."""
    vertices: int = 500_000
    """Of the polygons that one call may join, buffer or measure."""
    names: int = 100
    """Different ones, that things are looked for or a scene is judged by."""
    things: int = 500_000
    """Handed out over all calls: every one is kept for the record."""

    def __post_init__(self) -> None:
        for name in ("seconds", "memory_mb", "calls", "pixels", "vertices", "names", "things"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"the limit {name} is a positive number, not {getattr(self, name)}")


class Budget:
    """What is left of the limits while one program runs."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.calls = self.pixels = self.things = 0
        self._names: set[str] = set()
        self.broken: str | None = None
        """The limit that was met, in words: a program may catch the error, but the run has failed."""
        self._deadline = time.monotonic() + limits.seconds

    def call(self) -> None:
        """Count one call; LimitError beyond the limits."""
        self.calls += 1
        if self.calls > self.limits.calls:
            self._refuse(f"the program made more than {self.limits.calls} calls")
        self.tick()

    def tick(self) -> None:
        """LimitError when the time is over."""
        if time.monotonic() > self._deadline:
            self._refuse(f"the program took more than {self.limits.seconds:g} s")

    def look(self, pixels: int) -> None:
        """Count pixels before they are scored."""
        if self.pixels + pixels > self.limits.pixels:
            self._refuse(f"the program would look at more than {self.limits.pixels:,} pixels")
        self.pixels += pixels
        self.tick()

    def name(self, name: str) -> None:
        """Count the different names that a model must read."""
        self._names.add(name)
        if len(self._names) > self.limits.names:
            self._refuse(f"the program asked for more than {self.limits.names} different names")

    def keep(self, things: int) -> None:
        """Count what a call hands out."""
        self.things += things
        if self.things > self.limits.things:
            self._refuse(f"the program was handed more than {self.limits.things:,} things")

    def join(self, vertices: int) -> None:
        """Refuse geometry that would take too long."""
        if vertices > self.limits.vertices:
            self._refuse(f"{vertices:,} corners in one call are more than {self.limits.vertices:,}; ask of a part")

    @contextmanager
    def stopped_clock(self) -> Iterator[None]:
        """The model's own time is not the program's."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._deadline += time.monotonic() - started

    def _refuse(self, why: str) -> None:
        self.broken = self.broken or why
        raise LimitError(why)
