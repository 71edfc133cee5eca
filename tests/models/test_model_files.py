from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from geoglot.errors import ModelError, OutputError
from geoglot.models.card import read_card
from geoglot.models.model_files import read_tensors, save_model
from geoglot.models.zoo import load_word_model


def test_saving_and_loading_changes_nothing(stored: Path, tmp_path: Path) -> None:
    model = load_word_model("tiny")
    card = save_model(model, tmp_path / "again")
    assert card == read_card(stored) == read_card(tmp_path / "again")
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == [
        "card.json",
        "tokenizer.json",
        "weights.safetensors",
    ]
    again = load_word_model(tmp_path / "again")
    assert torch.equal(again.encode_text(["a weir"]), model.encode_text(["a weir"]))


def test_a_failed_save_leaves_nothing(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("geoglot.models.model_files.save_file", full)
    target = tmp_path / "shelf" / "again"
    with pytest.raises(OutputError, match="No space left"):
        save_model(load_word_model("tiny"), target)
    assert list(target.parent.iterdir()) == []


def test_a_changed_file_of_weights_is_refused(stored: Path) -> None:
    weights = stored / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="does not match the sha256"):
        load_word_model("tiny")


@pytest.mark.parametrize("content", ["{}", "not json", '{"mean": 3}'])
def test_a_broken_card_is_refused_in_one_sentence(stored: Path, content: str) -> None:
    (stored / "card.json").write_text(content)
    with pytest.raises(ModelError, match=r"is not a model card .* convert or pull"):
        load_word_model("tiny")


def test_a_missing_tokenizer_is_named(stored: Path) -> None:
    (stored / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"holds no tokenizer\.json"):
        load_word_model("tiny")


def test_an_empty_folder_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no card\.json"):
        load_word_model(tmp_path)


def test_half_precision_is_widened_and_integers_stay(tmp_path: Path) -> None:
    half, whole = torch.rand(3).half(), torch.arange(3, dtype=torch.int8)
    save_file({"half": half, "whole": whole}, tmp_path / "mixed.safetensors")
    tensors = read_tensors(tmp_path / "mixed.safetensors")
    assert torch.equal(tensors["half"], half.float())
    assert tensors["whole"].dtype == torch.int8


def test_what_is_no_safetensors_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.safetensors").write_bytes(b"notes")
    with pytest.raises(ModelError, match="is not a safetensors file"):
        read_tensors(tmp_path / "notes.safetensors")
