"""Split a region into instances: where blobs touch, each peak is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from geoglot.geo import Window
from geoglot.scene.score_field import ScoreField
from geoglot.tasks.find.regions import Region
from geoglot.tasks.refine.edges import split_touching

#: Largest bounding box, in pixels, of a region that is split and refined; a larger one is never held at once.
LARGEST = 4_000_000


@dataclass(frozen=True)
class Instance:
    """One thing, as the scores show it."""

    field: ScoreField
    extent: float
    """Least score of its pixels."""
    box: Window
    """Bounding box, in pixels of the scene."""
    bits: UInt8[np.ndarray, " byte"]
    """The mask within the box, eight pixels a byte: a scene may hold very many instances."""
    score: float
    """Mean over the mask."""
    drawn: bool
    """Whether the mask is a box that a person drew."""

    @classmethod
    def of(
        cls,
        field: ScoreField,
        extent: float,
        mask: Bool[np.ndarray, "rows cols"],
        scores: Float[np.ndarray, "rows cols"],
        window: Window,
        drawn: bool = False,
    ) -> Instance:
        """The instance of a mask in `window`, which has at least one pixel."""
        place = rows, cols = ndimage.find_objects(mask.astype(np.uint8))[0]
        own = mask[place]
        box = Window(window.row + rows.start, window.col + cols.start, *own.shape)
        score = float(scores[place][own].mean(dtype=np.float64))
        return cls(field, extent, box, np.packbits(own), score, drawn)

    @property
    def name(self) -> str:
        """The name that was asked for."""
        return self.field.name

    @property
    def mask(self) -> Bool[np.ndarray, "rows cols"]:
        """The mask within the box."""
        shape = self.box.height, self.box.width
        return np.unpackbits(self.bits, count=shape[0] * shape[1]).reshape(shape).astype(bool)


def split_region(region: Region, field: ScoreField, extent: float) -> list[Instance]:
    """The instances of a region whose box is no larger than LARGEST."""
    scores = field.read(region.box)
    labels, _ = ndimage.label(scores >= extent)
    own = labels == labels[region.at[0] - region.top, region.at[1] - region.left]
    parts = split_touching(own, scores)
    instances = []
    for label, place in enumerate(ndimage.find_objects(parts), 1):
        rows, cols = place
        window = Window(region.top + rows.start, region.left + cols.start, *parts[place].shape)
        instances.append(Instance.of(field, extent, parts[place] == label, scores[place], window))
    return instances
