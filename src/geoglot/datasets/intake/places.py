"""Divide images into train, val and test by place, so that no model is scored on ground beside that of its training."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from geoglot.datasets.image_files import grid_of
from geoglot.errors import GridError

By = Literal["folders", "ground", "names", "chance"]
_TILE = re.compile(
    r"(?P<scene>.*?)[_\-. ]*(?:row|col|r|c|x|y)?(?P<row>\d{1,7})[_\-. ,x]+(?:row|col|r|c|x|y)?(?P<col>\d{1,7})", re.I
)
_BLOCKS = 12  # so many blocks at least, if there are so many images
_SCENES = 6  # with so many scenes or more, each stays whole
_MOST_CUTS = 64  # along a side
_SHARE, _TEST_FROM = 0.15, 8  # share of images of val and of test; test only with so many blocks
_TRIES = 60
_EARTH = 111_320.0  # metres of a degree


@dataclass(frozen=True)
class Item:
    """An image, or a tile of a large image."""

    image: Path
    origin: tuple[int, int] = (0, 0)
    """First row and column of the tile."""
    is_cut: bool = False


@dataclass(frozen=True)
class Division:
    """The split of each item."""

    splits: tuple[str, ...]
    by: By
    how: str
    """A sentence on what was kept together."""


def divide(items: Sequence[Item], pixels: Int[np.ndarray, "item class"], names: Sequence[str], seed: int) -> Division:
    """Divide items into splits `names`, train first, with all classes in train where that is possible.

    Georeferenced images are divided by blocks of ground; tiles of scenes (by name, or cut from a large image) by scene,
    or by blocks of a scene where there are few; all others at random.
    """
    groups, by, how = _group(items)
    keys = sorted(set(groups))
    if len(keys) < len(names) + 1 or (len(keys) < _TEST_FROM and "test" in names):
        names = [name for name in names if name != "test"]
    return Division(_assign(np.array([keys.index(group) for group in groups]), pixels, names, seed), by, how)


def _group(items: Sequence[Item]) -> tuple[list[str], By, str]:
    """The group of each item, which stays in one split."""
    ground = _ground(items)
    if ground is not None:
        groups, side = _blocks([""] * len(items), ground)
        if len(set(groups)) > 1:
            return groups, "ground", f"by blocks of the ground, {side / 1000:.3g} km wide: neighbours stay together"
    scenes, places = zip(*map(_scene_of, items), strict=True)
    count = len(set(scenes))
    if count == len(items):
        return list(map(str, range(len(items)))), "chance", (
            "at random, since neither a georeference nor names tell places: if images show the same or neighbouring "
            "ground, figures on val will be too good"
        )  # fmt: skip
    if count >= _SCENES:
        return list(scenes), "names", f"by name: the tiles of each of {count} scenes stay together"
    groups, _ = _blocks(scenes, np.array(places, float))
    return (
        groups,
        "names",
        f"by blocks of neighbouring tiles in {count} scene{'s' * (count > 1)}, as rows and columns say",
    )


def _ground(items: Sequence[Item]) -> Float[np.ndarray, "item 2"] | None:
    """Centres in metres, x and y on a plane; None unless all images lie on Earth."""
    centres = []
    for item in items:
        grid = grid_of(item.image)
        if grid.crs is None or grid.transform.is_identity:
            return None
        row, col = (
            first + 256 if item.is_cut else side / 2 for first, side in zip(item.origin, grid.shape, strict=True)
        )
        try:
            centres.append([float(part) for part in grid.to_lonlat(row, col)])
        except GridError:
            return None
    degrees = np.array(centres)
    if not np.isfinite(degrees).all():
        return None
    east = (degrees[:, 0] - degrees[0, 0] + 180) % 360 - 180  # the antimeridian is no border
    return np.stack([east * np.cos(np.radians(degrees[:, 1].mean())), degrees[:, 1]], 1) * _EARTH


def _scene_of(item: Item) -> tuple[str, tuple[float, float]]:
    """The scene that an item is a tile of, by its name, and its place there."""
    name = item.image.stem
    if item.is_cut:
        return str(item.image), (float(item.origin[1]), float(item.origin[0]))
    match = _TILE.fullmatch(name)
    if match is None:
        return str(item.image), (0.0, 0.0)
    return f"{item.image.parent}/{match['scene']}", (float(match["col"]), float(match["row"]))


def _blocks(scenes: Sequence[str], places: Float[np.ndarray, "item 2"]) -> tuple[list[str], float]:
    """The block of each item: the coarsest squares of which enough are filled; and the side of a square."""
    wanted = min(_BLOCKS, len({(scene, *place) for scene, place in zip(scenes, places.tolist(), strict=True)}))
    low = np.array([places[[other == scene for other in scenes]].min(0) for scene in scenes])
    extent = float((places - low).max()) or 1.0
    for cuts in range(1, _MOST_CUTS):
        side = extent / cuts * (1 + 1e-9)
        cells = ((places - low) // side).astype(int).tolist()
        groups = [f"{scene} {col} {row}" for scene, (col, row) in zip(scenes, cells, strict=True)]
        if len(set(groups)) >= wanted:
            break
    return groups, side


def _assign(
    groups: Int[np.ndarray, " item"], pixels: Int[np.ndarray, "item class"], names: Sequence[str], seed: int
) -> tuple[str, ...]:
    """The best of some random divisions: classes in train first, then like shares of classes, then like sizes."""
    rng, best, least = np.random.default_rng(seed), np.zeros(len(groups), int), np.inf
    shares = pixels.sum(0) / max(1, pixels.sum())
    for _ in range(_TRIES):
        chosen, order = np.zeros(len(groups), int), rng.permutation(groups.max() + 1)
        for group in order[:-1]:  # one is left for train
            inside, filled = groups == group, np.bincount(chosen, minlength=len(names))
            split = next(
                (
                    at
                    for at in range(1, len(names))
                    if not filled[at] or filled[at] + inside.sum() / 2 < _SHARE * len(groups)
                ),
                0,
            )
            chosen[inside] = split
        sums = np.array([pixels[chosen == at].sum(0) for at in range(len(names))])
        parts = sums / np.maximum(1, sums.sum(1, keepdims=True))
        lacking = (sums[0] == 0) & (pixels.sum(0) > 0)
        sizes = [abs((chosen == at).mean() - _SHARE) for at in range(1, len(names))]
        cost = 100 * lacking.sum() + np.abs(parts - shares).sum() + sum(sizes) + ((sums == 0) & (shares > 0)).sum()
        if cost < least:
            best, least = chosen, cost
    return tuple(names[at] for at in best)
