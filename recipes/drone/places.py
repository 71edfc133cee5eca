"""Find which photos of the Semantic Drone Dataset show the same place, so that a split can hold whole places out.

    python recipes/drone/places.py semantic_drone > recipes/drone/places.csv       # ten minutes of one core

The 200 photos are numbered in no order of place, and many show a garden or a street again. Two photos that overlap
(eight or more ORB features agree on a turn, a shift and a scale) count as alike; beside them, photos that look alike to
the bundled model. Average linkage joins them into 24 places, which `places.csv` keeps.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from skimage.feature import ORB
from skimage.measure import ransac
from skimage.transform import SimilarityTransform

from geoglot.models.zoo import load_model

PLACES = 24
_FEATURES, _BITS = 300, 60  # of a photo; bits that may differ between two features that are one
_PAIRS, _LEAST = 12, 8  # pairs of features that are worth a fit, and those that agree in an overlap
_ORB_BITS = 256

Features = tuple[np.ndarray, np.ndarray]
"""Places of features (row, col), and their bits as -1 and 1."""


def find_features(photo: Path) -> Features:
    """ORB features (Rublee et al., ICCV 2011) of a photo."""
    orb = ORB(n_keypoints=_FEATURES, fast_threshold=0.03)
    orb.detect_and_extract(np.asarray(Image.open(photo).convert("L")) / 255)
    return orb.keypoints, orb.descriptors.astype(np.float32) * 2 - 1


def count_agreeing(one: Features, other: Features) -> int:
    """Features of two photos that fit one similarity transform."""
    likeness = one[1] @ other[1].T
    best, back = likeness.argmax(1), likeness.argmax(0)
    mutual = back[best] == np.arange(len(best))
    pairs = np.flatnonzero(mutual & (likeness.max(1) > _ORB_BITS - 2 * _BITS))
    if len(pairs) < _PAIRS:
        return 0
    matched = (one[0][pairs], other[0][best[pairs]])
    agreeing = ransac(matched, SimilarityTransform, 3, 6, max_trials=200, rng=0)[1]
    return 0 if agreeing is None else int(agreeing.sum())


def look(photos: list[Path]) -> np.ndarray:
    """Unit vectors of photos by the bundled model, without what all share."""
    model = load_model("mini", device="cpu")
    pixels = [torch.from_numpy(np.asarray(Image.open(photo), np.float32).transpose(2, 0, 1) / 255) for photo in photos]
    with torch.inference_mode():
        vectors = torch.cat([model.encode_image(each[None]) for each in pixels]).numpy()
    vectors = vectors - vectors.mean(0)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def place_of(photos: list[Path]) -> np.ndarray:
    """The number of each photo's place, from 1."""
    vectors, features = look(photos), [find_features(photo) for photo in photos]
    distance = 1 - vectors @ vectors.T
    for row in range(len(photos)):
        for col in range(row):
            if count_agreeing(features[row], features[col]) >= _LEAST:
                distance[row, col] = distance[col, row] = 0
    np.fill_diagonal(distance, 0)
    joined = linkage(squareform((distance + distance.T) / 2, checks=False), "average")
    return fcluster(joined, PLACES, "maxclust")


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
def command(data: Path) -> None:
    """Print the place of each photo in DATA/images as CSV."""
    photos = sorted((data / "images").glob("*.jpg"))
    rows = csv.writer(sys.stdout)
    rows.writerow(("photo", "place"))
    rows.writerows((photo.stem, place) for photo, place in zip(photos, place_of(photos), strict=True))


if __name__ == "__main__":
    command()
