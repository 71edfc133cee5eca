"""Questions in RSVQA's manner with exact answers, from a label raster or polygons of one's own region.

Truth is computed in pixels of the image's grid, times the ground size of a pixel: another way than the vocabulary of
`ask` goes, which measures on the ellipsoid. Questions whose truth hangs on less than a pixel are not asked.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import shapely

from geoglot.datasets.image_files import open_native
from geoglot.errors import InputError, SourceError
from geoglot.geo import Grid
from geoglot.outputs.atomic import write_bytes
from geoglot.outputs.journal import fingerprint
from geoglot.outputs.made import Made as Files
from geoglot.outputs.vector_files import to_pixels
from geoglot.tasks.ask.lexicon import DIRECTIONS, PARTS, plural

_TRIES = 200  # draws in vain, for one kind of question, before it is given up
_EDGE = 1.5  # pixels by which a truth must be clear of its boundary
_PLACES = (
    "upper left quarter", "upper right quarter", "lower left quarter", "lower right quarter", "upper half",
    "lower half", "left half", "right half",
)  # fmt: skip
_METRES = (20, 50, 100, 200)
_AREAS = (100, 200, 500, 1000)


@dataclass(frozen=True)
class Truth:
    """What lies in an image: names, and polygons in pixels (x = column, y = row)."""

    grid: Grid
    names: tuple[str, ...]
    polygons: tuple[shapely.Geometry, ...]

    def of(self, name: str) -> list[shapely.Geometry]:
        """The polygons of a name."""
        return [one for own, one in zip(self.names, self.polygons, strict=True) if own == name]

    @property
    def classes(self) -> list[str]:
        """The names that there are."""
        return sorted(set(self.names))

    @property
    def metre(self) -> float:
        """Pixels of one metre on the ground."""
        resolution = self.grid.resolution_m
        if resolution is None:
            raise InputError("the image has no CRS, so no truth in metres")
        return 1 / resolution

    @property
    def square_metre(self) -> float:
        """Square pixels of one square metre."""
        area = self.grid.pixel_area_m2()
        if area is None:
            raise InputError("the image has no CRS, so no truth in square metres")
        return 1 / area


@dataclass(frozen=True)
class Made:
    """A question with its answer."""

    text: str
    answer: str
    kind: str


Maker = Callable[[Truth, np.random.Generator], Made | None]


def make_questions(truth: Truth, number: int, seed: int = 0) -> list[Made]:
    """So many questions, the kinds in turn, each text once; fewer where there are no more to be asked."""
    if not truth.names:
        raise InputError("there is nothing to ask about: no polygon, no labelled pixel")
    rng = np.random.default_rng(seed)
    makers = [one for one in _MAKERS if truth.grid.crs is not None or one not in _METRIC]
    made: dict[str, Made] = {}
    vain = 0
    for maker in cycle(makers):
        if len(made) == number or vain > _TRIES * len(makers):
            break
        one = maker(truth, rng)
        vain = 0 if one and one.text not in made else vain + 1
        if one:
            made.setdefault(one.text, one)
    return list(made.values())


def _pick(rng: np.random.Generator, among: Sequence[str]) -> str:
    return among[int(rng.integers(len(among)))]


def _name(truth: Truth, rng: np.random.Generator) -> str:
    return _pick(rng, truth.classes)


def _yes(right: bool) -> str:
    return "yes" if right else "no"


def _in(truth: Truth, shapes: Sequence[shapely.Geometry], place: str) -> list[shapely.Geometry] | None:
    """Those whose centre is in a part; None where a centre is too near to the part's edge."""
    rows, cols = truth.grid.shape
    top, left, bottom, right = PARTS[place]
    box = shapely.box(left * cols, top * rows, right * cols, bottom * rows)
    centres = [shapely.centroid(shape) for shape in shapes]
    if any(shapely.distance(centre, box.exterior) < _EDGE for centre in centres):
        return None
    return [shape for shape, centre in zip(shapes, centres, strict=True) if box.contains(centre)]


_ABSENT = ("volcano", "glacier", "lighthouse")


def _presence(truth: Truth, rng: np.random.Generator) -> Made:
    absent = [name for name in _ABSENT if name not in truth.classes]
    name = _pick(rng, [*truth.classes, *absent])
    form = _pick(rng, ("Is there a {}?", "Is a {} present in the image?", "Does this picture contain {}?"))
    return Made(form.format(name), _yes(bool(truth.of(name))), "presence")


