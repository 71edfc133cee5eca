"""Compare the objects of `find "building"` with the 43 footprints of a SpaceNet tile, beside a random baseline.

    python recipes/objects/spacenet.py SOLARIS [--refine none --refine edges] [--json]

SOLARIS is the unpacked source distribution of solaris 0.4.0 (PyPI; the tile is WorldView-3 over Atlanta, 0.5 m, under
CC BY-SA 4.0). An object is right if it has a footprint of its own with an IoU of 0.3 or more; pairs are chosen to make
as many objects right as possible. The area error is that of all objects together, and the median over right objects.
The baseline moves every object to a random place on the tile.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment

from geoglot.tasks.find.find import find

TILE, FOOTPRINTS = "solaris/data/sample_geotiff.tif", "solaris/data/geotiff_labels.geojson"
LEAST_IOU = 0.3
SEEDS = 20


def overlaps(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """IoU of every object with every footprint."""
    shared = shapely.area(shapely.intersection(found[:, None], truth[None]))
    return np.asarray(shared / (shapely.area(found)[:, None] + shapely.area(truth)[None] - shared))


def figures(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Precision, recall and area errors of polygons against footprints."""
    if not len(found):
        return {"objects": 0, "right": 0, "precision": 0.0, "recall": 0.0, "area_error": -1.0}
    iou = overlaps(found, truth)
    rows, cols = linear_sum_assignment(-(iou >= LEAST_IOU).astype(float) - 1e-3 * iou)
    right = iou[rows, cols] >= LEAST_IOU
    pairs = shapely.area(found)[rows[right]] / shapely.area(truth)[cols[right]] - 1
    return {
        "objects": len(found),
        "right": int(right.sum()),
        "precision": float(right.sum() / len(found)),
        "recall": float(right.sum() / len(truth)),
        "area_error": float(shapely.area(found).sum() / shapely.area(truth).sum() - 1),
        "area_error_of_right": float(np.median(abs(pairs))) if len(pairs) else float("nan"),
    }


def scattered(found: np.ndarray, tile: Any, rng: np.random.Generator) -> np.ndarray:
    """The same outlines at random places within the bounds of the tile."""
    left, bottom, right, top = tile
    boxes = shapely.bounds(found)
    x = rng.uniform(left, np.maximum(right - (boxes[:, 2] - boxes[:, 0]), left + 1e-9)) - boxes[:, 0]
    y = rng.uniform(bottom, np.maximum(top - (boxes[:, 3] - boxes[:, 1]), bottom + 1e-9)) - boxes[:, 1]
    return np.array(
        [shapely.transform(one, lambda xy, d=(dx, dy): xy + d) for one, dx, dy in zip(found, x, y, strict=True)]
    )


def measure(folder: Path, refine: str, model: str) -> dict[str, Any]:
    """`find` on the tile and its random baseline."""
    result = find(folder / TILE, "building", model=model, refiner=refine)
    truth = gpd.read_file(folder / FOOTPRINTS).to_crs(result.objects.crs).geometry.to_numpy()
    found = result.objects.geometry.to_numpy()
    own = figures(found, truth)
    bounds = shapely.total_bounds(np.concatenate([truth, found]))
    rng = np.random.default_rng(0)
    random = [figures(scattered(found, bounds, rng), truth) for _ in range(SEEDS)] if len(found) else []
    baseline = {
        key: (float(np.mean([one[key] for one in random])), float(np.std([one[key] for one in random])))
        for key in ("precision", "recall")
        if random
    }
    threshold = result.thresholds["building"]
    return {"refine": refine, "footprints": len(truth), **own, "random": baseline, "threshold": threshold.to_json()}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--refine", "refiners", multiple=True, default=("none", "edges"), show_default=True)
@click.option("--model", default="mini", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(folder: Path, refiners: tuple[str, ...], model: str, as_json: bool) -> None:
    """Print precision, recall and area error of buildings on the SpaceNet tile under an unpacked solaris."""
    rows = [measure(folder, refine, model) for refine in refiners]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        random = ", ".join(f"{key} {mean:.2f} ± {spread:.2f}" for key, (mean, spread) in row["random"].items())
        click.echo(
            f"{row['refine']:<6} {row['objects']:>4} objects, {row['right']} of {row['footprints']} footprints  "
            f"precision {row['precision']:.2f}  recall {row['recall']:.2f}  area {row['area_error']:+.0%} in all, "
            f"{row['area_error_of_right']:.0%} off in the right ones  (random places: {random})"
        )


if __name__ == "__main__":
    main()
