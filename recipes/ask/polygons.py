"""A scene of known polygons, in place of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyproj
import shapely
from affine import Affine

from geoglot.geo import Grid, Window
from geoglot.sources.tile import Tile
from geoglot.tasks.ask.limits import Budget, Limits
from geoglot.tasks.ask.scene_things import SceneObject, Sighting

RED, GREEN, BLUE = (0.75, 0.15, 0.12), (0.2, 0.45, 0.2), (0.15, 0.3, 0.7)


def grid_of(shape: tuple[int, int] = (400, 600), pixel: float = 1.0, crs: int | None = 32631) -> Grid:
    """A north-up grid; without a CRS map coordinates are pixels."""
    transform = Affine(pixel, 0, 500_000, 0, -pixel, 5_700_000) if crs else Affine.identity()
    return Grid(pyproj.CRS(crs) if crs else None, transform, shape)


class StubScene:
    """Objects by name, as boxes of pixels (top, left, bottom, right)."""

    model, sha256, refiner, outline, pixel_m = "stub", "0" * 64, "none", None, None
    notes, facts, failed = (), {}, 0

    def __init__(
        self,
        boxes: Mapping[str, Sequence[tuple[float, float, float, float]]],
        grid: Grid | None = None,
        theme: str = "harbor",
        colours: Mapping[str, tuple[float, float, float]] | None = None,
    ) -> None:
        self.uri, self.grid, self.theme = "stub.tif", grid or grid_of(), theme
        self.truth: dict[str, tuple[Any, ...]] = {
            name: tuple(self.polygon(*box) for box in group) for name, group in boxes.items()
        }
        self.colours = {self.polygon(*box).wkt: (colours or {}).get(name, RED) for name in boxes for box in boxes[name]}
        self.looks: list[str] = []

    def polygon(self, top: float, left: float, bottom: float, right: float) -> Any:
        """A box as a polygon in map coordinates."""
        x, y = self.grid.to_map(np.array([top, top, bottom, bottom]), np.array([left, right, right, left]))
        return shapely.Polygon(np.column_stack([x, y]))

    def find(self, name: str) -> Sighting:
        """The polygons of a name."""
        self.looks.append(name)
        shapes = self.truth.get(name, ())
        return Sighting(tuple(SceneObject(index, name, 0.9, shape) for index, shape in enumerate(shapes, 1)), 0.5)

    def classify(self, names: Sequence[str], window: Window) -> dict[str, float]:
        """The theme with certainty, if it is among the names."""
        rest = 0.2 / max(1, len(names) - 1)
        return {name: 0.8 if name == self.theme else rest for name in names}

    def look(self, window: Window, side: int) -> Tile:
        """A grey image with each object in its colour."""
        grid = self.grid.window(window)
        pixels = np.broadcast_to(np.array([[[0.5]], [[0.5]], [[0.5]]], np.float32), (3, *grid.shape)).copy()
        rows, cols = (axis.ravel() + 0.5 for axis in np.indices(grid.shape))
        points = shapely.points(*grid.to_map(rows, cols))
        for wkt, colour in self.colours.items():
            inside = shapely.contains(shapely.from_wkt(wkt), points).reshape(grid.shape)
            pixels[:, inside] = np.array(colour, np.float32)[:, None]
        return Tile(pixels, np.ones(grid.shape, np.bool_), grid, ("r", "g", "b"), None, self.uri)

    def cost(self, name: str) -> int:
        """The pixels of the scene, read once."""
        return 0 if name in self.looks else int(np.prod(self.grid.shape))


def budget(**given: Any) -> Budget:
    """A budget with these limits."""
    return Budget(Limits(**given))
