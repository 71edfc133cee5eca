"""The votes about scenes, on disk beside the run, and what they say of a window: a probability of each class, and how
many looks agree."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from affine import Affine
from jaxtyping import Float
from torch import Tensor

from geoglot.errors import SourceError
from geoglot.geo import Window
from geoglot.models.segmenter import STRIDE
from geoglot.options import ReadOptions
from geoglot.scene.area import covered
from geoglot.scene.blend import upsample
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.patches_around import patches_around
from geoglot.scene.read import open_scene
from geoglot.sources.raster import Raster
from geoglot.sources.tile import Tile

_OPEN = 16  # rasters that are kept open


class Votes(NamedTuple):
    """What is known of the squares of 4 px of a window; NaN where nothing is."""

    shares: Float[Tensor, "class rows cols"]
    agreement: Float[Tensor, "rows cols"]
    """Share of all looks whose best class is that of the mean."""

    @property
    def margin(self) -> Float[Tensor, "rows cols"]:
        """How far the best class is ahead of the next; the best's own probability where there is one class."""
        first = self.shares.topk(min(2, len(self.shares)), 0).values
        return first[0] - first[1] if len(first) > 1 else first[0]


@dataclass(frozen=True)
class Source:
    """The votes of one kind of voters about all scenes."""

    scenes: Sequence[EncodedScene]
    voters: int
    """How many votes each counts for."""


class Cell(NamedTuple):
    """A part of a scene, which lies on one side of the split as a whole."""

    scene: int
    window: Window


@dataclass(frozen=True)
class Taught:
    """Scenes, and what voters say of them."""

    sources: tuple[Source, ...]
    read: ReadOptions
    understood: tuple[float, float]
    """Metres a pixel, (finest, coarsest), that scenes are read at."""
    _rasters: OrderedDict[int, Raster] = field(default_factory=OrderedDict, repr=False, compare=False)

    @property
    def bands(self) -> int:
        """How many bands all scenes are read with."""
        return len(self.sources[0].scenes[0].raster.indexes)

    def shape(self, scene: int) -> tuple[int, int]:
        """Rows and columns of a scene as it is read."""
        return self.sources[0].scenes[scene].plan.shape

    def cells(self, side: int) -> list[Cell]:
        """All scenes in parts of about `side` pixels."""
        return [
            Cell(scene, window)
            for scene in range(len(self.sources[0].scenes))
            for window in split_ground(self.shape(scene), side)
        ]

    def pixels(self, cell: Cell) -> Tile | None:
        """The pixels of a window, which may reach beyond its scene; None where the voters could not read it either.

        SourceError for a window that they could read.
        """
        scene = self.sources[0].scenes[cell.scene]
        uri = scene.raster.uri
        if cell.scene not in self._rasters:
            self._rasters[cell.scene] = open_scene(uri, self.read, self.understood).__enter__()
        self._rasters.move_to_end(cell.scene)
        if len(self._rasters) > _OPEN:
            self._rasters.popitem(last=False)[1].close()
        try:
            return self._rasters[cell.scene].read(cell.window)
        except SourceError:
            if any(failed.window.intersection(cell.window) for failed in scene.failed):
                return None
            raise

    def votes(self, cell: Cell, side: tuple[int, int] | None = None) -> Votes:
        """The votes of all sources about a window, at `side` squares instead of one for every 4 px."""
        rows, cols = side or (-(-cell.window.height // STRIDE), -(-cell.window.width // STRIDE))
        parts = [_votes_at(source.scenes[cell.scene], cell.window, (rows, cols)) for source in self.sources]
        weights = [source.voters / sum(each.voters for each in self.sources) for source in self.sources]
        shares = torch.stack([weight * part[:-1] for weight, part in zip(weights, parts, strict=True)]).sum(0)
        best = shares.argmax(0)
        with_best = [(part[:-1].argmax(0) == best) * part[-1] for part in parts]
        agreement = torch.stack([weight * part for weight, part in zip(weights, with_best, strict=True)]).sum(0)
        return Votes(shares, agreement)

    def close(self) -> None:
        """Close the rasters that are open."""
        while self._rasters:
            self._rasters.popitem()[1].close()


def _votes_at(scene: EncodedScene, window: Window, side: tuple[int, int]) -> Float[Tensor, "class_and_agreement _ _"]:
    """One source's votes about a window, NaN beyond the scene or its area, and where it has no data."""
    inside = window.intersection(Window(0, 0, *scene.plan.shape))
    pixels = torch.full((scene.dense.channels, window.height, window.width), torch.nan)
    if inside is not None:
        block, crop = patches_around(scene.plan, inside)
        known = upsample(torch.from_numpy(scene.values(block)), scene.plan.patch, *crop)
        counts = scene.valid(inside)
        if scene.area is not None:
            counts &= covered(scene.area, (inside.height, inside.width), Affine.translation(inside.col, inside.row))
        known[:, ~torch.from_numpy(counts)] = torch.nan
        rows, cols = inside.within(window).slices
        pixels[:, rows, cols] = known
    return F.adaptive_avg_pool2d(pixels[None], side)[0]


def split_ground(shape: tuple[int, int], side: int) -> Iterator[Window]:
    """Equal parts of about `side` pixels, so that none is a sliver."""
    rows, cols = (np.linspace(0, length, max(1, round(length / side)) + 1).astype(int).tolist() for length in shape)
    for top, bottom in pairwise(rows):
        for left, right in pairwise(cols):
            yield Window(top, left, bottom - top, right - left)
