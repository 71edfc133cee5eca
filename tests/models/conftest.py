"""The tiny CLIP, and the folder that transformers would save it in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import CLIPModel

from geoglot.models.convert import Conversion, convert
from tinyclip import build_body, make_tokenizer


@pytest.fixture
def make_body() -> Callable[..., CLIPModel]:
    return build_body


@pytest.fixture
def body() -> CLIPModel:
    return build_body()


@pytest.fixture
def tokenizer_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    make_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def hf_folder(tmp_path: Path) -> Callable[[CLIPModel], Path]:
    """Saves a body as transformers does, with a tokenizer."""

    def save(body: CLIPModel, name: str = "tiny-clip") -> Path:
        folder = tmp_path / name
        body.save_pretrained(folder)
        make_tokenizer().save(str(folder / "tokenizer.json"))
        return folder

    return save


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of models."""
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def stored(hf_folder: Callable[..., Path], body: CLIPModel, cache: Path) -> Path:
    """A model converted into the cache under the name `tiny`."""
    convert(hf_folder(body), cache / "tiny", Conversion("tiny", licence="CC0"))
    return cache / "tiny"
