"""Search a scene for instances: things of a name, or things at points and boxes that a person draws."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from jaxtyping import Bool, Float
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import Progress
from geoglot.errors import InputError, SourceError
from geoglot.figures import format_count
from geoglot.geo import Window
from geoglot.scene.absence import ABSENT, BARELY_ABSENT, absence_notes, presence_of
from geoglot.scene.area import touches
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.kept_scores import keep_scores
from geoglot.scene.question import Question
from geoglot.scene.score_field import ScoreField, score_fields
from geoglot.scene.spectral_evidence import SpectralEvidence
from geoglot.scene.vector_features import on_grid
from geoglot.scene.visible import Sight
from geoglot.silence import ignore_library_warnings
from geoglot.tasks.find.instances import LARGEST, Instance, Threshold, choose_threshold, find_regions, keep_sure
from geoglot.tasks.find.outline import Object, outline_of_large
from geoglot.tasks.find.split import split_regions

_REACH = 8  # patches around a point within which its thing lies
_LOW = 0.5  # half way from the usual similarity around a point to equality with it
_UNNAMED = "object"
_SPECK = 4  # pixels: fewer, on which other bands alone decide, are their noise


@dataclass(frozen=True)
class Search:
    """The instances in a scene."""

    names: tuple[str, ...]
    instances: list[Instance]
    large: list[Object]
    """Regions that are too large to be split or refined."""
    thresholds: dict[str, Threshold]
    """By name; empty for places."""
    presence: dict[str, float]
    """The probability that a name is in the scene, by name; empty for places."""
    notes: tuple[str, ...]
    why: Mapping[str, str] = field(default_factory=dict)
    """By name, why it cannot be seen in this scene."""


def search_names(
    scene: EncodedScene,
    question: Question,
    min_score: float | None,
    sight: Sight,
    progress: Progress | None,
    evidence: SpectralEvidence | None,
    kept: IO[bytes],
) -> Search:
    """The instances of every name, but for those that are not looked for (`sight`).

    Thresholds are chosen unless `min_score` is given. The scores of patches lie in the file `kept`, which must stay
    open while the instances are read. Presence is that in the area of interest, and a name without an instance is not
    there: between the centres of patches no pixel may score what a patch does.
    """
    thresholds, instances, large = dict[str, Threshold](), list[Instance](), list[Object]()
    presence, notes, absent = dict[str, float](), list[str](), list[str]()
    fields = filter(None, score_fields(scene, question, evidence, sight.why))
    for scored in keep_scores([*fields], kept):
        name, threshold = scored.name, choose_threshold(scored, min_score)
        likely = find_regions(scored, threshold, progress)
        thresholds[name], regions = keep_sure(name, threshold, likely)
        big = [region for region in regions if region.box.pixels > LARGEST]
        small = [region for region in regions if region.box.pixels <= LARGEST]
        parts, specks = _without_specks(split_regions(small, scored, threshold.low), scored)
        inside = [region for region in regions if touches(scene.area, Window(*region.peak_at, 1, 1))]
        boxes = [*(region.box for region in big), *(part.box for part in parts)]
        found = any(touches(scene.area, box) for box in boxes)
        likelihood = presence_of(max([threshold.peak, *(region.peak for region in inside)]))
        presence[name] = likelihood if found or min_score is not None else min(likelihood, BARELY_ABSENT)
        notes += _tell_left_out(name, thresholds[name], len(likely) - len(regions), found=found)
        notes += _tell_specks(name, specks)
        absent += [] if found or presence[name] >= ABSENT else [name]
        large += [outline_of_large(region, scored, threshold.low) for region in big]
        instances += parts
    too_large = f"{len(large)} objects are too large to be split or refined: they keep the outline of their scores"
    told = (*sight.notes, *notes, *absence_notes(absent), *question.notes, *((too_large,) if large else ()))
    return Search(question.names, instances, large, thresholds, presence, told, sight.why)


def _without_specks(parts: Iterable[Instance], scored: ScoreField) -> tuple[list[Instance], int]:
    """The instances but specks of noise, and how many of these lie in the area of interest."""
    if not scored.is_by_pixel:
        return list(parts), 0
    kept, specks = list[Instance](), 0
    for part in parts:
        if part.pixels >= _SPECK:
            kept.append(part)
        elif touches(scored.scene.area, part.box):
            specks += 1
    return kept, specks


def _tell_specks(name: str, specks: int) -> Iterator[str]:
    if specks:
        count = format_count(specks, "speck")
        yield f"left out {count} of {name!r} below {_SPECK} pixels, where bands decide; a map by `segment` keeps them"


def _tell_left_out(name: str, threshold: Threshold, doubtful: int, *, found: bool) -> Iterator[str]:
    """Notes on a name that separates nothing, on likely places that are left out, and on a least score too high."""
    if threshold.is_everywhere:
        yield (
            f"{name!r} matches {threshold.share:.0%} of the scene, so it separates nothing here: use a narrower name, "
            "or raise --min-score"
        )
    if doubtful:
        count = format_count(doubtful, "place")
        yield f"left out {count} where {name!r} is likely but not sure; --min-score 0.5 finds more"
    if threshold.how == "given" and not found and threshold.peak >= ABSENT:
        score = f"the most likely place of {name!r} scores {threshold.peak:.2f}"
        yield f"{score}, less than the least score {threshold.high:g}; a lower --min-score finds it"


def search_places(scene: EncodedScene, features: gpd.GeoDataFrame) -> Search:
    """One instance for every point or polygon where the scene has data; the column "name" holds their names.

    InputError if there is no such place, SourceError if the reason may be that windows could not be read.
    """
    local = on_grid(features, scene.raster.grid)
    names = local["name"] if "name" in local else [None] * len(local)
    named = (str(name) if isinstance(name, str) and name.strip() else _UNNAMED for name in names)
    candidates = (_place(scene, geometry, name) for geometry, name in zip(local.geometry, named, strict=True))
    places = tuple(place for place in candidates if place is not None)
    if not places:
        if failed := scene.failed:
            raise SourceError(f"no data at the points and boxes: {len(failed)} windows failed, {failed[0].reason}")
        raise InputError("all points and boxes lie outside the scene or where it has no data; is their CRS right?")
    question = LikePlaces(places)
    instances = [_instance(ScoreField(scene, question, index), place) for index, place in enumerate(places)]
    left = len(features) - len(places)
    note = f"{left} of {len(features)} points and boxes lie outside the scene or where it has no data"
    return Search(tuple(dict.fromkeys(question.names)), instances, [], {}, {}, (note,) if left else ())


@dataclass(frozen=True)
class _Place:
    """A place in the scene and the mean of its patches."""

    name: str
    geometry: BaseGeometry
    """In pixels."""
    patches: Window
    """The patches within reach."""
    vector: Float[np.ndarray, " channel"]
    """Mean of the patches at the place, of unit length."""
    usual: float
    """Median cosine of the patches within reach to `vector`."""


@dataclass(frozen=True)
class LikePlaces:
    """A question per place: how similar a patch is to it, from the usual similarity around it (0) to equality (1)."""

    places: tuple[_Place, ...]
    notes: tuple[str, ...] = ()
    knows_absence: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(place.name for place in self.places)

    def scores(self, seen: Float[np.ndarray, "channel rows cols"], index: int) -> Float[np.ndarray, "rows cols"]:
        place = self.places[index]
        return np.clip((_cosine(seen, place.vector) - place.usual) / max(1 - place.usual, 1e-6), 0, 1)


def _cosine(seen: np.ndarray, vector: np.ndarray) -> Float[np.ndarray, "rows cols"]:
    length = np.maximum(np.linalg.norm(seen, axis=0), 1e-9)
    return np.asarray(np.tensordot(vector, seen, 1) / length, np.float32)


def _place(scene: EncodedScene, geometry: BaseGeometry, name: str) -> _Place | None:
    """The part of a place that lies in the scene; None if the scene has no data there."""
    height, width = scene.plan.shape
    inside = shapely.intersection(geometry, shapely.box(0, 0, width, height))
    if inside.is_empty or (geometry.area and not inside.area):
        return None
    if inside.bounds[0] >= width or inside.bounds[1] >= height:
        return None
    patches = _patches_within_reach(scene, inside)
    seen = scene.values(patches)
    shift, offset = np.array(scene.plan.inset[::-1]), np.array([patches.col, patches.row])
    in_patches = shapely.transform(inside, lambda xy: (xy + shift) / scene.plan.patch - offset)
    on = _rasterise(in_patches, (patches.height, patches.width)) & ~np.isnan(seen[0])
    if not on.any():
        return None
    vector = seen[:, on].mean(1)
    vector /= max(float(np.linalg.norm(vector)), 1e-9)
    return _Place(name, inside, patches, vector, float(np.nanmedian(_cosine(seen, vector))))


def _patches_within_reach(scene: EncodedScene, place: BaseGeometry) -> Window:
    above, beside = scene.plan.inset
    insets = (beside, above, beside, above)
    left, top, right, bottom = (
        (edge + inset) / scene.plan.patch for edge, inset in zip(place.bounds, insets, strict=True)
    )
    rows, cols = scene.plan.lattice
    first_row, first_col = max(0, int(top) - _REACH), max(0, int(left) - _REACH)
    last_row, last_col = min(rows, int(bottom) + _REACH + 1), min(cols, int(right) + _REACH + 1)
    if (last_row - first_row) * (last_col - first_col) * scene.plan.patch**2 > LARGEST:
        raise InputError(f"a box must fit in {LARGEST:,} pixels, got {right - left:,.0f} x {bottom - top:,.0f} patches")
    return Window(first_row, first_col, last_row - first_row, last_col - first_col)


def _rasterise(geometry: BaseGeometry, shape: tuple[int, int]) -> Bool[np.ndarray, "rows cols"]:
    with ignore_library_warnings():
        return np.asarray(rasterio.features.rasterize([geometry], shape, all_touched=True), bool)


def _instance(field: ScoreField, place: _Place) -> Instance:
    """The similar patches connected with a point, or everything in a box."""
    patch, reach = field.scene.plan.patch, place.patches
    (above, beside), pixels = field.scene.plan.inset, Window(*(patch * side for side in reach))
    window = pixels._replace(row=pixels.row - above, col=pixels.col - beside)
    inside = window.intersection(Window(0, 0, *field.scene.plan.shape))
    assert inside is not None
    scores, offset = field.read(inside), np.array([inside.col, inside.row])
    mask = _rasterise(shapely.transform(place.geometry, lambda xy: xy - offset), scores.shape)
    drawn = bool(place.geometry.area)
    if not drawn:
        labels, _ = ndimage.label((scores >= _LOW) | mask)
        mask = np.isin(labels, np.unique(labels[mask]))
    return Instance.of(field, _LOW, mask, scores, inside, drawn)
