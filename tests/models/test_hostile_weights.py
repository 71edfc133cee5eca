"""Weights, tokenizers and folders that would cost more than their size: one sentence, before anything is built."""

from __future__ import annotations

import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from geoglot.errors import ConvertError, ModelError
from geoglot.models.card import read_card
from geoglot.models.convert.pickled import weights_of
from geoglot.models.convert.unpickle import load_checkpoint
from geoglot.models.file_checks import count_numbers, read_json
from geoglot.models.foreign_folders import check_folder, foreign, require_bytes
from geoglot.models.model_files import read_tensors
from geoglot.models.tokenizer import encode, read_tokenizer
from geoglot.models.tokenizer_checks import check_tokenizer
from geoglot.models.zoo import load_model


def safetensors(path: Path, header: Any, body: bytes = b"", size: int | None = None) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if size is None else size) + text + body)
    return path


def entry(kind: str, shape: list[int], length: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [0, length]}


@pytest.mark.parametrize(
    ("header", "size", "said"),
    [
        ({}, 2**63, "at most 16 MB"),
        ({}, 17 * 2**20, "at most 16 MB"),
        ({f"t{number}": 0 for number in range(100_001)}, None, "at most 100,000"),
        ({"a": entry("F8_E4M3", [4], 4)}, None, "F8_E4M3, which is not plain"),
        ({"a": entry("F32", [0, 2**63, 2**63], 0)}, None, "not a safetensors file"),
        ({"a": entry("F32", [2**32, 2**32], 4)}, None, "not a safetensors file"),
        ({"a": entry("F32", [-1], 4)}, None, "not a safetensors file"),
        ({"a": entry("F32", [4], 16)}, None, "not a safetensors file"),
        ({"a": 3}, None, "not a safetensors file"),
        ([1], None, "not a safetensors file"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: Any, size: int | None, said: str) -> None:
    with pytest.raises(ModelError, match=said) as error:
        read_tensors(safetensors(tmp_path / "a.safetensors", header, bytes(4), size))
    assert "\n" not in str(error.value)


def test_a_pickle_that_computes_for_ever_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = b"".join(
        b"h" + bytes([number]) * 1 + b"h" + bytes([number]) + b"\x86q" + bytes([number + 1]) for number in range(60)
    )
    (tmp_path / "hash.pt").write_bytes(b"\x80\x02)q\x00" + pairs + b"}h" + bytes([60]) + b"K\x01s.")
    monkeypatch.setenv("GEOGLOT_READ_SECONDS", "1")
    with pytest.raises(ConvertError):
        load_checkpoint(tmp_path / "hash.pt")


def test_names_that_are_nested_are_no_names_of_weights() -> None:
    assert list(weights_of({"w": torch.zeros(1), (("a",),): torch.zeros(1)}, 100)) == ["w"]


@pytest.mark.parametrize("name", ["card.json", "weights.safetensors", "tokenizer.json"])
def test_a_pipe_is_no_file_of_a_model(stored: Path, name: str) -> None:
    (stored / name).unlink()
    os.mkfifo(stored / name)
    with pytest.raises(ModelError):
        load_model(stored)


def test_half_a_character_is_refused(stored: Path) -> None:
    (stored / "card.json").write_text(json.dumps(json.loads((stored / "card.json").read_text()) | {"name": "\ud800"}))
    with pytest.raises(ModelError, match="is not a model card"):
        read_card(stored)
    (stored / "whole.json").write_text('"\\ud83d\\ude00"')
    assert read_json(stored / "whole.json") == "\U0001f600"


def replace(content: str, **pattern: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


@pytest.mark.parametrize(
    ("normalizer", "said"),
    [
        ({"type": "Sequence", "normalizers": [replace("aa", String="a")] * 40}, "times longer"),
        ({"type": "Sequence", "normalizers": [replace("a", Regex="")] * 40}, "times longer"),
        (replace("a" * 10_000, String="a"), "at most 2,000 characters"),
        ({"type": "Prepend", "prepend": "a" * 10_000}, "at most 2,000 characters"),
        (replace("a", Regex="(a{1,1000}){1,1000}" * 1000), "at most 2,000 characters"),
        ({"type": "Sequence", "normalizers": [{"type": "NFC"}] * 5000}, "more than 2,000 pieces"),
    ],
)
def test_a_tokenizer_that_multiplies_a_text_is_refused(stored: Path, normalizer: dict[str, Any], said: str) -> None:
    path = stored / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"normalizer": normalizer}))
    with pytest.raises(ModelError, match=said):
        check_tokenizer(path)


def test_a_tokenizer_that_does_not_end_is_left_alone(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored / "tokenizer.json"
    table = json.loads(path.read_text()) | {"normalizer": replace("x", Regex="(a|aa)+$")}
    path.write_text(json.dumps(table))
    tokenizer = read_tokenizer(path)
    with pytest.raises(ModelError, match="cannot be used"):
        encode(tokenizer, ["a" * 200 + "!"], str(path))


def config(folder: Path, **fields: Any) -> Path:
    (folder / "config.json").write_text(json.dumps(fields))
    save_file({"a": torch.zeros(4)}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    "fields",
    [
        {"num_hidden_layers": 20_000},
        {"text": {"hidden_size": 2**40}},
        {"depths": [10**6]},
        {"a": 1e300},
        {"hidden_size": 10**400},
    ],
)
def test_a_folder_that_declares_what_no_model_has_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="must be up to"):
        check_folder(config(tmp_path, **fields))


def test_numbers_that_are_no_sizes_are_not_checked(tmp_path: Path) -> None:
    """The index of a large model, the record of its training, and a limit in time that is infinite."""
    config(tmp_path, time_step_limit=[0.0, math.inf])
    (tmp_path / "model.safetensors.index.json").write_text('{"metadata": {"total_size": 16060522496}}')
    (tmp_path / "trainer_state.json").write_text('{"total_flos": 1e18, "loss": NaN}')
    assert check_folder(tmp_path) == (tmp_path / "model.safetensors").stat().st_size


def test_a_model_that_is_larger_than_its_files_is_not_built(tmp_path: Path) -> None:
    held = check_folder(config(tmp_path, vocab_size=151_936))
    require_bytes(lambda: torch.nn.Linear(2, 2), held, "it")
    with pytest.raises(ModelError, match=r"declares 400,020,000 numbers, and its weights have \d+ bytes"):
        require_bytes(lambda: torch.nn.Linear(20_000, 20_000), held, "it")
    assert count_numbers(tmp_path / "model.safetensors") == 4


def test_nobody_is_told_to_trust_code() -> None:
    with pytest.raises(ModelError, match="a program of its own, which is never run"), foreign("it"):
        raise ValueError("Please pass the argument `trust_remote_code=True` to allow custom code to be run.")
