"""A base model of colours in a folder, as teaching needs one that can be loaded again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from drawn import FIELD, NAMES
from geoglot.models import zoo
from stubs import COLOURS, PooledColours
from worlds import paint, write_scene

GREY = (0.5, 0.5, 0.5)


class Colours(PooledColours):
    """Reads words that it does not know as grey."""

    def encode_text(self, texts: list[str]) -> Tensor:
        found = [next((colour for name, colour in COLOURS.items() if name in text), GREY) for text in texts]
        return F.normalize(torch.tensor(found), dim=1)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "colours"
    folder.mkdir()
    (folder / "card.json").write_text(json.dumps(asdict(replace(PooledColours.card, dim=3))))
    monkeypatch.setitem(zoo.FAMILIES, "stub", lambda card, _: Colours())
    return folder


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", paint(FIELD, NAMES))
