"""What a refiner is: a picture and coarse masks in, masks out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

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

    def __call__(self, view: View, proposals: Sequence[Proposal]) -> list[Refined]:
        """One answer a proposal."""
        ...
