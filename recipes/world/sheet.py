"""A contact sheet of the map, of tiles and their classes, and of photos: `python recipes/world/sheet.py OUT.png`."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from photos import SIDE, draw_photo
from PIL import Image
from tiles import render_tile
from world import CLASSES, World

from geoglot.geo import Window

COLOURS = np.array(
    [[20, 60, 120], [240, 220, 150], [20, 90, 30], [140, 170, 60], [200, 160, 70],
     [150, 210, 110], [130, 130, 130], [60, 60, 60], [200, 60, 40], [40, 220, 230]],
    np.uint8,
)  # fmt: skip
GAP = 2


def contact_sheet(seed: int, across: int = 12) -> NDArray[np.uint8]:
    """(rows, cols, 3): rows of tiles over their classes, then a row of photos for each class."""
    world, rng = World(seed, 1024), np.random.default_rng(seed)
    windows = [Window(row, col, SIDE, SIDE) for row, col in rng.integers(0, 1024 - SIDE, (2 * across, 2))]
    tiles = [render_tile(world, window, rng).transpose(1, 2, 0) for window in windows]
    truth = [COLOURS[world.truth(window)] for window in windows]
    rows = [tiles[:across], truth[:across], tiles[across:], truth[across:]]
    rows += [[draw_photo(name, rng).transpose(1, 2, 0) for _ in range(across)] for name in CLASSES]
    padded = [[np.pad(cell, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for cell in row] for row in rows]
    return np.concatenate([np.concatenate(row, 1) for row in padded])


@click.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--seed", default=0, show_default=True)
def command(out: Path, seed: int) -> None:
    """Draw the contact sheet of a country to OUT, a PNG."""
    sheet = Image.fromarray(contact_sheet(seed))
    sheet.resize((sheet.width * 3 // 2, sheet.height * 3 // 2), Image.Resampling.NEAREST).save(out)


if __name__ == "__main__":
    command()
