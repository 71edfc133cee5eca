from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import CLIPModel

from geoglot.errors import ModelError
from geoglot.hashing import sha256_of
from geoglot.models import huggingface, model_files
from geoglot.models.base import CLIP_MEAN
from geoglot.models.card import CARD
from geoglot.models.huggingface import huggingface_card, read_config
from geoglot.models.stored import is_huggingface
from geoglot.models.zoo import load_model

Save = Callable[..., Path]


def test_the_card_says_what_the_folder_says(hf_folder: Save, body: CLIPModel) -> None:
    folder = hf_folder(body)
    card = huggingface_card(folder)
    assert (card.name, card.family, card.dim) == ("tiny-clip", "clip", 32)
    assert (card.patch_size, card.tile_size) == (16, 64)
    assert card.mean == CLIP_MEAN
    assert card.sha256 == sha256_of(folder / "model.safetensors")
    assert card.logit_scale == pytest.approx(math.exp(body.logit_scale.item()))


def test_the_statistics_of_the_folder_go_before_those_of_clip(hf_folder: Save, body: CLIPModel) -> None:
    folder = hf_folder(body)
    statistics = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
    (folder / "preprocessor_config.json").write_text(json.dumps(statistics))
    card = huggingface_card(folder)
    assert (card.mean, card.std) == ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def test_a_folder_with_a_card_is_ours(hf_folder: Save, body: CLIPModel) -> None:
    folder = hf_folder(body)
    assert is_huggingface(folder)
    (folder / CARD).write_text("{}")
    assert not is_huggingface(folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "is not a CLIP configuration"),
        ("{", "is not a CLIP configuration"),
        ('{"model_type": "bert"}', "holds a bert model"),
        ('{"model_type": "clip", "text_config": {"hidden_size": 7}}', "is not a CLIP configuration"),
    ],
)
def test_another_configuration_is_refused(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match=told):
        read_config(tmp_path)


def test_weights_are_hashed_once(
    hf_folder: Save, stored: Path, body: CLIPModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []

    def counted(path: Path) -> str:
        hashed.append(path)
        return sha256_of(path)

    for module in (huggingface, model_files):
        monkeypatch.setattr(module, "sha256_of", counted)
    folder = hf_folder(body)
    for place, name in ((folder, "model.safetensors"), (stored, "weights.safetensors")):
        load_model(place)
        assert hashed.pop() == place / name and not hashed
