"""Lay out the Semantic Drone Dataset (TU Graz, 200 photos of 336 px) at 224 px, with whole places held out.

    python recipes/drone/lay_out.py semantic_drone runs/drone/set

OUT becomes a set in the layout `folder` (docs/segclip.md): `val` has the 40 photos of five places of `places.csv`,
which are nowhere in `train`. Unlabelled pixels do not count, so 22 classes are left. OUT/mosaic.tif joins 36 of the
held-out photos into one raster of 1,344 px, and OUT/mosaic_truth.tif their masks, to map what no model has seen.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import rasterio
from PIL import Image

HELD_OUT = frozenset({1, 8, 9, 11, 19})
IGNORED = 255
_LAST = 22  # ids of the published classes 1.._LAST occur in the masks; 0 is unlabelled
_SIDE = 224  # pixels of a photo that is laid out
_ACROSS, _METRES = 6, 0.05  # photos in a row of the mosaic; a pixel's side, by guess: the set says "a few centimetres"


def read_places() -> dict[str, int]:
    """The number of each photo's place."""
    with (Path(__file__).parent / "places.csv").open(encoding="utf-8") as file:
        return {row["photo"]: int(row["place"]) for row in csv.DictReader(file)}


def read_small(path: Path, how: Image.Resampling) -> np.ndarray:
    """A photo or mask at the side that is laid out."""
    return np.asarray(Image.open(path).resize((_SIDE, _SIDE), how))


def renumber(mask: np.ndarray) -> np.ndarray:
    """Ids from 0 without the class "unlabeled", which becomes 255 as every unknown id does."""
    known = (mask >= 1) & (mask <= _LAST)
    return np.where(known, mask.astype(np.int64) - 1, IGNORED).astype(np.uint8)


def write_classes(data: Path, out: Path) -> None:
    """classes.csv with the published names; a hyphen becomes a space, since the names are read as words."""
    names = json.loads((data / "classes.json").read_text(encoding="utf-8"))
    with (out / "classes.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "name"))
        rows.writerows((index - 1, names[str(index)].replace("-", " ")) for index in range(1, _LAST + 1))


def write_raster(path: Path, pixels: np.ndarray, nodata: int | None = None) -> None:
    """A GeoTIFF of bands (band, rows, cols) at an invented place."""
    about = {"driver": "GTiff", "dtype": "uint8", "count": len(pixels), "crs": "EPSG:32633", "nodata": nodata}
    size = {"height": pixels.shape[1], "width": pixels.shape[2]}
    place = rasterio.Affine(_METRES, 0, 530_000, 0, -_METRES, 5_214_000)
    with rasterio.open(path, "w", **about, **size, transform=place, compress="deflate") as raster:
        raster.write(pixels)


def join(parts: Sequence[np.ndarray]) -> np.ndarray:
    """A square of photos or masks, row by row."""
    rows = [np.concatenate(parts[first : first + _ACROSS], 1) for first in range(0, _ACROSS**2, _ACROSS)]
    return np.concatenate(rows, 0)


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def command(data: Path, out: Path) -> None:
    """Lay out the photos and masks of DATA in OUT."""
    held_out = []
    for name, place in sorted(read_places().items()):
        split = "val" if place in HELD_OUT else "train"
        photo = read_small(data / "images" / f"{name}.jpg", Image.Resampling.BOX)
        mask = renumber(read_small(data / "masks" / f"{name}.png", Image.Resampling.NEAREST))
        for kind, pixels in (("images", photo), ("masks", mask)):
            (out / split / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(out / split / kind / f"{name}.png")
        if split == "val":
            held_out.append((photo, mask))
    write_classes(data, out)
    (out / "set.toml").write_text(f"resolution = [{_METRES}, {_METRES}]\n", encoding="utf-8")
    images, masks = zip(*held_out[: _ACROSS**2], strict=True)
    write_raster(out / "mosaic.tif", join(images).transpose(2, 0, 1))
    write_raster(out / "mosaic_truth.tif", join(masks)[None], IGNORED)


if __name__ == "__main__":
    command()
