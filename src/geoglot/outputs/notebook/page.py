"""What a result shows of itself: sentences, tables and files as a `Page`; pictures and shapes as a `Drawing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from geoglot.errors import SourceError
from geoglot.geo import Grid
from geoglot.legible import reason_of
from geoglot.outputs.palette import Colour

if TYPE_CHECKING:
    import geopandas as gpd


@dataclass(frozen=True)
class Table:
    """Rows of cells, all as people read them."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    colours: Sequence[Colour] = ()
    """Of the rows, as on the map; empty if rows have none."""


@dataclass(frozen=True)
class Page:
    """A result in words."""

    title: str
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    files: Mapping[str, object] = field(default_factory=dict)
    """By what they are; None for a file that is not there."""
    folded: Mapping[str, str] = field(default_factory=dict)
    """Longer texts by their headings, such as the program of an answer."""


@dataclass(frozen=True)
class Picture:
    """A picture with its place."""

    title: str
    image: Image.Image
    grid: Grid | None
    """Of its pixels; None for a picture that has no place."""


@dataclass(frozen=True)
class Drawing:
    """A result in pictures."""

    scenes: Sequence[Picture] = ()
    """What was looked at, the earliest first."""
    map: Picture | None = None
    """The last scene under what was found."""
    entries: Sequence[tuple[Colour, str]] = ()
    """The legend of the map."""
    shapes: gpd.GeoDataFrame | None = None
    """What was found as outlines, for a web map, the most important first. The column "colour" is a `hex_of`; the
    others are facts that a person reads."""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, from left to right."""
        return (*self.scenes, self.map) if self.map else tuple(self.scenes)


@dataclass(frozen=True)
class WrittenFile:
    """A file as a run left it."""

    path: Path
    state: tuple[int, int]
    """Bytes, and when it was written in nanoseconds."""

    @classmethod
    def of(cls, path: Path) -> WrittenFile:
        """A file that is there."""
        return cls(path, _state_of(path))

    def checked(self) -> Path:
        """Its path; SourceError if it is gone, or if another run wrote it since, whose result would be shown."""
        try:
            same = _state_of(self.path) == self.state
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {reason_of(error)}") from error
        if not same:
            raise SourceError(f"{self.path} was written again since; only the result of that run can show it")
        return self.path


def _state_of(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
