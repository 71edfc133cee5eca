"""The view from the ground: small photos taken at a point of the map, from the side, with a horizon.

They share only the class of the place with the satellite's tiles: water has the colour of the sky, woods are trunks,
houses are facades. Every photo draws weather, hour, camera, and people or fences in the foreground.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from noise import Floats, smooth
from numpy.typing import NDArray
from world import CLASSES, World

from geoglot.geo import Window

SIDE = 64
EYE = 1.7  # metres of the camera above the ground
FOCAL = 60.0  # pixels
Mask = NDArray[np.bool_]
#: Sky at the zenith and at the horizon, light on the ground, share of colour left, fog
WEATHERS = {
    "sun": ((0.25, 0.48, 0.85), (0.70, 0.82, 0.93), (1.05, 1.02, 0.95), 1.0, 0.0),
    "overcast": ((0.68, 0.70, 0.72), (0.82, 0.83, 0.84), (0.80, 0.82, 0.85), 0.75, 0.05),
    "fog": ((0.78, 0.79, 0.80), (0.80, 0.81, 0.81), (0.80, 0.80, 0.80), 0.6, 0.5),
    "dusk": ((0.22, 0.20, 0.42), (0.95, 0.55, 0.35), (0.62, 0.48, 0.50), 0.9, 0.05),
}
COATS = np.array(
    [[0.8, 0.2, 0.2], [0.2, 0.3, 0.7], [0.9, 0.8, 0.2], [0.9, 0.9, 0.9], [0.15, 0.15, 0.2], [0.2, 0.6, 0.4]]
)


@dataclass
class Scene:
    """An unfinished photo: an image (row, col, colour) in 0..1, and its camera."""

    rng: np.random.Generator
    horizon: float
    vanishing: float
    """Column where what runs straight ahead meets the horizon."""
    image: Floats = field(default_factory=lambda: np.zeros((SIDE, SIDE, 3), np.float32))

    def __post_init__(self) -> None:
        self.rows, self.cols = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
        self.ground = self.rows > self.horizon
        self.depth = EYE * FOCAL / np.maximum(self.rows - self.horizon, 0.5)
        self.across = (self.cols - self.vanishing) * self.depth / FOCAL

    def paint(self, mask: Mask, colour: object, grain: float = 0.0) -> None:
        """Fill a mask with a colour, or with the same pixels of an image, in uneven light."""
        part = np.broadcast_to(np.asarray(colour), self.image.shape)[mask]
        self.image[mask] = part * (1 + grain * self.rng.standard_normal((len(part), 1))) if grain else part

    def box(self, left: float, bottom: float, width: float, height: float) -> Mask:
        """Pixels of an upright rectangle."""
        beside = (self.cols >= left) & (self.cols < left + width)
        return np.asarray(beside & (self.rows <= bottom) & (self.rows > bottom - height))

    def disc(self, col: float, row: float, radius: float, flat: float = 1.0) -> Mask:
        """Pixels of an ellipse, `flat` times as high as wide."""
        return np.asarray(np.hypot(self.cols - col, (self.rows - row) / flat) < radius)

    def at(self, depth: float, across: float) -> tuple[float, float, float]:
        """Column and row of an object on the ground, and pixels per metre there."""
        scale = FOCAL / depth
        return self.vanishing + across * scale, self.horizon + EYE * scale, scale

    def clouds(self, cell: float) -> Floats:
        """Smooth noise in 0..1 over the photo, different at each call."""
        return smooth(int(self.rng.integers(1 << 30)), self.rows, self.cols, cell)

    def pick(self, colours: object) -> Floats:
        """One of the colours, slightly varied."""
        table = np.asarray(colours)
        tint = self.rng.uniform(0.8, 1.15) * self.rng.uniform(0.95, 1.05, 3)
        return np.asarray(table[self.rng.integers(len(table))] * tint, np.float32)


def render_photo(world: World, row: int, col: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A photo, RGB (3, SIDE, SIDE), of the class at a pixel of the map."""
    return draw_photo(CLASSES[world.truth(Window(row, col, 1, 1))[0, 0]], rng)


