"""Things that a person points at: a point or a box each, instead of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from jaxtyping import Bool, Float
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from geoglot.errors import InputError, SourceError
from geoglot.geo import Window
from geoglot.scene.score_field import ScoreField
from geoglot.scene.seen import EncodedScene
from geoglot.tasks.find.instances import LARGEST, Instance
from geoglot.tasks.find.outlining import Candidate

#: Patches around a point within which its thing lies.
REACH = 8
_ALIKE = 0.5  # half way from what is usual around a point to what is at it
_UNNAMED = "object"


@dataclass(frozen=True)
class LikePlaces:
    """A question per place: how alike is a patch to what is there, from what is usual around it (0) to the same (1)."""

    names: tuple[str, ...]
    vectors: tuple[Float[np.ndarray, " channel"], ...]
    usual: tuple[float, ...]
    """Cosine."""
    notes: tuple[str, ...] = ()

    def scores(self, seen: Float[np.ndarray, "channel rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        """See `Question`."""
        usual = self.usual[index]
        return np.clip((_cosine(seen, self.vectors[index]) - usual) / max(1 - usual, 1e-6), 0, 1)


def _cosine(seen: np.ndarray, vector: np.ndarray) -> Float[np.ndarray, "rows cols"]:
    length = np.maximum(np.linalg.norm(seen, axis=0), 1e-9)
    return np.asarray(np.tensordot(vector, seen, 1) / length, np.float32)


def place_names(features: gpd.GeoDataFrame) -> tuple[str, ...]:
    """The column "name" of a person's file, "object" where it is missing."""
    if "name" not in features:
        return (_UNNAMED,) * len(features)
    return tuple(str(name) if isinstance(name, str) and name.strip() else _UNNAMED for name in features["name"])


def candidates_at(scene: EncodedScene, features: gpd.GeoDataFrame) -> list[Candidate]:
    """One candidate for every point or polygon (in pixels) where the scene has data.

    InputError if there is none, SourceError where that may be for windows that could not be read.
    """
    seen = [
        _place(scene, geometry, name) for geometry, name in zip(features.geometry, place_names(features), strict=True)
    ]
    places = [place for place in seen if place is not None]
    if not places:
        if failed := scene.failed:
            raise SourceError(f"nothing is known of the places; {len(failed)} windows failed: {failed[0].reason}")
        raise InputError("all points and boxes lie outside the scene or where it has no data; is their CRS right?")
    question = LikePlaces(
        tuple(place.name for place in places),
        tuple(place.vector for place in places),
        tuple(place.usual for place in places),
    )
    found = []
    for index, place in enumerate(places):
        field = ScoreField(scene, question, index)
        instance = _instance(field, place.geometry, place.patches)
        found.append(Candidate(instance, field, _ALIKE, drawn=bool(place.geometry.area)))
    return found


@dataclass(frozen=True)
class _Place:
    """A place in the scene and what it looks like."""

    name: str
    geometry: BaseGeometry
    patches: Window
    """Around it."""
    vector: Float[np.ndarray, " channel"]
    """Mean of its patches, unit."""
    usual: float
    """Median cosine of those around with it."""


def _place(scene: EncodedScene, geometry: BaseGeometry, name: str) -> _Place | None:
    """What a person points at, as far as it lies in the scene; None where there is nothing to see."""
    height, width = scene.plan.shape
    inside = shapely.intersection(geometry, shapely.box(0, 0, width, height))
    if (
        inside.is_empty
        or (geometry.area and not inside.area)
        or inside.bounds[0] >= width
        or inside.bounds[1] >= height
    ):
        return None
    patches = _around(scene, inside)
    seen = scene.seen(patches)
    on = _patches_of(inside, patches, scene.plan.patch) & ~np.isnan(seen[0])
    if not on.any():
        return None
    vector = seen[:, on].mean(1)
    vector /= max(float(np.linalg.norm(vector)), 1e-9)
    return _Place(name, inside, patches, vector, float(np.nanmedian(_cosine(seen, vector))))


def _around(scene: EncodedScene, place: BaseGeometry) -> Window:
    """The patches within reach of a place."""
    left, top, right, bottom = (edge / scene.plan.patch for edge in place.bounds)
    rows, cols = scene.plan.lattice
    first_row, first_col = max(0, int(top) - REACH), max(0, int(left) - REACH)
    last_row, last_col = min(rows, int(bottom) + REACH + 1), min(cols, int(right) + REACH + 1)
    if (last_row - first_row) * (last_col - first_col) * scene.plan.patch**2 > LARGEST:
        raise InputError(f"a box of {right - left:,.0f} x {bottom - top:,.0f} patches is too large for one thing")
    return Window(first_row, first_col, last_row - first_row, last_col - first_col)


def _patches_of(place: BaseGeometry, patches: Window, patch: int) -> Bool[np.ndarray, "rows cols"]:
    in_patches = shapely.transform(place, lambda xy: xy / patch - np.array([patches.col, patches.row]))
    return _rasterised([in_patches], (patches.height, patches.width))


def _rasterised(geometries: Sequence[BaseGeometry], shape: tuple[int, int]) -> Bool[np.ndarray, "rows cols"]:
    return np.asarray(rasterio.features.rasterize(geometries, shape, all_touched=True), bool)


def _instance(field: ScoreField, place: BaseGeometry, patches: Window) -> Instance:
    """What is alike and connected with a point, or what lies in a box."""
    patch, (height, width) = field.scene.plan.patch, field.scene.plan.shape
    row, col = patches.row * patch, patches.col * patch
    window = Window(row, col, min(patches.height * patch, height - row), min(patches.width * patch, width - col))
    scores = field.read(window)
    own = _rasterised([shapely.transform(place, lambda xy: xy - np.array([col, row]))], scores.shape)
    if not place.area:
        labels, _ = ndimage.label((scores >= _ALIKE) | own)
        own = np.isin(labels, np.unique(labels[own]))
    return Instance.of(own, scores, window)
