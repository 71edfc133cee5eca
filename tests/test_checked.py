"""The types and shapes of this package's functions are checked in every test."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from geoglot.legible import find_unwritable
from geoglot.models.zoo import load_word_model


def test_an_argument_of_another_type_is_refused() -> None:
    with pytest.raises(TypeCheckError):
        find_unwritable(3)  # type: ignore[arg-type]


def test_an_array_of_another_shape_is_refused() -> None:
    model = load_word_model("mini")
    with pytest.raises(TypeCheckError):
        model.encode_patches(torch.zeros(3, 64, 64))
