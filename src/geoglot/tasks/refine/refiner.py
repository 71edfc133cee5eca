"""What a refiner is: a picture and coarse masks in, masks along the edges of the picture out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from geoglot.geo import Window


@dataclass(frozen=True)
class View:
    """A part of a scene."""

    window: Window
    """In pixels of the scene. What lies beyond the scene is mirrored, and not valid."""
    pixels: Float[np.ndarray, "band rows cols"]
    """Brightness 0..1; the first three bands are red, green, blue."""
    valid: Bool[np.ndarray, "rows cols"]
    patch: int
    """Side of a patch in pixels; coarse masks are wrong by about half of it."""


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
        rows, cols = ndimage.find_objects(self.mask.astype(np.uint8))[0]
        return (
            slice(max(0, rows.start - margin), rows.stop + margin),
            slice(max(0, cols.start - margin), cols.stop + margin),
        )


#: The masks of one instance, in the frame of its view, none of them empty. Two or more where the picture shows several
#: things; none where the refiner leaves the coarse mask as it was.
Masks = tuple[Bool[np.ndarray, "rows cols"], ...]


@runtime_checkable
class Refiner(Protocol):
    """Refines every coarse mask by itself, so that a batch gives the same as a loop."""

    @property
    def name(self) -> str:
        """The name in the column `outline`."""
        ...

    @property
    def side(self) -> int | None:
        """Side of its views in pixels; None for the surroundings of each instance."""
        ...

    def facts(self) -> dict[str, Any]:
        """Everything that decides its masks, for the manifest and for resuming a killed run."""
        ...

    def __call__(self, view: View, coarse: Sequence[CoarseMask]) -> list[Masks]: ...
