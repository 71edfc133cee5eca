from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import CLIPModel

from geoglot.errors import ModelError
from geoglot.models.clip import fold_quick_gelu
from geoglot.models.lowered import EightBitLinear, PackedLinear, computes, has_fast_bfloat16, has_fast_int8
from geoglot.models.model_files import save_model
from geoglot.models.zoo import load_word_model, wants_bfloat16
from geoglot.settings import Precision

Save = Callable[..., Path]
CPU = torch.device("cpu")
needs_bfloat16 = pytest.mark.skipif(not has_fast_bfloat16(CPU), reason="no instructions for bfloat16")
needs_int8 = pytest.mark.skipif(not has_fast_int8(CPU), reason="no instructions for products of 8 bits")


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


@pytest.mark.parametrize("precision", ["bfloat16", pytest.param("int8", marks=needs_int8)])
def test_fewer_bits_are_not_stored(
    hf_folder: Save, body: CLIPModel, tmp_path: Path, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)  # what is not of 8 bits is float32
    model = load_word_model(hf_folder(body), precision=precision)
    with pytest.raises(ModelError, match="load it in float32"):
        save_model(model, tmp_path / "half")
    assert not (tmp_path / "half").exists()


@needs_bfloat16
@torch.no_grad()
@pytest.mark.parametrize("tokens", [1, 7, 197])
def test_packed_weights_give_the_same_bits(tokens: int) -> None:
    linear, given = nn.Linear(64, 96).bfloat16(), torch.randn(2, tokens, 64).bfloat16()
    assert torch.equal(PackedLinear(linear)(given), linear(given))


@needs_int8
@torch.no_grad()
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [1e-3, 1.0, 300.0])
def test_products_of_8_bits_stay_near(kind: torch.dtype, size: float) -> None:
    linear, given = nn.Linear(64, 96, bias=False), size * torch.randn(2000, 3, 64)
    linear.bias = nn.Parameter(torch.zeros(96))
    wanted, found = linear(given), EightBitLinear(linear.to(kind))(given.to(kind))
    assert found.dtype == kind
    errors = (found.float() - wanted).norm(dim=2) / wanted.norm(dim=2)
    assert errors.max() < 0.05  # of every token: a largest number that wraps would be an error of its own size


@needs_int8
@torch.no_grad()
def test_a_token_is_as_exact_beside_a_large_one_as_alone() -> None:
    layer, tokens = EightBitLinear(nn.Linear(64, 32)), torch.randn(1, 5, 64)
    large = torch.cat([tokens, 1000 * torch.randn(1, 1, 64)], dim=1)
    torch.testing.assert_close(layer(large)[:, :5], layer(tokens))


@needs_int8
@torch.no_grad()
def test_zeros_become_the_bias() -> None:
    linear = nn.Linear(64, 32)
    torch.testing.assert_close(EightBitLinear(linear)(torch.zeros(1, 4, 64)), linear.bias.expand(1, 4, -1))


@needs_int8
@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_int8_keeps_the_vectors_and_says_its_name(
    hf_folder: Save,
    make_body: Callable[..., CLIPModel],
    activation: str,
    fast: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: fast)
    folder = hf_folder(make_body(activation))
    exact, light = load_word_model(folder), load_word_model(folder, precision="int8")
    assert light.card.sha256 == exact.card.sha256
    assert torch.int8 in {parameter.dtype for parameter in light.parameters()}  # as results record it
    pixels = torch.rand(4, 3, 64, 64)
    for name in ("encode_image", "encode_patches"):
        wanted, vectors = getattr(exact, name)(pixels), getattr(light, name)(pixels)
        assert vectors.dtype == torch.float32 and (wanted * vectors).sum(1).min() > 0.98
    assert torch.equal(light.encode_text(["a dam"]), exact.encode_text(["a dam"]))


@needs_int8
def test_auto_is_the_precision_of_the_settings(
    hf_folder: Save, body: CLIPModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hf_folder(body)
    monkeypatch.setenv("GEOGLOT_PRECISION", "int8")
    lowered = load_word_model(folder, precision="auto")
    assert torch.int8 in {parameter.dtype for parameter in lowered.parameters()}
    assert {parameter.dtype for parameter in load_word_model(folder).parameters()} == {torch.float32}
    assert {parameter.dtype for parameter in load_word_model("mini", precision="auto").parameters()} == {torch.float32}


def test_a_build_of_torch_without_the_operators_computes_without_them(
    hf_folder: Save, body: CLIPModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: True)
    for library in ("mkldnn", "onednn"):
        monkeypatch.setattr(torch.ops, library, SimpleNamespace())
    computes.cache_clear()
    try:
        model = load_word_model(hf_folder(body), precision="bfloat16")
        assert not any(isinstance(module, PackedLinear) for module in model.modules())
        assert model.encode_image(torch.rand(1, 3, 64, 64)).isfinite().all() and not has_fast_int8(CPU)
    finally:
        computes.cache_clear()


def test_int8_needs_a_processor_that_has_it(hf_folder: Save, body: CLIPModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    with pytest.raises(ModelError, match="VNNI"):
        load_word_model(hf_folder(body), precision="int8")