def _presence_in(truth: Truth, rng: np.random.Generator) -> Made | None:
    name, place = _name(truth, rng), _pick(rng, _PLACES)
    inside = _in(truth, truth.of(name), place)
    return None if inside is None else Made(f"Is there a {name} in the {place}?", _yes(bool(inside)), "presence")


def _count(truth: Truth, rng: np.random.Generator) -> Made:
    name = _name(truth, rng)
    form = _pick(rng, ("How many {} are there?", "What is the number of {}?", "What is the amount of {} in the image?"))
    return Made(form.format(plural(name)), str(len(truth.of(name))), "count")


def _count_in(truth: Truth, rng: np.random.Generator) -> Made | None:
    name, place = _name(truth, rng), _pick(rng, _PLACES)
    inside = _in(truth, truth.of(name), place)
    if inside is None:
        return None
    return Made(f"How many {plural(name)} are in the {place}?", str(len(inside)), "count")


def _count_larger(truth: Truth, rng: np.random.Generator) -> Made | None:
    name, least = _name(truth, rng), _AREAS[int(rng.integers(len(_AREAS)))]
    areas = np.array([shape.area for shape in truth.of(name)]) / truth.square_metre
    if (abs(areas / least - 1) < 0.01).any():
        return None
    return Made(f"How many {plural(name)} are larger than {least} m²?", str(int((areas > least).sum())), "count")


def _near(truth: Truth, rng: np.random.Generator, form: str) -> tuple[str, int] | None:
    """A question about what is near to something else, and how many are."""
    name, other = _name(truth, rng), _name(truth, rng)
    if name == other:
        return None
    metres = _METRES[int(rng.integers(len(_METRES)))]
    others = shapely.union_all(truth.of(other))
    gaps = shapely.distance(np.array(truth.of(name), object), others)
    edge = metres * truth.metre
    if (abs(gaps - edge) < _EDGE).any():
        return None
    return form.format(name=name, names=plural(name), metres=metres, other=other), int((gaps < edge).sum())


def _count_near(truth: Truth, rng: np.random.Generator) -> Made | None:
    asked = _near(truth, rng, "How many {names} are within {metres} m of a {other}?")
    return asked and Made(asked[0], str(asked[1]), "count")


def _presence_near(truth: Truth, rng: np.random.Generator) -> Made | None:
    asked = _near(truth, rng, "Is there a {name} within {metres} m of a {other}?")
    return asked and Made(asked[0], _yes(asked[1] > 0), "presence")


def _comparison(truth: Truth, rng: np.random.Generator) -> Made | None:
    name, other = _name(truth, rng), _name(truth, rng)
    if name == other:
        return None
    one, two = len(truth.of(name)), len(truth.of(other))
    form, right = (
        ("Are there more {} than {}?", one > two),
        ("Are there less {} than {} in the image?", one < two),
        ("Is the number of {} equal to the number of {}?", one == two),
    )[int(rng.integers(3))]
    return Made(form.format(plural(name), plural(other)), _yes(right), "comp")


def _comparison_by_area(truth: Truth, rng: np.random.Generator) -> Made | None:
    name, other = _name(truth, rng), _name(truth, rng)
    one, two = (shapely.union_all(truth.of(each)).area for each in (name, other))
    if name == other or abs(one - two) < 0.01 * max(one, two):
        return None
    form = _pick(rng, ("Do the {} cover more area than the {}?", "Is the area covered by {} larger than that of {}?"))
    return Made(form.format(plural(name), plural(other)), _yes(one > two), "comp")


def _area(truth: Truth, rng: np.random.Generator) -> Made:
    name = _name(truth, rng)
    area = shapely.union_all(truth.of(name)).area / truth.square_metre
    return Made(f"What is the area covered by {plural(name)}?", f"{area:.2f}m2", "area")


def _largest(truth: Truth, rng: np.random.Generator) -> Made:
    name, which = _name(truth, rng), _pick(rng, ("largest", "smallest"))
    areas = [shape.area / truth.square_metre for shape in truth.of(name)]
    area = max(areas) if which == "largest" else min(areas)
    return Made(f"What is the area of the {which} {name}?", f"{area:.2f}m2", "area")


def _share(truth: Truth, rng: np.random.Generator) -> Made:
    name = _name(truth, rng)
    rows, cols = truth.grid.shape
    part = shapely.union_all(truth.of(name)).area / (rows * cols)
    form = _pick(rng, ("What percentage of the image is covered by {}?", "How much of the scene do {} cover?"))
    return Made(form.format(plural(name)), f"{100 * part:.4f}%", "share")


