"""Cards, tokenizers and weights that do not go together: one sentence that names the field before it is built."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import BPE, WordLevel

from geoglot.errors import ConvertError, ModelError
from geoglot.hashing import sha256_of
from geoglot.models import tokenizer as tokenizer_module
from geoglot.models.convert import Conversion, convert
from geoglot.models.model_files import require_finite
from geoglot.models.tokenizer import require_ends, require_vocabulary
from geoglot.models.zoo import load_model, load_segmenter
from geoglot.scene.dense import dense_of
from tinysegclip import stored_segmenter

_DEEP = "[" * 100_000 + "]" * 100_000


def change(folder: Path, **fields: Any) -> None:
    card = json.loads((folder / "card.json").read_text())
    for name, value in fields.items():
        place = card
        *path, last = name.split("__")
        for part in path:
            place = place[part]
        place[last] = value
    (folder / "card.json").write_text(json.dumps(card))


def sentence(error: pytest.ExceptionInfo[ModelError]) -> str:
    said = str(error.value)
    assert "\n" not in said and len(said) < 1500
    return said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"dim": "32"}, "dim must be a whole number"),
        ({"dim": 64}, "dim is 64 and config.projection_dim is 32"),
        ({"family": [1]}, "family must be text"),
        ({"patch_size": 0}, "patch_size must be at least 1"),
        ({"patch_size": -16}, "patch_size must be at least 1"),
        ({"patch_size": 8}, "patch_size is 8 and config.vision_config.patch_size is 16"),
        ({"tile_size": 60}, "tile_size must be a multiple of patch_size 16"),
        ({"mean": [0.5]}, "mean must have 3 values"),
        ({"mean": [0.5, None, 0.5]}, "mean.1 must be a number"),
        ({"std": [0.2, 0.0, 0.2]}, "std.1 must be above 0"),
        ({"resolution": [10.0, 0.3]}, "the finest, then the coarsest"),
        ({"logit_scale": "a"}, "logit_scale must be a number"),
        ({"logit_scale": float("nan")}, "NaN is no number"),
        ({"logit_scale": 10**400}, "logit_scale must be a"),
        ({"name": "a\nb"}, "name must be a line"),
        ({"name": "x" * 10**6}, "name must be a line"),
        ({"source": "x" * 10**7}, "more than 4 MB"),
        ({"config": {}}, "the key 'projection_dim' is missing"),
        ({"config": [1]}, "config must be a table"),
        ({"config__readout": "best"}, "config.readout must be"),
        ({"config__vision_config__num_hidden_layers": 300_000}, "num_hidden_layers must be at most 256"),
        ({"config__vision_config__num_hidden_layers": 3}, "missing vision_model.encoder.layers.2"),
        ({"config__vision_config__hidden_size": 65_000}, "do not fit its card"),
        ({"config__text_config__num_attention_heads": 5}, "does not divide into 5 heads"),
        ({"config__text_config__hidden_act": "exec"}, "hidden_act must be"),
        ({"config__text_config__vocab_size": 7}, "an embedding of 7 tokens"),
        ({"surprise": 1}, "no key 'surprise'"),
    ],
)
def test_a_field_that_is_wrong_is_named(stored: Path, fields: dict[str, Any], said: str) -> None:
    change(stored, **fields)
    with pytest.raises(ModelError) as error:
        load_model(stored)
    assert said in sentence(error)
    assert "card" in str(error.value) or "tiny" in str(error.value)


@pytest.mark.parametrize("content", [_DEEP, '{"name": ' + "1" * 5000 + "}", "[]", "null", "\x00", '{"mean": 1e999}'])
def test_a_card_that_is_none_is_refused(stored: Path, content: str) -> None:
    (stored / "card.json").write_text(content)
    with pytest.raises(ModelError, match="is not a model card"):
        load_model(stored)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"config__classes": []}, "classes"),
        ({"config__classes": "water"}, "config.classes must be a list"),
        ({"config__network": 3}, "config.network must be a table"),
        ({"config__network__width": "a"}, "config.network.width must be a whole number"),
        ({"config__network__layers": 100_000}, "config.network.layers must be up to 256"),
        ({"config__network__width": 16_384}, "do not fit its card"),
        ({"config__network__backbone": {"depths": [10**6] * 4}}, "depths must be up to 256"),
        ({"config__network__backbone": {"kind": "abacus"}}, "config.network"),
        ({"config__network__pixel_decoder": "x"}, "pixel_decoder must be"),
        ({"patch_size": 16}, "patch_size 4"),
    ],
)
def test_a_card_of_a_segmenter_is_judged_too(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    folder = stored_segmenter(tmp_path / "model")
    change(folder, **fields)
    with pytest.raises(ModelError) as error:
        load_segmenter(folder, device="cpu")
    assert said in sentence(error)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused_at_use_and_at_conversion(stored: Path, bad: float) -> None:
    tensors = load_file(stored / "weights.safetensors")
    name = "vision_model.encoder.layers.1.mlp.fc1.weight"
    tensors[name][0, 0] = bad
    save_file(tensors, stored / "weights.safetensors")
    change(stored, sha256=sha256_of(stored / "weights.safetensors"))
    with pytest.raises(ModelError, match=f"NaN or infinite numbers in {name}"):
        load_model(stored)
    about = Conversion("again", activation="quick_gelu", tokenizer=stored)
    with pytest.raises(ModelError, match=f"NaN or infinite numbers in {name}"):
        convert(stored / "weights.safetensors", stored.parent / "again", about)
    assert not (stored.parent / "again").exists()


def test_a_mask_of_infinities_is_no_weight_and_empty_ones_are_finite() -> None:
    require_finite({"empty": torch.zeros(0), "count": torch.ones(2, dtype=torch.int8)}, "it")


def test_integers_in_place_of_weights_are_told(stored: Path) -> None:
    tensors = load_file(stored / "weights.safetensors")
    tensors["visual_projection.weight"] = torch.zeros(32, 64, dtype=torch.int8)
    save_file(tensors, stored / "weights.safetensors")
    change(stored, sha256=sha256_of(stored / "weights.safetensors"))
    with pytest.raises(ModelError, match=r"visual_projection\.weight is int8 and should be float32"):
        load_model(stored)


def test_a_panic_of_the_tokenizers_library_is_one_sentence(stored: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = stored / "tokenizer.json"
    table = json.loads(path.read_text())
    table["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AAAAAAAA////"}
    path.write_text(json.dumps(table))
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be used \(Precompiled"):
        load_model(stored)
    assert capfd.readouterr().err == ""


def test_what_others_write_meanwhile_is_passed_on(stored: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with tokenizer_module._hold_stderr():
        os.write(2, b"a warning of another thread")
    assert capfd.readouterr().err == "a warning of another thread"


def test_another_models_tokenizer_is_told(stored: Path, tmp_path: Path) -> None:
    other = Tokenizer(WordLevel({"a": 0, "b": 1}, unk_token="a"))
    with pytest.raises(ModelError, match=r"an embedding of 514 tokens and a tokenizer\.json of 2"):
        require_vocabulary(other, 514, "tiny")
    with pytest.raises(ModelError, match="puts nothing around a text"):
        require_ends(other, "tiny", 513)
    with pytest.raises(ModelError, match=r"tokenizer\.json of 0"):
        require_vocabulary(Tokenizer(BPE()), 514, "tiny")
    other.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ModelError, match="another model's"):
        convert(stored / "weights.safetensors", tmp_path / "x", Conversion("x", activation="gelu", tokenizer=tmp_path))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("scale", [torch.tensor(1000.0), torch.zeros(5)])
def test_a_scale_that_is_none_is_told(stored: Path, scale: torch.Tensor) -> None:
    tensors = load_file(stored / "weights.safetensors") | {"logit_scale": scale}
    save_file(tensors, stored.parent / "scaled.safetensors")
    about = Conversion("x", activation="gelu", tokenizer=stored / "tokenizer.json")
    with pytest.raises(ModelError, match="logit_scale"):
        convert(stored.parent / "scaled.safetensors", stored.parent / "x", about)


def test_a_gap_in_the_layers_is_told_by_name(stored: Path) -> None:
    tensors = load_file(stored / "weights.safetensors")
    tensors["text_model.encoder.layers.9.mlp.fc1.weight"] = torch.zeros(1)
    save_file(tensors, stored.parent / "gap.safetensors")
    with pytest.raises(ConvertError, match=r"missing text_model\.encoder\.layers\.2.* more"):
        convert(
            stored.parent / "gap.safetensors", stored.parent / "x", Conversion("x", activation="gelu", tokenizer=stored)
        )


def test_a_path_a_slash_and_a_home_are_names_of_a_model(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(stored.parent))
    for name in (stored, f"{stored}/", "~/tiny", Path("~/tiny")):
        assert load_model(name).card.name == "tiny"


def test_every_door_takes_a_path(stored: Path) -> None:
    assert dense_of(stored).card.name == "tiny"
    assert load_model(stored).card.name == "tiny"
