"""What six clicks on the map teach: words on a scene of the made-up country, before and after three wrong and right.

python benchmarks/lessons.py --seeds 3

A user looks at what the map draws for a word and clicks three places that are wrong and three that are right: the
middles of the largest regions that are drawn falsely, and of the largest that are missed or, if none is, found. IoU is
of the drawn pixels, on another scene of the same country, where nothing was clicked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from scipy import ndimage

sys.path += [str(Path(__file__).parents[1] / "recipes" / room) for room in ("world", "words")]
from infrared_scenes import SCENE, write_scene
from world import CLASSES, World

from geoglot.geo import Window
from geoglot.models.zoo import Model, load_model
from geoglot.options import FindOptions
from geoglot.sources.raster import open_raster
from geoglot.tasks.find.find import find
from geoglot.training.teach.teach import teach

EACH = 3
WORDS = ("lake", "forest", "field", "meadow", "road", "parking lot", "house")
OPTIONS = FindOptions(overlay=False, evidence="words")


def main() -> None:
    """A row a word: mean IoU over the seeds, and the seconds of a lesson."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds, model = parser.parse_args().seeds, load_model("mini", precision="auto")
    print(f"{'word':<12} {'by the word':>12} {'after clicks':>12} {'gain':>6} {'seconds':>8}")
    rows = []
    for word in WORDS:
        with tempfile.TemporaryDirectory() as name:
            results = [lesson(word, seed, model, Path(name) / str(seed)) for seed in range(seeds)]
        before, after, seconds = np.mean(results, 0)
        rows.append((before, after, seconds))
        print(f"{word:<12} {before:12.3f} {after:12.3f} {after - before:+6.3f} {seconds:8.2f}", flush=True)
    before, after, seconds = np.mean(rows, 0)
    print(f"{'mean':<12} {before:12.3f} {after:12.3f} {after - before:+6.3f} {seconds:8.2f}")


def lesson(word: str, seed: int, model: Model, folder: Path) -> tuple[float, float, float]:
    """IoU on other ground before and after the clicks, and the seconds of teaching."""
    folder.mkdir()
    world, rng = World(seed, 2 * SCENE), np.random.default_rng(seed)
    windows = [Window(0, 0, SCENE, SCENE), Window(SCENE, SCENE, SCENE, SCENE)]
    scenes = [write_scene(world, window, rng, folder / f"{index}.tif") for index, window in enumerate(windows)]
    truths = [world.truth(window) == CLASSES.index(word) for window in windows]
    drawn = draw(scenes[0], word, model)
    labels = click(drawn, truths[0], word, scenes[0], folder / "labels.geojson")
    began = time.perf_counter()
    teach(scenes[0], labels, folder / "mine", model=model, class_column="class")
    seconds = time.perf_counter() - began
    taught = load_model(folder / "mine", precision="auto")
    return iou(draw(scenes[1], word, model), truths[1]), iou(draw(scenes[1], word, taught), truths[1]), seconds


def draw(scene: Path, word: str, model: Model) -> np.ndarray:
    """The pixels that the map draws for a word."""
    objects = find(scene, [word], model=model, options=OPTIONS).objects
    with open_raster(scene) as raster:
        grid = raster.grid
    if objects.empty:
        return np.zeros(grid.shape, bool)
    filled = rasterio.features.rasterize(objects.geometry, grid.shape, transform=grid.transform, dtype="uint8")
    return np.asarray(filled > 0)


def click(drawn: np.ndarray, truth: np.ndarray, word: str, scene: Path, path: Path) -> Path:
    """Three right and three wrong places, as the page sends them."""
    right = [*middles(truth & ~drawn), *middles(truth & drawn)][:EACH]
    wrong = [*middles(drawn & ~truth), *middles(~drawn & ~truth)][:EACH]
    with open_raster(scene) as raster:
        cols, rows = np.array([*right, *wrong]).T[::-1] + 0.5
        places = shapely.points(*raster.grid.to_lonlat(rows, cols))
    names = [word] * len(right) + ["other"] * len(wrong)
    gpd.GeoDataFrame({"class": names}, geometry=places, crs=4326).to_file(path)
    return path


def middles(mask: np.ndarray) -> list[tuple[int, int]]:
    """The innermost pixels of the largest regions, the largest first."""
    regions, _ = ndimage.label(mask)
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    largest = np.argsort(-sizes, kind="stable")[:EACH]
    found = []
    for region in largest[sizes[largest] > 0]:
        depth = ndimage.distance_transform_edt(np.pad(regions == region, 1))[1:-1, 1:-1]
        row, col = np.unravel_index(int(depth.argmax()), mask.shape)
        found.append((int(row), int(col)))
    return found


def iou(drawn: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of pixels."""
    return float((drawn & truth).sum() / max(1, (drawn | truth).sum()))


if __name__ == "__main__":
    main()
