"""Measure what a model sees in places that training did not: `python recipes/mini/sight.py DATA [MODELS]`.

Every picture goes through the doors of the package: it is encoded once, mapped by `segment` and searched by `find`,
with the settings that a user has who gives none. Overlaps (IoU) are of all pixels of a set together. A single object is
found if the centre of one outline lies in it; F1 weighs objects that are missed and objects that are not there. "count
off" is the mean over pictures of |found - true| / true.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import rasterio
import shapely
from evaluate import LOVEDA, Figure, overlaps, report
from labelled_picture import UNKNOWN, Picture
from labelled_sets import read_pictures
from PIL import Image
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from geoglot import find, segment
from geoglot.evaluation.metrics import confusion, ious
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.scene.dense import WordDense
from geoglot.scene.encoded_scene import EncodedScene, encode_scene
from geoglot.silence import ignore_library_warnings

_GROUND = {
    "road": ("road", "street"), "building": ("building", "roof"), "trees": ("trees",), "grass": ("grass",),
    "bare soil": ("bare soil",), "water": ("water",),
}  # fmt: skip


@dataclass(frozen=True)
class Land:
    """Sets that are mapped, the words of the classes, and the number of each class in the masks."""

    name: str
    sets: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    numbers: Mapping[int, str]
    """Numbers that are missing say "anything but" in a set of one class, else nothing."""


@dataclass(frozen=True)
class Things:
    """Sets in which single objects are found, and the numbers of their classes."""

    name: str
    sets: tuple[str, ...]
    word: str
    kinds: tuple[int, ...] = (1,)


LANDS = (
    Land("roads", ("roads_massachusetts", "vegas_roads"), _GROUND, {1: "road"}),
    Land("roads in Japan", ("jp_roads",), _GROUND, {1: "road"}),
    Land("buildings", ("kampala_buildings",), _GROUND, {1: "building"}),
    Land("flood water", ("flood_area",), _GROUND, {1: "water"}),
    Land(
        "drone land cover", ("semantic_drone",),
        {
            "paved": ("paved area", "pavement", "gravel"), "soil": ("bare soil", "dirt"),
            "low vegetation": ("grass", "vegetation"), "trees": ("trees", "tree"), "water": ("water", "swimming pool"),
            "building": ("building", "roof"),
        },
        {1: "paved", 4: "paved", 2: "soil", 3: "low vegetation", 8: "low vegetation", 19: "trees", 20: "trees",
         5: "water", 7: "water", 9: "building"},
    ),
    Land(
        "Sentinel-2", ("sentinel2_korea",),
        {
            "building": ("buildings",), "road": ("road",), "field": ("farmland", "crop fields"),
            "forest": ("forest", "trees"),
        },
        {10: "building", 30: "road", 50: "field", 70: "forest"},
    ),
)  # fmt: skip
THINGS = (
    Things("planes", ("hrplanes", "ucas_aod"), "airplane"),
    Things("ships", ("ship_google_earth",), "ship"),
    Things("cars", ("aerial_cars_uav",), "car", (1, 2)),
    Things("solar panels", ("drone_solar",), "solar panel"),
    Things("single buildings", ("kampala_buildings",), "building"),
)


@contextmanager
def encoded(pixels: np.ndarray, dense: WordDense) -> Iterator[EncodedScene]:
    """A picture (rows, cols, 3) as `geoglot find` encodes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        Image.fromarray(pixels).save(path)
        with encode_scene(path, dense) as scene:
            yield scene


class Sight:
    """A model, and the pictures of places that training did not see, each encoded when it is asked for."""

    def __init__(self, model: VisionLanguageModel, pictures: list[Picture], folder: Path) -> None:
        self.dense, self.pictures, self.folder = WordDense(model), pictures, folder

    def of(self, sets: tuple[str, ...]) -> Iterator[tuple[Picture, EncodedScene]]:
        """The pictures of some sets."""
        for picture in self.pictures:
            if picture.source in sets:
                with encoded(picture.pixels, self.dense) as scene:
                    yield picture, scene

    def map(self, scene: EncodedScene, words: Mapping[str, tuple[str, ...]]) -> np.ndarray:
        """Ids (rows, cols) of the map that `segment` makes, from 1 in the order of the classes."""
        result = segment(scene, dict(words), self.folder / "map.tif", overwrite=True)
        with ignore_library_warnings(), rasterio.open(result.output) as source:
            return source.read(1)


