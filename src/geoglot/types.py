"""Aliases for what public functions accept. What ends in Like is normalised in their first lines, never passed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

PathLike = str | Path
#: "a,b", a list of names, names with the words that describe each ({"water": ["river", "lake"]}), or a file of these
ClassesLike = str | Path | Sequence[str] | Mapping[str, Sequence[str]]
#: A band by 1-based index or by name ("red")
BandLike = int | str
Sensor = Literal["rgb", "naip", "sentinel2-l2a", "landsat-c2-l2"]
Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how much of it is done, how much it is in all)."""
