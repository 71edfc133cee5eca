from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import CLIPModel

from geoglot.errors import ModelError
from geoglot.hashing import sha256_of
from geoglot.models.known import CLIP_B16
from geoglot.models.pull import pull
from geoglot.models.zoo import cached_models, load_model

Save = Callable[..., Path]


class Hub:
    """A hub of one folder; it may state wrong hashes."""

    def __init__(self, folder: Path, *, damaged: bool = False) -> None:
        self.folder, self.damaged = folder, damaged
        self.asked: list[tuple[str, str]] = []

    def __call__(self, repo: str, file: str) -> tuple[Path, str | None]:
        self.asked.append((repo, file))
        path = self.folder / Path(file).name
        return path, "0" * 64 if self.damaged else sha256_of(path)


def test_pulling_downloads_converts_and_caches(hf_folder: Save, body: CLIPModel, cache: Path) -> None:
    folder = hf_folder(body)
    torch.save(body.state_dict(), folder / "pytorch_model.bin")
    hub = Hub(folder)
    card = pull("clip-vit-b-16", hub)
    assert hub.asked == [(CLIP_B16, file) for file in ("pytorch_model.bin", "config.json", "tokenizer.json")]
    assert (card.licence, card.resolution) == ("MIT", (0.1, 30.0))
    assert load_model("clip-vit-b-16").card == card
    assert pull("clip-vit-b-16", Hub(Path("nowhere"))) == card


def test_a_damaged_download_is_refused(hf_folder: Save, body: CLIPModel, cache: Path) -> None:
    folder = hf_folder(body)
    (folder / "pytorch_model.bin").write_bytes(b"half")
    with pytest.raises(ModelError, match="arrived damaged"):
        pull("clip-vit-b-16", Hub(folder, damaged=True))
    assert cached_models() == {}


def test_what_cannot_be_pulled_says_where_it_is() -> None:
    with pytest.raises(ModelError, match=r"graft\.cs\.cornell\.edu, then: geoglot models convert"):
        pull("graft-naip-pixel", Hub(Path()))
    with pytest.raises(ModelError, match="geoglot models list"):
        pull("no-such-model", Hub(Path()))
