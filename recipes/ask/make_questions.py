"""Make questions like RSVQA's about an image, with exact answers from a label raster or polygons of your region.

    python recipes/ask/make_questions.py scene.tif --labels houses.gpkg -o test.csv
    geoglot evaluate vqa questions --data .

True answers are measured in pixels of the image's grid, times the ground resolution, and so independently of `ask`,
which measures on the ellipsoid. Questions whose answer depends on less than a pixel are left out.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import click
import numpy as np
import shapely

from geoglot.datasets.image_files import open_native
from geoglot.errors import GeoglotError, InputError, SourceError
from geoglot.geo import Grid
from geoglot.hashing import fingerprint
from geoglot.lonlat import to_pixels
from geoglot.nouns import plural
from geoglot.outputs.atomic import write_bytes
from geoglot.outputs.made import Made as Files
from geoglot.scene.class_words import parse_words
from geoglot.sources.gdal import open_dataset
from geoglot.sources.vectors import read_vectors
from geoglot.tasks.ask.grammar.parts import DIRECTIONS, PARTS

_TRIES = 200  # draws per kind of question without a new one, before the search ends
_EDGE = 1.5  # pixels by which a truth must be clear of its boundary
_ABSENT = ("volcano", "glacier", "lighthouse")
_PLACES = (
    "upper left quarter", "upper right quarter", "lower left quarter", "lower right quarter", "upper half",
    "lower half", "left half", "right half",
)  # fmt: skip
_METRES = (20, 50, 100, 200)
_AREAS = (100, 200, 500, 1000)


@dataclass(frozen=True)
class Truth:
    """The objects of an image: names, and polygons in pixels (x = column, y = row)."""

    grid: Grid
    names: tuple[str, ...]
    polygons: tuple[shapely.Geometry, ...]

    def of(self, name: str) -> list[shapely.Geometry]:
        """The polygons with a name."""
        return [shape for own, shape in zip(self.names, self.polygons, strict=True) if own == name]

    @property
    def classes(self) -> list[str]:
        """The different names, sorted."""
        return sorted(set(self.names))

    @property
    def metre(self) -> float:
        """Pixels per metre on the ground."""
        resolution = self.grid.resolution_m
        if resolution is None:
            raise InputError("the image has no CRS, so no truth in metres")
        return 1 / resolution

    @property
    def square_metre(self) -> float:
        """Square pixels per square metre on the ground."""
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
    """Up to `number` different questions of all kinds in turn; fewer if the image gives no more."""
    if not truth.names:
        raise InputError("there is nothing to ask about: no polygon, no labelled pixel")
    rng = np.random.default_rng(seed)
    makers = [maker for maker in _MAKERS if truth.grid.crs is not None or maker not in _METRIC]
    made: dict[str, Made] = {}
    failures = 0
    for maker in cycle(makers):
        if len(made) == number or failures > _TRIES * len(makers):
            break
        question = maker(truth, rng)
        failures = 0 if question and question.text not in made else failures + 1
        if question:
            made.setdefault(question.text, question)
    return list(made.values())


def _pick(rng: np.random.Generator, among: Sequence[str]) -> str:
    return among[int(rng.integers(len(among)))]


def _name(truth: Truth, rng: np.random.Generator) -> str:
    return _pick(rng, truth.classes)


def _yes(right: bool) -> str:
    return "yes" if right else "no"


def _in(truth: Truth, shapes: Sequence[shapely.Geometry], place: str) -> list[shapely.Geometry] | None:
    """The shapes whose centre is in a part of the image; None if a centre is too near the edge of the part."""
    rows, cols = truth.grid.shape
    top, left, bottom, right = PARTS[place]
    box = shapely.box(left * cols, top * rows, right * cols, bottom * rows)
    centres = [shapely.centroid(shape) for shape in shapes]
    if any(shapely.distance(centre, box.exterior) < _EDGE for centre in centres):
        return None
    return [shape for shape, centre in zip(shapes, centres, strict=True) if box.contains(centre)]


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
    """A question about objects near to another, and the number of these objects."""
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

    `names` are the names of the ids in order. The values 0 and 255 are no objects. Regions are 4-connected.
    """
    with open_native(image) as raster:
        grid = raster.native
    if labels.suffix.lower() in (".gpkg", ".geojson", ".json", ".parquet", ".shp"):
        return _from_polygons(grid, labels)
    if not names:
        raise InputError('name the ids of a label raster in their order: --names "water, forest, building"')
    return _from_raster(grid, labels, names)


def _from_polygons(grid: Grid, labels: Path) -> Truth:
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

    with open_dataset(str(labels)) as dataset:
        ids = dataset.read(1)
    if ids.shape != grid.shape:
        raise InputError(f"{labels} must have as many pixels as the image, {grid.shape}, got {ids.shape}")
    known = (ids > 0) & (ids <= len(names))
    if (ids[~known & (ids != 255)] > 0).any():
        raise InputError(f"{labels} has ids above {len(names)}, for which there is no name")
    regions = [
        (names[int(value) - 1], shapely.geometry.shape(shape))
        for shape, value in shapes(ids.astype(np.int32), mask=known, connectivity=4)
    ]
    return Truth(grid, tuple(name for name, _ in regions), tuple(shape for _, shape in regions))


def write_table(image: Path, labels: Path, made: Sequence[Made], output: Path, overwrite: bool = False) -> None:
    """Write a table for `geoglot evaluate vqa questions`; the image's path is relative to the table."""
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


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--labels",
    required=True,
    type=click.Path(path_type=Path),
    help="Polygons with an attribute class, or a raster of ids.",
)
@click.option("--names", default="", help='Names of the ids 1, 2, ... of a label raster: "water, forest, building".')
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The table, a .csv.")
@click.option("--number", type=click.IntRange(min=1), default=100, show_default=True, help="Number of questions.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draw.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier table.")
def command(image: Path, labels: Path, names: str, output: Path, number: int, seed: int, overwrite: bool) -> None:
    """Make questions about IMAGE with exact answers from --labels: a test of your own region."""
    try:
        if output.suffix != ".csv":
            raise InputError(f"the table must be a .csv, got {output.name!r}")
        made = make_questions(truth_of(image, labels, parse_words(names)), number, seed)
        write_table(image, labels, made, output, overwrite)
    except GeoglotError as error:
        raise click.ClickException(str(error)) from error
    kinds = Counter(question.kind for question in made)
    click.echo(f"{output}: {len(made)} ({', '.join(f'{count} {kind}' for kind, count in kinds.items())})")


if __name__ == "__main__":
    command()
