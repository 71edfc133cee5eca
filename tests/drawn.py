"""Labels that somebody may draw: points on a scene of three classes whose colours the base of the tests reads."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from worlds import UTM, class_field

NAMES = ("water", "forest", "roof")
TAUGHT = ("lagoon", "thicket", "shed")
"""What the user calls them; the base reads each as grey."""
FIELD = class_field((320, 320), 3, seed=4, blob=60)


def points(field: np.ndarray, count: int, seed: int = 0, names: tuple[str, ...] = TAUGHT) -> gpd.GeoDataFrame:
    """Some points of each class, in UTM."""
    rng = np.random.default_rng(seed)
    at = [(name, *rng.choice(np.argwhere(field == kind))) for kind, name in enumerate(names) for _ in range(count)]
    places = [shapely.Point(UTM["transform"] @ (col + 0.5, row + 0.5)) for _, row, col in at]
    return gpd.GeoDataFrame({"Class": [name for name, *_ in at]}, geometry=places, crs=UTM["crs"])


def save(labels: gpd.GeoDataFrame, path: Path) -> Path:
    labels.to_file(path)
    return path
