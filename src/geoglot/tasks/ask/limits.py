"""Limits of a program, and a budget that counts what the program has used of them."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

from geoglot.bounds import check_bounds
from geoglot.errors import LimitError
from geoglot.settings import load_settings

_Seconds = Annotated[float, Gt(0), Lt(math.inf)]
_Number = Annotated[int, Ge(1), Lt(math.inf)]
Look = Literal["name", "class", "colour"]
_FREE: dict[Look, int] = {"name": 10, "class": 100, "colour": 1000}


@dataclass(frozen=True)
class Limits:
    """Limits of one program. No limit can be switched off."""

    seconds: _Seconds = field(default_factory=lambda: load_settings().ask_seconds)
    """Time for the program and its geometry. Of the model, time counts after the first 10 names, 100 classifications
    and 1,000 colours, which `pixels` bounds."""
    memory_mb: _Number = 64
    """The heap of the interpreter."""
    calls: _Number = 200
    """Calls to the vocabulary."""
    pixels: _Number = 4_000_000_000
    """Pixels that the model scores, over all names."""
    vertices: _Number = 500_000
    """Vertices of the polygons that one call joins, buffers or measures."""
    names: _Number = 100
    """Different names that the model reads."""
    things: _Number = 500_000
    """Objects that all calls together return; each stays in the record."""

    def __post_init__(self) -> None:
        check_bounds(self)


class Budget:
    """Counts what one program uses, and raises LimitError when it passes a limit."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.calls = self.pixels = self.things = 0
        self._names: set[str] = set()
        self._looks = Counter[Look]()
        self.broken: str | None = None
        """The limit that was passed, in words. A program may catch the error, but its run has failed."""
        self._deadline = time.monotonic() + limits.seconds

    def call(self) -> None:
        self.calls += 1
        if self.calls > self.limits.calls:
            self._refuse(f"the program made more than {self.limits.calls} calls")
        self.tick()

    def tick(self) -> None:
        """Check the time limit."""
        if time.monotonic() > self._deadline:
            self._refuse(f"the program took more than {self.limits.seconds:g} s; GEOGLOT_ASK_SECONDS allows more")

    def look(self, pixels: int) -> None:
        """Count pixels before they are scored."""
        if self.pixels + pixels > self.limits.pixels:
            self._refuse(f"the program would look at more than {self.limits.pixels:,} pixels")
        self.pixels += pixels
        self.tick()

    def name(self, name: str) -> None:
        self._names.add(name)
        if len(self._names) > self.limits.names:
            self._refuse(f"the program asked for more than {self.limits.names} different names")

    def keep(self, things: int) -> None:
        """Count the objects that a call returns."""
        self.things += things
        if self.things > self.limits.things:
            self._refuse(f"the program was given more than {self.limits.things:,} things")

    def join(self, vertices: int) -> None:
        """Check that geometry will not take too long."""
        if vertices > self.limits.vertices:
            self._refuse(f"{vertices:,} corners in one call are more than {self.limits.vertices:,}; ask of a part")

    @contextmanager
    def stopped_clock(self, what: Look) -> Iterator[None]:
        """Do not count the time inside the block, which the model takes, for the first looks of a kind."""
        started = time.monotonic()
        self._looks[what] += 1
        try:
            yield
        finally:
            if self._looks[what] <= _FREE[what]:
                self._deadline += time.monotonic() - started

    def _refuse(self, why: str) -> None:
        self.broken = self.broken or why
        raise LimitError(why)