def draw_photo(class_name: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A photo, RGB (3, SIDE, SIDE), of a class."""
    zenith, low, light, colour, fog = WEATHERS[list(WEATHERS)[rng.choice(4, p=(0.4, 0.3, 0.15, 0.15))]]
    scene = Scene(rng, horizon=rng.uniform(18, 34), vanishing=rng.uniform(14, 50))
    _sky(scene, zenith, low)
    _skyline(scene)
    sky = scene.image.copy()
    PAINTERS[class_name](scene)
    _passers_by(scene)
    lit = np.where(np.isclose(scene.image, sky), scene.image, scene.image * light)
    grey = lit.mean(-1, keepdims=True)
    lit = grey + (lit - grey) * colour
    thick = fog * (1 - 1 / (1 + np.where(scene.ground, scene.depth, 30.0) / 12))[..., None]
    lit = lit * (1 - thick) + np.array(low) * thick
    camera = rng.uniform(0.8, 1.2) * rng.uniform(0.93, 1.07, 3)
    seen = lit * camera + rng.normal(0, 0.02, lit.shape)
    seen = seen[:, ::-1] if rng.random() < 0.5 else seen
    return np.asarray((seen.clip(0, 1) * 255).round().transpose(2, 0, 1), np.uint8)


def photo_points(
    world: World, window: Window, count: int, rng: np.random.Generator, *, margin: int = 0
) -> list[tuple[int, int]]:
    """Pixels (row, col) of the map where people took photos.

    The share of a class is the square root of its share of the ground: people walk to the pool, not across the field.
    """
    inner = Window(window.row + margin, window.col + margin, window.height - 2 * margin, window.width - 2 * margin)
    truth = world.truth(inner)
    present, pixels = np.unique(truth, return_counts=True)
    points = []
    for value in rng.choice(present, count, p=np.sqrt(pixels) / np.sqrt(pixels).sum()):
        rows, cols = np.nonzero(truth == value)
        chosen = rng.integers(len(rows))
        points.append((inner.row + int(rows[chosen]), inner.col + int(cols[chosen])))
    return points


def _sky(scene: Scene, zenith: object, low: object) -> None:
    way = (scene.rows / scene.horizon).clip(0, 1)[..., None]
    cloud = (scene.clouds(16) * 0.6 + scene.clouds(7) * 0.4)[..., None]
    scene.image = np.asarray(np.array(zenith) * (1 - way) + np.array(low) * way + 0.12 * (cloud - 0.5), np.float32)


def _skyline(scene: Scene) -> None:
    """Far hills, or none."""
    if scene.rng.random() < 0.6:
        height = 1 + scene.rng.uniform(2, 9) * smooth(int(scene.rng.integers(1 << 30)), scene.rows * 0, scene.cols, 14)
        hills = (scene.rows > scene.horizon - height) & ~scene.ground
        scene.paint(hills, scene.pick([[0.35, 0.42, 0.45], [0.30, 0.38, 0.30], [0.5, 0.5, 0.55]]), 0.03)


def _passers_by(scene: Scene) -> None:
    """People and posts that have nothing to do with the place."""
    for _ in range(scene.rng.integers(3)):
        col, row, scale = scene.at(scene.rng.uniform(4, 14), 0.0)
        col = scene.rng.uniform(2, SIDE - 2)
        scene.paint(scene.box(col - 0.25 * scale, row, 0.5 * scale, 1.4 * scale), scene.pick(COATS))
        scene.paint(
            scene.disc(col, row - 1.6 * scale, 0.17 * scale + 0.4), scene.pick([[0.8, 0.6, 0.5], [0.5, 0.35, 0.25]])
        )
    if scene.rng.random() < 0.15:
        _, row, scale = scene.at(scene.rng.uniform(3, 6), 0.0)
        wood = scene.pick([[0.4, 0.3, 0.22], [0.75, 0.73, 0.7]])
        for height in (0.5, 1.0):
            scene.paint(scene.box(0, row - height * scale, SIDE, 0.1 * scale + 0.7), wood)
        scene.paint(scene.box(0, row, SIDE, 1.1 * scale) & (scene.cols % (2 * scale) < 0.15 * scale + 0.7), wood)


def _lake(scene: Scene) -> None:
    """Water in the colours of the sky, upside down; a far shore; reeds."""
    mirrored = scene.image[np.clip(2 * scene.horizon - scene.rows, 0, SIDE - 1).astype(int), scene.cols.astype(int)]
    waves = np.sin(40 / scene.depth * 6 + 5 * scene.clouds(9))[..., None]
    scene.paint(scene.ground, mirrored * 0.85 + 0.06 * waves, 0.01)
    shore = scene.ground & (scene.rows < scene.horizon + scene.rng.uniform(1, 3))
    scene.paint(shore, scene.pick([[0.15, 0.22, 0.13], [0.3, 0.3, 0.22]]), 0.1)
    if scene.rng.random() < 0.4:
        col, row, scale = scene.at(scene.rng.uniform(10, 25), scene.rng.uniform(-6, 6))
        scene.paint(scene.box(col, row, 3 * scale, 0.6 * scale + 1), scene.pick(COATS))
        scene.paint(scene.box(col + 1.4 * scale, row, 1, 2.5 * scale), (0.9, 0.9, 0.88))
    tips = (
        SIDE - scene.rng.uniform(4, 22) * smooth(int(scene.rng.integers(1 << 30)), scene.rows * 0, scene.cols, 1.5) ** 2
    )
    scene.paint(scene.rows > tips, scene.pick([[0.35, 0.38, 0.15], [0.5, 0.42, 0.22]]), 0.15)


def _beach(scene: Scene) -> None:
    """A strip of sea with foam, and wet to dry sand in front."""
    edge = scene.horizon + scene.rng.uniform(3, 9) + 3 * scene.clouds(20)
    scene.paint(scene.ground, scene.pick([[0.30, 0.45, 0.50], [0.40, 0.45, 0.48]]), 0.05)
    sand = scene.ground & (scene.rows > edge)
    tone = scene.pick([[0.72, 0.52, 0.32], [0.62, 0.48, 0.36], [0.66, 0.56, 0.46]])
    dry = ((scene.rows - edge) / 8).clip(0, 1)[..., None]
    scene.paint(sand, tone * (0.7 + 0.35 * dry) * (0.9 + 0.2 * scene.clouds(4)[..., None]), 0.06)
    scene.paint(sand & (scene.rows < edge + 1.5), (0.93, 0.94, 0.95))
    if scene.rng.random() < 0.5:
        col, row, scale = scene.at(scene.rng.uniform(4, 9), scene.rng.uniform(-3, 3))
        scene.paint(scene.box(col, row, 1, 2.0 * scale), (0.85, 0.85, 0.85))
        top = scene.disc(col, row - 1.7 * scale, 1.2 * scale) & (scene.rows < row - 1.7 * scale)
        scene.paint(top, scene.pick(COATS))


def _forest(scene: Scene) -> None:
    """Trunks near and far, leaves above, litter below, hardly any sky."""
    canopy = scene.rows < scene.horizon + 2 + 6 * scene.clouds(5)
    leaves = scene.pick([[0.20, 0.30, 0.12], [0.36, 0.36, 0.12], [0.45, 0.28, 0.10]])
    scene.paint(canopy & (scene.clouds(3) < 0.8), leaves * (0.5 + scene.clouds(2.5)[..., None]), 0.15)
    floor = scene.pick([[0.34, 0.24, 0.15], [0.25, 0.28, 0.14], [0.42, 0.32, 0.2]])
    scene.paint(scene.ground, floor * (0.7 + 0.6 * scene.clouds(3)[..., None]), 0.12)
    bark = scene.pick([[0.30, 0.22, 0.17], [0.42, 0.38, 0.34], [0.22, 0.17, 0.14]])
    for depth in sorted(scene.rng.uniform(2.5, 22, scene.rng.integers(9, 16)), reverse=True):
        col, row, scale = scene.at(depth, 0.0)
        col, width = scene.rng.uniform(-2, SIDE), scene.rng.uniform(0.25, 0.5) * scale + 0.6
        lit = 0.7 + 0.5 * ((scene.cols - col) / width).clip(0, 1)[..., None]
        scene.paint(scene.box(col, row, width, SIDE), bark * lit * (0.6 + depth / 40), 0.12)


def _orchard(scene: Scene) -> None:
    """Two rows of round trees that meet at the horizon, with fruit or blossom; grass between."""
    scene.paint(
        scene.ground,
        scene.pick([[0.38, 0.48, 0.20], [0.48, 0.45, 0.25]]) * (0.8 + 0.4 * scene.clouds(5)[..., None]),
        0.08,
    )
    crown = scene.pick([[0.28, 0.42, 0.16], [0.78, 0.62, 0.66], [0.36, 0.46, 0.22]])
    fruit = scene.pick([[0.85, 0.20, 0.12], [0.95, 0.92, 0.90], [0.92, 0.70, 0.15]])
    leaves = 0.7 + 0.5 * scene.clouds(2.5)[..., None]
    gap = scene.rng.uniform(2.6, 3.6)
    for depth in np.arange(26, 3, -3.2) + scene.rng.uniform(0, 1):
        for side in (-gap, gap):
            col, row, scale = scene.at(depth, side)
            scene.paint(scene.box(col - 0.15 * scale, row, 0.3 * scale + 0.5, 1.2 * scale), (0.32, 0.25, 0.2))
            ball = scene.disc(col, row - 2.0 * scale, 1.25 * scale, 0.9)
            scene.paint(ball, crown * leaves, 0.06)
            scene.paint(ball & (scene.rng.random((SIDE, SIDE)) < 0.10), fruit)


def _field(scene: Scene) -> None:
    """Furrows or rows of crop that run to the vanishing point."""
    soil = scene.pick([[0.42, 0.30, 0.20], [0.50, 0.38, 0.26], [0.35, 0.27, 0.2]])
    crop = scene.pick(
        [[0.25, 0.42, 0.14], [0.78, 0.66, 0.26], [0.45, 0.52, 0.18], [0.60, 0.46, 0.30], [0.85, 0.80, 0.15]]
    )
    pitch = scene.rng.uniform(0.7, 1.5)
    ridge = 0.5 + 0.5 * np.sin(scene.across * 2 * np.pi / pitch)
    ridge = np.where(scene.depth * pitch > 40, 0.6, ridge)[..., None]
    scene.paint(scene.ground, soil * (1 - ridge) + crop * ridge, 0.08)
    if scene.rng.random() < 0.2:
        col, row, scale = scene.at(scene.rng.uniform(12, 20), scene.rng.uniform(-4, 4))
        scene.paint(scene.box(col, row, 2.5 * scale, 1.8 * scale), scene.pick([[0.7, 0.15, 0.1], [0.2, 0.45, 0.15]]))


def _meadow(scene: Scene) -> None:
    """Grass with flowers, and cows or sheep on it."""
    green = scene.pick([[0.35, 0.52, 0.18], [0.45, 0.55, 0.25], [0.55, 0.55, 0.28]])
    scene.paint(scene.ground, green * (0.8 + 0.4 * scene.clouds(10)[..., None]), 0.10)
    flower = scene.pick([[0.95, 0.85, 0.2], [0.95, 0.95, 0.95], [0.8, 0.3, 0.5], [0.6, 0.4, 0.8]])
    density = scene.rng.uniform(0.01, 0.12)
    scene.paint(scene.ground & (scene.rng.random((SIDE, SIDE)) < density), flower)
    hide = scene.pick([[0.92, 0.9, 0.88], [0.45, 0.28, 0.18], [0.15, 0.13, 0.12]])
    for _ in range(scene.rng.integers(4)):
        col, row, scale = scene.at(scene.rng.uniform(6, 16), scene.rng.uniform(-5, 5))
        scene.paint(scene.disc(col, row - 0.8 * scale, 0.9 * scale, 0.5), hide)
        for leg in (-0.6, 0.5):
            scene.paint(scene.box(col + leg * scale, row, 0.15 * scale + 0.6, 0.6 * scale), hide * 0.8)


def _road(scene: Scene) -> None:
    """Dark asphalt that narrows to the vanishing point, edge lines and a dashed middle, now and then a car."""
    scene.paint(scene.ground, scene.pick([[0.40, 0.45, 0.22], [0.50, 0.42, 0.30], [0.6, 0.6, 0.58]]), 0.10)
    half = scene.rng.uniform(2.6, 3.6)
    scene.paint(scene.ground & (abs(scene.across) < half), scene.pick([[0.20, 0.20, 0.22], [0.28, 0.27, 0.27]]), 0.05)
    thick = 0.09 + 0.006 * scene.depth
    paint = scene.pick([[0.92, 0.92, 0.90], [0.92, 0.82, 0.35]])
    scene.paint(scene.ground & (abs(abs(scene.across) - half + 0.3) < thick), paint)
    dashes = (scene.depth + scene.rng.uniform(0, 6)) % 6 < 3.4
    scene.paint(scene.ground & (abs(scene.across) < thick) & dashes, paint)
    if scene.rng.random() < 0.4:
        _car(scene, scene.rng.uniform(8, 18), half / 2 * scene.rng.choice((-1, 1)))


def _parking(scene: Scene) -> None:
    """Rows of parked cars side by side, and the lines between the stalls."""
    scene.paint(scene.ground, scene.pick([[0.40, 0.40, 0.42], [0.50, 0.49, 0.47]]), 0.05)
    shift = scene.rng.uniform(0, 2.6)
    for depth in (16.0, 10.0, scene.rng.uniform(5.0, 6.5)):
        near = scene.ground & (scene.depth > depth - 2.6) & (scene.depth < depth + 0.3)
        scene.paint(near & ((scene.across + shift) % 2.6 < 0.2), (0.9, 0.9, 0.88))
        for stall in np.arange(-26, 26, 2.6) + 1.4 - shift:
            if abs(stall) < depth and scene.rng.random() < 0.75:
                _car(scene, depth, stall)


def _car(scene: Scene, depth: float, across: float) -> None:
    col, row, scale = scene.at(depth, across)
    coat = scene.pick(COATS)
    scene.paint(scene.box(col - 0.9 * scale, row, 1.8 * scale, 0.9 * scale), coat)
    scene.paint(scene.box(col - 0.7 * scale, row - 0.85 * scale, 1.4 * scale, 0.6 * scale), (0.12, 0.14, 0.18))
    scene.paint(scene.box(col - 0.7 * scale, row - 1.35 * scale, 1.4 * scale, 0.15 * scale), coat)
    for side in (-0.75, 0.5):
        scene.paint(scene.box(col + side * scale, row - 0.5 * scale, 0.3 * scale, 0.22 * scale), (0.95, 0.93, 0.8))
        scene.paint(scene.box(col + side * scale, row + 0.15 * scale, 0.3 * scale, 0.3 * scale), (0.05, 0.05, 0.05))


def _house(scene: Scene) -> None:
    """A facade with windows and a door under a gable, behind some lawn or pavement."""
    scene.paint(scene.ground, scene.pick([[0.38, 0.48, 0.22], [0.55, 0.54, 0.52], [0.5, 0.42, 0.32]]), 0.08)
    width, storeys = scene.rng.uniform(26, 46), int(scene.rng.integers(1, 4))
    left, bottom = scene.rng.uniform(2, SIDE - width - 2), scene.horizon + scene.rng.uniform(8, 14)
    height = min(9.0 * storeys + 4, bottom - 12)
    wall = scene.pick(
        [[0.90, 0.86, 0.76], [0.62, 0.32, 0.26], [0.92, 0.92, 0.92], [0.75, 0.78, 0.62], [0.60, 0.68, 0.78]]
    )
    scene.paint(scene.box(left, bottom, width, height), wall, 0.03)
    rise = (bottom - height - scene.rows) / scene.rng.uniform(0.4, 0.8)
    eaves = (scene.cols > left - 2 + rise) & (scene.cols < left + width + 2 - rise) & (rise >= 0)
    scene.paint(eaves, scene.pick([[0.45, 0.20, 0.15], [0.25, 0.25, 0.28], [0.40, 0.32, 0.25]]), 0.06)
    glass = scene.pick([[0.15, 0.18, 0.24], [0.45, 0.58, 0.70], [0.90, 0.80, 0.45]])
    pitch = scene.rng.uniform(8, 11)
    for top in np.arange(bottom - height + 2, bottom - 5, 9.0):
        for col in np.arange(left + 3, left + width - 5, pitch):
            scene.paint(scene.box(col - 1, top + 6, 6, 7), (0.95, 0.95, 0.93))
            scene.paint(scene.box(col, top + 5, 4, 5), glass)
    door = left + scene.rng.uniform(0.2, 0.7) * width
    scene.paint(scene.box(door, bottom, 5, 8), scene.pick(COATS) * 0.8)


def _pool(scene: Scene) -> None:
    """A tiled deck around a basin with lane lines; a ladder, deck chairs."""
    slab = scene.pick([[0.78, 0.72, 0.64], [0.70, 0.70, 0.70], [0.62, 0.45, 0.36]])
    joints = (scene.across % 0.8 < 0.1) | (scene.depth % 0.8 < 0.1)
    scene.paint(scene.ground, slab * np.where(joints & (scene.depth < 12), 0.8, 1.0)[..., None], 0.03)
    hedge = (scene.rows > scene.horizon - 5) & (scene.rows <= scene.horizon + 2)
    scene.paint(hedge, scene.pick([[0.2, 0.3, 0.15], [0.8, 0.78, 0.72], [0.5, 0.36, 0.26]]), 0.10)
    near, far, half = scene.rng.uniform(2.8, 3.6), scene.rng.uniform(9, 15), scene.rng.uniform(2.2, 4.5)
    basin = scene.ground & (scene.depth > near) & (scene.depth < far) & (abs(scene.across) < half)
    rim = scene.ground & (scene.depth > near - 0.3) & (scene.depth < far + 1.2) & (abs(scene.across) < half + 0.35)
    scene.paint(rim, (0.95, 0.95, 0.95))
    water = scene.pick([[0.10, 0.35, 0.62], [0.12, 0.50, 0.60], [0.20, 0.42, 0.36], [0.08, 0.22, 0.45]])
    caustics = np.sin(scene.across * 5 + 6 * scene.clouds(5)) * np.sin(30 / scene.depth * 4 + 6 * scene.clouds(4))
    scene.paint(basin, water + 0.10 * caustics[..., None], 0.03)
    scene.paint(basin & (scene.across % 1.6 < 0.16), (0.06, 0.12, 0.3))
    for side in scene.rng.choice((-1, 1), scene.rng.integers(3)):
        col, row, scale = scene.at(scene.rng.uniform(3.5, 7), side * (half + 1.2))
        scene.paint(scene.box(col - scale * 0.5, row, 1.2 * scale, 0.35 * scale), scene.pick(COATS))
        scene.paint(scene.box(col - scale * 0.5, row, 0.3 * scale, 0.9 * scale), scene.pick(COATS))


PAINTERS: dict[str, Callable[[Scene], None]] = {
    "lake": _lake,
    "beach": _beach,
    "forest": _forest,
    "orchard": _orchard,
    "field": _field,
    "meadow": _meadow,
    "road": _road,
    "parking lot": _parking,
    "house": _house,
    "pool": _pool,
}