def _distance(truth: Truth, rng: np.random.Generator) -> Made | None:
    name, other = _name(truth, rng), _name(truth, rng)
    if name == other:
        return None
    one, two = (shapely.union_all(truth.of(each)) for each in (name, other))
    gap = shapely.distance(one, two) / truth.metre
    return Made(f"How far is the nearest {name} from a {other}?", f"{gap:.2f}m", "distance")


def _where(truth: Truth, rng: np.random.Generator) -> Made | None:
    name, which = _name(truth, rng), _pick(rng, ("largest", "smallest"))
    order = sorted(truth.of(name), key=lambda shape: shape.area)
    if len(order) > 1 and abs(order[-1].area - order[-2].area) * abs(order[0].area - order[1].area) < 1:
        return None
    centre = (order[-1] if which == "largest" else order[0]).centroid
    rows, cols = truth.grid.shape
    down, across = 3 * centre.y / rows, 3 * centre.x / cols
    if min(abs(down - round(down)) * rows, abs(across - round(across)) * cols) < 3 * _EDGE:
        return None
    joined = DIRECTIONS["map" if truth.grid.crs is not None else "picture"][int(down)][int(across)]
    return Made(f"Where is the {which} {name}?", joined, "location")


_METRIC: tuple[Maker, ...] = (_count_larger, _count_near, _presence_near, _area, _largest, _distance)
_MAKERS: tuple[Maker, ...] = (
    _presence, _count, _comparison, _area, _share, _presence_in, _count_in, _count_near, _largest, _comparison_by_area,
    _distance, _where, _count_larger, _presence_near,
)  # fmt: skip


def truth_of(image: Path, labels: Path, names: Sequence[str] = ()) -> Truth:
    """The truth of an image from polygons with an attribute `class` or `name`, or from a raster of ids 1, 2, ...

    `names` are those of the ids in their order. 0 and 255 of a raster are nothing. Regions of a raster are 4-connected.
    """
    with open_native(image) as raster:
        grid = raster.native
    if labels.suffix.lower() in (".gpkg", ".geojson", ".json", ".parquet", ".shp"):
        return _from_polygons(grid, labels)
    if not names:
        raise InputError('name the ids of a label raster in their order: --names "water, forest, building"')
    return _from_raster(grid, labels, names)


def _from_polygons(grid: Grid, labels: Path) -> Truth:
    from geoglot.sources.vectors import read_vectors

    table = read_vectors(labels)
    column = next((name for name in ("class", "name") if name in table), None)
    if column is None:
        raise SourceError(f"{labels} has no attribute class or name")
    if table.crs is not None and grid.crs is not None:
        table = table.to_crs(grid.crs)
    rows, cols = grid.shape
    moved = shapely.intersection(to_pixels(table.geometry.to_numpy(), grid), shapely.box(0, 0, cols, rows))
    kept = [(str(name), shape) for name, shape in zip(table[column], moved, strict=True) if shape.area > 0]
    return Truth(grid, tuple(name for name, _ in kept), tuple(shape for _, shape in kept))


def _from_raster(grid: Grid, labels: Path, names: Sequence[str]) -> Truth:
    from rasterio.features import shapes

    from geoglot.sources.gdal import open_dataset

    with open_dataset(str(labels)) as dataset:
        ids = dataset.read(1)
    if ids.shape != grid.shape:
        raise InputError(f"{labels} has {ids.shape} pixels and the image {grid.shape}")
    known = (ids > 0) & (ids <= len(names))
    if (ids[~known & (ids != 255)] > 0).any():
        raise InputError(f"{labels} has ids above {len(names)}, for which there is no name")
    found = [
        (names[int(value) - 1], shapely.geometry.shape(shape))
        for shape, value in shapes(ids.astype(np.int32), mask=known, connectivity=4)
    ]
    return Truth(grid, tuple(name for name, _ in found), tuple(shape for _, shape in found))


def write_table(image: Path, labels: Path, made: Sequence[Made], output: Path, overwrite: bool = False) -> None:
    """A table that `geoglot evaluate vqa questions` reads, the image by its path from the table on."""
    try:
        place = image.resolve().relative_to(output.resolve().parent)
    except ValueError:
        place = image.resolve()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "question", "answer", "type"])
    writer.writerows([str(place), one.text, one.answer, one.kind] for one in made)
    files = Files("questions", output)
    files.check(image, labels)
    files.start(fingerprint({"table": text.getvalue()}), overwrite)
    with files.writing(output) as draft:
        write_bytes(draft, text.getvalue().encode())
    files.finish({"image": str(image), "labels": str(labels), "questions": len(made)})
