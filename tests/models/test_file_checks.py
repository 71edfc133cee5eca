"""What a download or a clone leaves in place of weights is told as what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from geoglot.errors import ModelError
from geoglot.models.convert.unpickle import load_checkpoint
from geoglot.models.model_files import read_tensors

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n"


@pytest.mark.parametrize("name", ["a.pt", "a.bin", "a.safetensors"])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (POINTER, "git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<HTML>", "a web page"),
        (b"\x93NUMPY\x01\x00", "a NumPy array"),
        (b"", "is empty"),
    ],
)
def test_files_that_are_no_weights_are_told(tmp_path: Path, name: str, body: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    for read in (load_checkpoint, read_tensors):
        with pytest.raises(ModelError, match=told):
            read(path)
