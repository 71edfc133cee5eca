"""How much `geoglot teach` learns from a few polygons: `python recipes/teach/measure_teach.py LOVEDA [--model mini]`.

LOVEDA has the folders `images` and `masks`. Labels are ten polygons a class, drawn from the mask of one tile by a fixed
seed: squares of up to 96 px around places inside the class. The model is taught on that tile and scored on each other
tile, beside the words alone. Then six points are added on the tile that is scored, each in the middle of the largest
region that the map has wrong, and it is taught again: the points and all that lies within 96 px of them do not count.
A seed is scored as LoveDA is: by one confusion matrix of all its pairs of tiles. A line for each pair has its own mIoU,
in which a class that a tile lacks counts as 0 if one pixel gets it.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from scipy import ndimage

from geoglot.datasets.catalogue import dataset_of
from geoglot.evaluation.metrics import confusion, ious, mean_and_each
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.tasks.segment.segment import segment
from geoglot.training.teach.teach import teach

CLASSES = ("background", "building", "road", "water", "barren", "forest", "agriculture")
"""Ids 1 to 7 of LoveDA."""
EACH, MORE, SIDE = 10, 6, 96
READ = ReadOptions(resolution=0.3)
PLAIN = SegmentOptions(overlay=False, evidence="words")


@dataclass(frozen=True)
class Tiles:
    """Pictures and the ids of their pixels, 0 for no data."""

    images: list[Path]
    masks: list[np.ndarray]


def read(path: Path) -> np.ndarray:
    """The first band of a file."""
    with rasterio.open(path) as dataset:
        return np.asarray(dataset.read(1)).astype(np.int64)


def draw(mask: np.ndarray, source: str, seed: int) -> gpd.GeoDataFrame:
    """Squares inside each class, as large as fit up to SIDE, at random places."""
    rng, names, shapes = np.random.default_rng(seed), list[str](), list[shapely.Geometry]()
    for kind, name in enumerate(CLASSES, 1):
        reach = ndimage.distance_transform_cdt(np.pad(mask == kind, 1), "chessboard")[1:-1, 1:-1]
        for _ in range(EACH):
            places = np.argwhere(reach >= 3)
            if not len(places):
                break
            row, col = map(int, rng.choice(places))
            half = int(min(reach[row, col] - 1, SIDE // 2))
            shapes.append(shapely.box(col - half, row - half, col + half + 1, row + half + 1))
            names.append(name)
            reach[max(0, row - SIDE) : row + SIDE, max(0, col - SIDE) : col + SIDE] = 0  # the next lies elsewhere
    return gpd.GeoDataFrame({"class": names, "source": source}, geometry=shapes)


def correct(mask: np.ndarray, answer: np.ndarray, source: str) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Points in the middle of the largest wrong regions, and the pixels near them."""
    wrong, near = (mask > 0) & (answer != mask), np.zeros(mask.shape, bool)
    names, points = list[str](), list[shapely.Geometry]()
    for _ in range(MORE):
        depth = ndimage.distance_transform_edt(np.pad(np.where(near, 0, wrong), 1))[1:-1, 1:-1]
        row, col = map(int, np.unravel_index(depth.argmax(), depth.shape))
        names.append(CLASSES[mask[row, col] - 1])
        points.append(shapely.Point(col + 0.5, row + 0.5))
        near[max(0, row - SIDE) : row + SIDE, max(0, col - SIDE) : col + SIDE] = True
    return gpd.GeoDataFrame({"class": names, "source": source}, geometry=points), near


def counted(mask: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """The confusion matrix of a map."""
    return confusion(mask - 1, answer - 1, len(CLASSES))


def figures_of(matrix: np.ndarray) -> np.ndarray:
    """mIoU and overall accuracy."""
    return np.array([mean_and_each(ious(matrix))[0], matrix.trace() / matrix.sum()])


def answer_of(image: Path, model: Path | str, work: Path) -> np.ndarray:
    """The class ids of a map of all classes; a taught model reads those that nobody drew as words."""
    words = {kind.name: list(kind.words) for kind in dataset_of("loveda").classes}
    result = segment(image, words, work / "map.tif", model=model, read=READ, options=PLAIN, overwrite=True)
    names = [share.name for share in result.classes if share.name != "other"]
    return np.array([1, *(CLASSES.index(name) + 1 for name in names)])[read(work / "map.tif").clip(0, len(names))]


def compare(tiles: Tiles, taught: int, other: int, seed: int, model: str, work: Path) -> list[np.ndarray]:
    """Confusion matrices on tile `other`: by words, as tile `taught` taught; off the clicks, without and with them."""
    folder, labels = work / f"{seed}-{taught}-{other}", [work / f"labels-{seed}-{taught}.geojson"]
    sources, mask = [tiles.images[taught], tiles.images[other]], tiles.masks[other]
    draw(tiles.masks[taught], sources[0].name, seed).to_file(labels[0])
    first = teach(sources[0], labels, folder, model=model, read=READ)
    answers = [answer_of(sources[1], model, work), answer_of(sources[1], folder, work)]
    clicks, near = correct(mask, answers[1], sources[1].name)
    labels.append(work / "clicks.geojson")
    clicks.to_file(labels[1], engine="pyogrio")
    again = teach(sources, labels, folder, model=model, read=READ)
    answers.append(answer_of(sources[1], folder, work))
    apart = np.where(near, 0, mask)
    counts = [counted(mask, each) for each in answers[:2]] + [counted(apart, each) for each in answers[1:]]
    words, alone, before, after = (figures_of(each)[0] for each in counts)
    print(f"seed {seed}, tile {taught} on {other}: words {words:.3f}, taught {alone:.3f} in {first.seconds:.1f} s; "
          f"off the clicks {before:.3f}, with six more {after:.3f} in {again.seconds:.1f} s; "
          f"held out {first.miou or 0:.3f}", flush=True)  # fmt: skip
    return counts


def main() -> None:
    """Measure all pairs of tiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    images = sorted((asked.data / "images").glob("*.png"))
    tiles = Tiles(images, [read(asked.data / "masks" / path.name) for path in images])
    pairs = [(first, other) for first in range(len(images)) for other in range(len(images)) if first != other]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        seeds = [
            np.sum([compare(tiles, *pair, seed, asked.model, work) for pair in pairs], axis=0)
            for seed in range(asked.seeds)
        ]
    rows = np.array([[figures_of(each) for each in seed] for seed in seeds])
    for at, name in enumerate(("mIoU", "overall accuracy")):
        for seed, (words, taught, before, after) in enumerate(rows[..., at]):
            print(f"seed {seed}, {name}: words {words:.3f}, taught {taught:.3f} ({taught - words:+.3f}); "
                  f"off the clicks {before:.3f}, with six more {after:.3f} ({after - before:+.3f})")  # fmt: skip


if __name__ == "__main__":
    main()
