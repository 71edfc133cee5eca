"""A scene of three covers, which heat and likeness are asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from worlds import class_field, paint, write_scene

COVERS = ("water", "forest", "sand")


@pytest.fixture
def field() -> np.ndarray:
    return class_field((200, 168), len(COVERS), seed=4)


@pytest.fixture
def scene(tmp_path: Path, field: np.ndarray) -> Path:
    return write_scene(tmp_path / "scene.tif", paint(field, COVERS), nodata=None)
