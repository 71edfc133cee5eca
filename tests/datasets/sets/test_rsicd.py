from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoglot.datasets.sets.rsicd import RSICD
from geoglot.errors import SourceError
from published import flat


def rsicd(root: Path) -> dict[str, Any]:
    """Three images, of which two are of the test split."""
    rows = []
    for index, split in enumerate(("test", "train", "test")):
        flat(root / "RSICD_images" / f"port_{index}.jpg", np.full(3, 60 * index))
        rows.append({"filename": f"port_{index}.jpg", "split": split, "sentences": [{"raw": f"a port {index} ."}] * 2})
    document = {"images": rows, "dataset": "rsicd"}
    (root / "dataset_rsicd.json").write_text(json.dumps(document))
    return document


def test_the_images_of_a_split_with_their_sentences(tmp_path: Path) -> None:
    rsicd(tmp_path)
    found = RSICD.read(tmp_path, "test")
    assert list(found.captions) == [("a port 0 .",) * 2, ("a port 2 .",) * 2]
    assert found.pictures[1]().mean() == pytest.approx(120 / 255, abs=0.01)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"RSICD: the file dataset_rsicd.json not found .*/RSICD_optimal"):
        RSICD.read(tmp_path, "test")
    rsicd(tmp_path)
    with pytest.raises(SourceError, match="images of 'val' not found"):
        RSICD.read(tmp_path, "val")
    (tmp_path / "RSICD_images/port_2.jpg").unlink()
    with pytest.raises(SourceError, match=r"1 images, the first RSICD_images/port_2.jpg, not found"):
        RSICD.read(tmp_path, "test")
    (tmp_path / "dataset_rsicd.json").write_text("[]")
    with pytest.raises(SourceError, match="is not the published file"):
        RSICD.read(tmp_path, "test")
