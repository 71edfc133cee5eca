"""The protocol of refiners, which take a picture and coarse masks and return masks along the picture's edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from geoglot.geo import Window


@dataclass(frozen=True)
class View:
    """A part of a scene."""

    window: Window
    """In pixels of the scene. Pixels beyond the scene are mirrored and not valid."""
    pixels: Float[np.ndarray, "band rows cols"]
    """Brightness 0..1; the first three bands are red, green, blue."""
    valid: Bool[np.ndarray, "rows cols"]
    patch: int
    """Side of a patch in pixels; edges of coarse masks are wrong by about half a patch."""


@dataclass(frozen=True)
class CoarseMask:
    """One instance as the scores show it, in the frame of a view."""

    mask: Bool[np.ndarray, "rows cols"]
    scores: Float[np.ndarray, "rows cols"]
    """Text scores 0..1; 0 on other instances of the same name."""
    drawn: bool = False
    """Whether the mask is a box that a person drew."""

    def around(self, margin: int) -> tuple[slice, slice]:
        """The bounding box of the mask with a margin in pixels, within the view."""
        rows, cols = (np.flatnonzero(self.mask.any(axis)) for axis in (1, 0))
        first, left = max(0, int(rows[0]) - margin), max(0, int(cols[0]) - margin)
        return np.s_[first : int(rows[-1]) + 1 + margin, left : int(cols[-1]) + 1 + margin]


#: The masks of one instance, none of them empty, in the frame of its view: several if the picture shows several things,
#: none if the refiner keeps the coarse mask.
Masks = tuple[Bool[np.ndarray, "rows cols"], ...]


@runtime_checkable
class Refiner(Protocol):
    """Refines every coarse mask by itself, so that a batch gives the same masks as a loop.

    `name` is written to the column `outline`. `side` is the side of its views in pixels; None for the surroundings of
    each instance. `facts` are everything that decides its masks, for the manifest and for resuming a killed run.
    """

    @property
    def name(self) -> str: ...
    @property
    def side(self) -> int | None: ...
    def facts(self) -> dict[str, Any]: ...
    def __call__(self, view: View, coarse: Sequence[CoarseMask]) -> list[Masks]: ...
