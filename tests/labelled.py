"""A set of one's own in memory's stead: small images whose colour is their class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from published import save

NAMES = ("background", "building", "road", "water", "barren", "forest", "agriculture")
RED = 36  # between the classes' reds


def write_folder(root: Path, train: int = 3, val: int = 2, side: int = 64) -> Path:
    """Squares of 16 px of any class, as red as the class's number says; the last row of each is not labelled."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("val", val)):
        for index in range(count):
            ids = rng.integers(0, len(NAMES), (side // 16, side // 16)).repeat(16, 0).repeat(16, 1).astype(np.uint8)
            image = np.stack([ids * RED, 255 - ids * RED, np.full_like(ids, 90)], 2)
            ids[-1] = 255
            save(root / split / "images" / f"{index}.png", image)
            save(root / split / "masks" / f"{index}.png", ids)
    rows = "".join(f"{index},{name}\n" for index, name in enumerate(NAMES))
    (root / "classes.csv").write_text(f"id,name\n{rows}", encoding="utf-8")
    return root
