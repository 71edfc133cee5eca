"""What a refiner is: a picture and coarse masks in, masks out."""

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
    """In pixels of the scene; what lies beyond it is mirrored and not valid."""
    pixels: Float[np.ndarray, "band rows cols"]
    """Brightness 0..1, red, green, blue first."""
    valid: Bool[np.ndarray, "rows cols"]
    patch: int
    """Pixels a patch: coarse masks are out by about half of this."""


@dataclass(frozen=True)
class Proposal:
    """One thing as the scores show it, in the frame of a view."""

    mask: Bool[np.ndarray, "rows cols"]
    scores: Float[np.ndarray, "rows cols"]
    """Text scores 0..1; 0 on other things of the same name."""
    box: bool = False
    """Whether the mask is a box that a person drew, and not scores."""

    def around(self, margin: int) -> tuple[slice, slice]:
        """The box of the mask and so many pixels around it, as far as the view reaches."""
        rows, cols = ndimage.find_objects(self.mask.astype(np.uint8))[0]
        return (
            slice(max(0, rows.start - margin), rows.stop + margin),
            slice(max(0, cols.start - margin), cols.stop + margin),
        )


@dataclass(frozen=True)
class Refined:
    """Outlines for a proposal."""

    masks: tuple[Bool[np.ndarray, "rows cols"], ...]
    """One or more, none of them empty: what the scores show as one thing may be two in the picture."""
    how: str
    """What made it: a refiner may have to leave a proposal as it was."""


@runtime_checkable
class Refiner(Protocol):
    """Better masks for proposals; every proposal by itself, so that a batch gives what a loop gives."""

    @property
    def name(self) -> str:
        """For the record."""
        ...

    @property
    def side(self) -> int | None:
        """Side in pixels of the views that it wants; None: the surroundings of each thing."""
        ...

    def facts(self) -> dict[str, Any]:
        """Everything that decides its outlines, as a document: for the record, and whether a killed run goes on."""
        ...

    def __call__(self, view: View, proposals: Sequence[Proposal]) -> list[Refined]:
        """One answer a proposal."""
        ...
