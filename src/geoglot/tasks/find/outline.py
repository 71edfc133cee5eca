"""Objects: masks become polygons, and of these those that are asked for stay, each with its own ground."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from jaxtyping import Bool
from shapely import Polygon

from geoglot.figures import format_list
from geoglot.geo import Window
from geoglot.geodesy import geodesic_area_m2
from geoglot.lonlat import to_map
from geoglot.options import FindOptions
from geoglot.outputs.shapes import ClassStrip, build_polygons, trace
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.score_field import ScoreField
from geoglot.silence import ignore_library_warnings
from geoglot.tasks.find.instances import Instance, Region

_TOLERANCE = 0.5  # pixels: it removes the corners of pixels only
_SAME = 0.5  # an object that keeps a smaller share of its area is the same thing by another name
_PIXELS = 4_000_000  # of a strip, and of masks that are traced together
_AT_ONCE = 10_000  # masks that are traced together
_NAMED = 20  # names in a note
_WRONG_SIZE = "none has a size that --min-area and --max-area allow"
_BEYOND = "none has its centre in the area of interest"


@dataclass(frozen=True)
class Object:
    """One thing with its outline."""

    name: str
    polygon: Polygon
    """In pixels of the scene (x = column, y = row)."""
    score: float
    how: str
    """Name of the refiner that made the outline, or "none"."""


def outline(mask: Bool[np.ndarray, "rows cols"], window: Window) -> Polygon:
    """The largest 4-connected part of a mask in `window`, with its holes, simplified by at most half a pixel."""
    place = Affine.translation(window.col, window.row)
    with ignore_library_warnings():
        shapes = rasterio.features.shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=place)
        parts = [shapely.geometry.shape(geometry) for geometry, _ in shapes]
    return _simplify(max(parts, key=lambda part: (part.area, -part.bounds[1], -part.bounds[0])))


def outline_instances(instances: Sequence[Instance]) -> list[Polygon]:
    """As `outline`, for the masks of many instances, which are traced together: a call costs more than a small mask."""
    order = sorted(range(len(instances)), key=lambda index: instances[index].box.width)
    polygons: dict[int, Polygon] = {}
    while order:
        rows, count = np.cumsum([instances[index].box.height for index in order[:_AT_ONCE]]), 1
        while count < len(rows) and rows[count] * instances[order[count]].box.width <= _PIXELS:
            count += 1
        chosen, order = order[:count], order[count:]
        polygons |= zip(chosen, _outline_together([instances[index] for index in chosen]), strict=True)
    return [polygons[index] for index in range(len(instances))]


def _outline_together(instances: Sequence[Instance]) -> np.ndarray:
    """The masks lie below each other in one array, each with a number of its own."""
    boxes = np.array([instance.box for instance in instances])
    ends = boxes[:, 2].cumsum()
    numbers = np.zeros((ends[-1], boxes[:, 3].max()), np.int32)
    for number, (instance, end) in enumerate(zip(instances, ends.tolist(), strict=True), 1):
        numbers[end - instance.box.height : end, : instance.box.width] = number * instance.mask
    with ignore_library_warnings():
        shapes = list(rasterio.features.shapes(numbers, mask=numbers > 0, connectivity=4))
    parts = build_polygons([geometry["coordinates"] for geometry, _ in shapes])
    owners = np.array([number for _, number in shapes], np.intp) - 1
    left, top, _, _ = shapely.bounds(parts).T
    best = np.lexsort((-left, -top, shapely.area(parts), owners))
    largest = np.asarray(parts, object)[best[np.append(np.diff(owners[best]) > 0, True)]]
    coordinates, of_vertex = shapely.get_coordinates(largest, return_index=True)
    offsets = np.column_stack([boxes[:, 1], boxes[:, 0] - ends + boxes[:, 2]])
    moved: np.ndarray = _simplify(shapely.set_coordinates(largest, coordinates + offsets[of_vertex]))
    return moved


def _simplify(polygons: Any) -> Any:
    return shapely.normalize(shapely.simplify(polygons, _TOLERANCE))


def outline_of_large(region: Region, field: ScoreField, low: float) -> Object:
    """The object of a region that is too large to be held as a whole: it is traced by strips, not split or refined."""
    peak = shapely.Point(region.peak_at[1] + 0.5, region.peak_at[0] + 0.5)

    def strips() -> Iterator[ClassStrip]:
        rows = max(1, _PIXELS // region.box.width)
        for row in range(region.top, region.bottom, rows):
            window = Window(row, region.left, min(rows, region.bottom - row), region.box.width)
            scores = field.read(window)
            yield ClassStrip(row, (scores >= low).astype(np.uint8), scores)

    for shape in trace(strips(), frozenset({0})):
        polygon = shapely.transform(shape.geometry(), lambda xy: xy + np.array([region.left, 0]))
        if polygon.contains(peak):
            return Object(field.name, _simplify(polygon), shape.confidence / shape.pixels, "none")
    raise AssertionError("a region holds its peak")


def settle(
    objects: Sequence[Object], scene: EncodedScene, options: FindOptions
) -> tuple[list[Object], tuple[str, ...]]:
    """The objects of an allowed size, with their centre in the area, without overlaps; and notes on the others."""
    polygons = scene.raster.footprint.clip([each.polygon for each in objects])  # pixels at the edge may hang over
    clipped = [replace(each, polygon=polygon) for each, polygon in zip(objects, polygons, strict=True)]
    sized = _limit_area(clipped, scene, options)
    apart = settle_overlaps(sized)
    settled = _limit_area(apart, scene, options)
    kept = [each for each in settled if scene.area is None or scene.area.contains(each.polygon.centroid)]
    names = {each.name for each in kept}
    wrong = _count_names(clipped) - _count_names(sized) + (_count_names(apart) - _count_names(settled))
    beyond = _count_names(each for each in settled if scene.area and scene.area.intersects(each.polygon))
    notes = []
    for counts, why in ((wrong, _WRONG_SIZE), (beyond, _BEYOND)):
        if gone := Counter({name: count for name, count in counts.items() if name not in names}):
            notes.append(f"{_name_counts(gone)}: {why}")
    lost = _count_names(sized) - _count_names(apart)
    if lost and (options.points or len({each.name for each in sized}) > 1):
        alone = "give the others in a file of their own" if options.points else "ask for one name at a time"
        notes.append(f"{_name_counts(lost)} overlap objects with better scores and are left out; {alone} to count each")
    return kept, tuple(notes)


def _count_names(objects: Iterable[Object]) -> Counter[str]:
    return Counter(each.name for each in objects)


def _name_counts(counts: Counter[str]) -> str:
    return format_list([f"{count:,} of {name}" for name, count in counts.items()], _NAMED)


def _limit_area(objects: list[Object], scene: EncodedScene, options: FindOptions) -> list[Object]:
    grid = scene.raster.grid
    if not objects or grid.crs is None or (options.min_area is None and options.max_area is None):
        return objects
    areas = geodesic_area_m2(to_map([each.polygon for each in objects], grid), grid.crs)
    least, most = options.min_area or 0.0, options.max_area or float("inf")
    return [each for each, area in zip(objects, areas, strict=True) if least <= area <= most]


def settle_overlaps(objects: Sequence[Object]) -> list[Object]:
    """Give shared ground to the object with the higher score, and drop objects that lose over half their area."""
    order = sorted(range(len(objects)), key=lambda index: (-objects[index].score, index))
    rank = {index: place for place, index in enumerate(order)}
    kept: dict[int, Polygon] = {}
    polygons = np.array([each.polygon for each in objects], object)
    near: list[list[int]] = [[] for _ in objects]
    for index, other in shapely.STRtree(polygons).query(polygons, predicate="intersects").T.tolist():
        near[index].append(other)
    for index in order:
        above = [kept[other] for other in near[index] if rank[other] < rank[index] and other in kept]
        rest = _subtract(objects[index].polygon, above)
        if rest is not None:
            kept[index] = rest
    return [replace(each, polygon=kept[index]) for index, each in enumerate(objects) if index in kept]


def _subtract(polygon: Polygon, others: Sequence[Polygon]) -> Polygon | None:
    """The largest remaining part; None if it is less than half of the polygon."""
    if not others:
        return polygon
    parts = shapely.get_parts(shapely.difference(polygon, shapely.union_all(others)))
    parts = [part for part in parts if isinstance(part, Polygon) and not part.is_empty]
    largest = max(parts, key=lambda part: part.area, default=None)
    return largest if largest is not None and largest.area >= _SAME * polygon.area else None
