from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import CLIPModel

from geoglot.errors import ModelError
from geoglot.models.clip import fold_quick_gelu
from geoglot.models.model_files import save_model
from geoglot.models.zoo import has_fast_bfloat16, load_word_model, wants_bfloat16

Save = Callable[..., Path]
CPU = torch.device("cpu")


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_bfloat16_keeps_the_vectors(hf_folder: Save, make_body: Callable[..., CLIPModel], activation: str) -> None:
    folder = hf_folder(make_body(activation))
    exact, fast = load_word_model(folder), load_word_model(folder, precision="bfloat16")
    pixels = torch.rand(4, 3, 64, 64)
    for name in ("encode_image", "encode_patches"):
        wanted, vectors = getattr(exact, name)(pixels), getattr(fast, name)(pixels)
        assert vectors.dtype == torch.float32
        assert (wanted * vectors).sum(1).min() > 0.995
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones_like(vectors[:, 0]))
    assert torch.equal(fast.encode_text(["a dam"]), exact.encode_text(["a dam"]))


@torch.no_grad()
def test_folding_quick_gelu_is_exact(body: CLIPModel) -> None:
    mlp, tokens = body.vision_model.encoder.layers[0].mlp, torch.randn(2, 5, 64)
    before = mlp(tokens)
    fold_quick_gelu(mlp)
    torch.testing.assert_close(mlp(tokens), before, atol=1e-5, rtol=0)


def test_auto_falls_back_to_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert not wants_bfloat16("auto", CPU)
    assert not wants_bfloat16("float32", CPU)
    assert wants_bfloat16("bfloat16", CPU)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert wants_bfloat16("auto", CPU)
    assert not has_fast_bfloat16(torch.device("meta"))


def test_half_precision_is_not_stored(hf_folder: Save, body: CLIPModel, tmp_path: Path) -> None:
    model = load_word_model(hf_folder(body), precision="bfloat16")
    with pytest.raises(ModelError, match="load it in float32"):
        save_model(model, tmp_path / "half")
    assert not (tmp_path / "half").exists()
