"""The second stage of a search: the best hits again, by the patch of each that fits the words best.

A chip is larger than what is asked for, so its vector says much else (FTF, arXiv 2604.20429, re-ranks so).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from shapely.geometry.base import BaseGeometry

from geoglot.errors import GeoglotError
from geoglot.index.build.chip_pixels import read_chip
from geoglot.index.search.archive_presence import WordJudge
from geoglot.index.search.look import Candidate, Look
from geoglot.lonlat import outline_boxes
from geoglot.models.base import VisionLanguageModel
from geoglot.scene.embed import compute, pad
from geoglot.sources.tile import Tile

_LIKE_BEST = 0.5  # of the way from the mean patch to the best one, above which patches belong to it
Lattice = Float[np.ndarray, "_rows _cols"]


def look_closer(
    candidates: Sequence[Candidate],
    text: Float[np.ndarray, " dim"],
    model: VisionLanguageModel,
    judge: WordJudge | None = None,
) -> list[Look | None]:
    """Look into chips; None for one whose pixels or patches cannot be had."""
    return [_look(candidate, text, model, judge) for candidate in candidates]


def _look(
    candidate: Candidate, text: Float[np.ndarray, " dim"], model: VisionLanguageModel, judge: WordJudge | None
) -> Look | None:
    card = model.card
    try:
        tile = read_chip(candidate.source, candidate.cell, card.tile_size, candidate.reading)
    except GeoglotError:
        tile = None
    if candidate.patches is not None:
        patches = candidate.patches.astype(np.float32)
    elif tile is not None:
        chip = pad(tile.pixels, card.patch_size, card.tile_size)
        with torch.inference_mode():
            [encoded] = compute(lambda pixels: model.encode_patches(pixels.to(model.device)).float(), [chip])
        if isinstance(encoded, str):
            return None
        patches = encoded.transpose(1, 2, 0)
    else:
        return None
    if tile is not None:
        rows, cols = cover(tile, patches.shape[:2], card.tile_size)
        patches = patches[:rows, :cols]
    seen = np.ones(patches.shape[:2], bool)
    if tile is not None and tile.valid.any():
        seen = _has_data(tile, patches.shape[:2])
    look = _find_part(np.where(seen, patches @ text, -np.inf), tile)
    return look if judge is None else replace(look, height=float(judge.height(patches[seen]).max()))


def cover(tile: Tile, lattice: tuple[int, ...], side: int) -> tuple[int, ...]:
    """The rows and columns of patches that cover a tile, which may be smaller than the square of `side` pixels that was
    encoded."""
    return tuple(
        max(1, round(count * min(1, length / side))) for count, length in zip(lattice, tile.grid.shape, strict=True)
    )


def _find_part(scores: Lattice, tile: Tile | None) -> Look:
    """The part around the best of the scores, which are -inf where nothing was measured."""
    rows, cols = scores.shape
    best = np.unravel_index(int(scores.argmax()), scores.shape)
    mean = scores[np.isfinite(scores)].mean()
    level = mean + _LIKE_BEST * (scores[best] - mean)
    around = np.nonzero(_connected(scores >= level, (int(best[0]), int(best[1]))))
    (top, left), (bottom, right) = (axis.min() for axis in around), (axis.max() + 1 for axis in around)
    part = np.array([top / rows, left / cols, bottom / rows, right / cols])
    if tile is not None and tile.valid.any():
        part = np.clip(part, *_extent(tile))
    shares = (float(part[0]), float(part[1]), float(part[2]), float(part[3]))
    return Look(float(scores[best]), shares, None if tile is None else _outline(tile, shares))


def _extent(tile: Tile) -> tuple[Float[np.ndarray, " edge"], Float[np.ndarray, " edge"]]:
    """Top, left, top, left, and bottom, right, bottom, right of the pixels with data, as shares of the sides."""
    places, sides = np.nonzero(tile.valid), np.array(tile.valid.shape)
    low = np.array([axis.min() for axis in places]) / sides
    high = np.array([axis.max() + 1 for axis in places]) / sides
    return np.tile(low, 2), np.tile(high, 2)


def _connected(mask: Bool[np.ndarray, "rows cols"], seed: tuple[int, int]) -> Bool[np.ndarray, "rows cols"]:
    """What of a mask hangs together with one of its patches by their sides."""
    reached = np.zeros_like(mask)
    reached[seed] = True
    while True:
        wider = reached.copy()
        wider[1:] |= reached[:-1]
        wider[:-1] |= reached[1:]
        wider[:, 1:] |= reached[:, :-1]
        wider[:, :-1] |= reached[:, 1:]
        wider &= mask
        if np.array_equal(wider, reached):
            return reached
        reached = wider


def _has_data(tile: Tile, lattice: tuple[int, ...]) -> Bool[np.ndarray, "_rows _cols"]:
    """The patches with a valid pixel."""
    places = [
        axis * count // length
        for axis, count, length in zip(np.nonzero(tile.valid), lattice, tile.valid.shape, strict=True)
    ]
    found = np.zeros(lattice, bool)
    found[tuple(places)] = True
    return found


def _outline(tile: Tile, part: tuple[float, float, float, float]) -> BaseGeometry | None:
    if tile.grid.crs is None:
        return None
    rows, cols = tile.grid.shape
    top, left, bottom, right = part
    box = np.array([[top * rows, left * cols, bottom * rows, right * cols]])
    outline: BaseGeometry = outline_boxes(box, tile.grid)[0]
    return outline
