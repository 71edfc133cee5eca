"""Well-formed files of every kind that geoglot reads, small, made once: the seeds that the fuzz tests change."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from scenes import plant
from tinyclip import store_clip
from tinysegclip import stored_segmenter
from worlds import write_scene

Copy = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def _same_worlds() -> None:
    """The worlds that all tests share are the same in every run."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GeoTIFF of 64 x 96 px with two things."""
    planted = plant((64, 96), [("roof", 20, 20, 8), ("water", 40, 70, -9)])
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", planted.pixels)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny CLIP as a folder of geoglot and of transformers, and a tiny segmenter."""
    folder = tmp_path_factory.mktemp("models")
    clip = store_clip(folder / "clip")
    return {
        "clip": clip,
        "transformers": folder / "clip-transformers",
        "segclip": stored_segmenter(folder / "segclip"),
    }


@pytest.fixture(scope="session")
def changed_copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """Copies a folder, by links to its files, and writes the changed ones; the copy before it is removed."""
    root, numbers = tmp_path_factory.mktemp("copies"), itertools.count()

    def copy(source: Path, **files: bytes | str) -> Path:
        shutil.rmtree(root, ignore_errors=True)
        target = root / str(next(numbers))
        shutil.copytree(source, target, copy_function=os.link)
        for name, content in files.items():
            path = target / name
            path.unlink(missing_ok=True)
            path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        return target

    return copy


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the one file of an example."""
    return tmp_path_factory.mktemp("place")


def pixels(side: int = 40) -> np.ndarray:
    """RGB (3, side, side)."""
    return np.random.default_rng(3).integers(1, 255, (3, side, side), np.uint8)