def land_figures(sight: Sight, land: Land) -> dict[str, Figure]:
    """The overlap of the class of a set of one class; of more, the mean over classes, and each."""
    names = list(land.words)
    ids = np.full(256, -1)
    for number in range(256):
        if number in land.numbers:
            ids[number] = names.index(land.numbers[number])
        elif number != UNKNOWN and len(land.numbers) == 1:
            ids[number] = len(names)  # anything but
    counts = np.zeros((len(names) + 1, len(names) + 2))  # the last column: no class
    for picture, scene in sight.of(land.sets):
        guess = sight.map(scene, land.words).astype(np.int64) - 1
        counts += confusion(ids[picture.truth], guess, len(names) + 1)
    overlap = 100 * ious(counts)
    if len(land.numbers) == 1:
        return {f"{land.name}, IoU": Figure(overlap[names.index(land.numbers[1])])}
    each = {f"  {name}": Figure(overlap[index]) for index, name in enumerate(names)}
    return {f"{land.name}, mIoU": Figure(float(np.mean(overlap[: len(names)]))), **each}


def thing_figures(sight: Sight, things: Things) -> dict[str, Figure]:
    """Precision, recall and F1 of single objects, and how far counts are off."""
    right = found = there = 0
    off = []
    for picture, scene in sight.of(things.sets):
        outlines = [shapely.Polygon(outline.points) for outline in picture.outlines if outline.kind in things.kinds]
        centres = [geometry.centroid for geometry in find(scene, [things.word]).objects.geometry]
        right += count_pairs(outlines, centres)
        found, there = found + len(centres), there + len(outlines)
        if outlines:
            off.append(abs(len(centres) - len(outlines)) / len(outlines))
    precision, recall = right / max(found, 1), right / max(there, 1)
    return {
        f"{things.name}, F1": Figure(100 * 2 * right / max(found + there, 1)),
        "  precision": Figure(100 * precision),
        "  recall": Figure(100 * recall),
        "  count off": Figure(100 * float(np.mean(off))),
    }


def count_pairs(outlines: list[shapely.Polygon], centres: list[shapely.Point]) -> int:
    """How many centres lie in an outline, one an outline."""
    if not outlines or not centres:
        return 0
    tree = shapely.STRtree([outline.buffer(0) for outline in outlines])
    hits = tree.query(centres, predicate="intersects")
    within = csr_array((np.ones(hits.shape[1]), hits), (len(centres), len(outlines)))
    return int((maximum_bipartite_matching(within, "column") >= 0).sum())


def loveda_figures(sight: Sight, folder: Path, learned: frozenset[str]) -> dict[str, Figure]:
    """Mean IoU over the classes that occur in LoveDA's tiles, and in each, but for tiles that the model learned from.

    Empty if it learned from all of them.
    """
    truths, guesses, figures = [], [], {}
    tiles = sorted((folder / "images").iterdir())
    if unknown := learned - {path.stem for path in tiles}:
        raise click.BadParameter(f"LoveDA has no tile {', '.join(sorted(unknown))}", param_hint="--learned")
    for path in (path for path in tiles if path.stem not in learned):
        truths.append(np.asarray(Image.open(folder / "masks" / path.name)).astype(np.int64) - 1)
        with encoded(np.asarray(Image.open(path).convert("RGB")), sight.dense) as scene:
            guesses.append(sight.map(scene, LOVEDA).astype(np.int64) - 1)
        own = overlaps(truths[-1], guesses[-1], len(LOVEDA))
        figures[f"  LoveDA: {path.stem}"] = Figure(float(np.nanmean(own)))
    if not truths:
        return {}
    every = overlaps(np.stack(truths), np.stack(guesses), len(LOVEDA))
    return {"LoveDA, mIoU": Figure(float(np.nanmean(every))), **figures}


def measure(name: str, data: Path, learned: frozenset[str]) -> dict[str, Figure]:
    """Every figure of a model."""
    figures: dict[str, Figure] = {}
    pictures = [picture for picture in read_pictures(data / "labelled") if picture.aside]
    with tempfile.TemporaryDirectory() as folder:
        sight = Sight(load_word_model(name), pictures, Path(folder))
        for land in LANDS:
            figures |= {_own(land.name, key): value for key, value in land_figures(sight, land).items()}
        for things in THINGS:
            figures |= {_own(things.name, key): value for key, value in thing_figures(sight, things).items()}
        figures |= loveda_figures(sight, data / "loveda", learned)
    return figures


def _own(name: str, key: str) -> str:
    return f"  {name}: {key.strip()}" if key.startswith("  ") else key


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("models", nargs=-1)
@click.option("--learned", multiple=True, help="A tile of LoveDA, by its number, that MODELS learned from.")
@click.option("--json", "as_json", is_flag=True)
def command(data: Path, models: tuple[str, ...], learned: tuple[str, ...], as_json: bool) -> None:
    """Print every figure in percent for mini or MODELS; for several models, mean and standard deviation."""
    report([measure(name, data, frozenset(learned)) for name in models or ("mini",)], as_json)


if __name__ == "__main__":
    command()
