"""Maps with known truth, and people who decide the places of an audit as the truth says."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import rasterio

from worlds import write_scene

NAMES = {0: "other", 1: "water", 2: "forest"}


def write_map(path: Path, ids: np.ndarray, names: Mapping[int, str] = NAMES, **profile: object) -> Path:
    """A class map as `geoglot segment` writes it, 255 for no data."""
    write_scene(path, ids[None].astype(np.uint8), nodata=255, **profile)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(**{f"CLASS_{number}": name for number, name in names.items()})
    return path


def decide(folder: Path, decided: Callable[[int, int, int], str]) -> None:
    """Fill in `sample.csv`: `decided` gives the class of a place by its id, row and column."""
    places = {place[0]: place for place in json.loads((folder / "design.json").read_text())["places"]}
    rows = read_rows(folder)
    for row in rows:
        number, at_row, at_col, _ = places[int(row["id"])]
        row["class"] = decided(number, at_row, at_col)
    write_rows(folder, rows)


def decide_by(folder: Path, truth: np.ndarray, names: Mapping[int, str] = NAMES) -> None:
    """Fill in `sample.csv` from a raster of the truth."""
    decide(folder, lambda _, row, col: names[int(truth[row, col])])


def read_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "sample.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "sample.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
