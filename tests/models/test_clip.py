from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from transformers import CLIPModel

from geoglot.errors import InputError, ModelError
from geoglot.models.base import normalise
from geoglot.models.clip import Clip
from geoglot.models.zoo import load_word_model

Save = Callable[[CLIPModel], Path]
TEXTS = ["a river", "an airport with many planes", "sea"]


def load(folder: Path) -> Clip:
    model = load_word_model(folder)
    assert isinstance(model, Clip)
    return model


def reference_ids(model: Clip, texts: list[str]) -> torch.Tensor:
    encoded = [encoding.ids for encoding in model.tokenizer.encode_batch(texts)]
    end = encoded[0][-1]
    width = max(map(len, encoded))
    return torch.tensor([ids + [end] * (width - len(ids)) for ids in encoded])


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_vectors_equal_those_of_transformers(
    hf_folder: Save, make_body: Callable[..., CLIPModel], activation: str
) -> None:
    body = make_body(activation)
    model = load(hf_folder(body))
    pixels = torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        ready = normalise(pixels, model.card.mean, model.card.std)
        image = F.normalize(body.get_image_features(ready).pooler_output, dim=-1)
        text = F.normalize(body.get_text_features(reference_ids(model, TEXTS)).pooler_output, dim=-1)
    torch.testing.assert_close(model.encode_image(pixels), image, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.encode_text(TEXTS), text, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(96, 96), (32, 128), (128, 32)])
def test_other_sizes_interpolate_positions_as_transformers(
    hf_folder: Save, body: CLIPModel, size: tuple[int, int]
) -> None:
    model = load(hf_folder(body))
    pixels = torch.rand(2, 3, *size)
    with torch.no_grad():
        ready = normalise(pixels, model.card.mean, model.card.std)
        wanted = body.get_image_features(ready, interpolate_pos_encoding=True).pooler_output
    torch.testing.assert_close(model.encode_image(pixels), F.normalize(wanted, dim=-1), atol=1e-5, rtol=0)
    assert model.encode_patches(pixels).shape == (2, 32, size[0] // 16, size[1] // 16)


def test_a_text_alone_equals_the_text_in_a_batch(hf_folder: Save, body: CLIPModel) -> None:
    model = load(hf_folder(body))
    together = model.encode_text([*TEXTS, "a very much longer text about a harbour and its many ships"])
    alone = torch.cat([model.encode_text([text]) for text in TEXTS])
    torch.testing.assert_close(together[:3], alone, atol=1e-6, rtol=0)


def test_many_texts_come_in_order(hf_folder: Save, body: CLIPModel) -> None:
    model = load(hf_folder(body))
    vectors = model.encode_text(["sea", "river"] * 150)
    assert vectors.shape == (300, 32)
    torch.testing.assert_close(vectors[::2], vectors[:1].expand(150, -1), atol=1e-6, rtol=0)


def test_a_text_longer_than_the_context_keeps_its_end(hf_folder: Save, body: CLIPModel) -> None:
    model = load(hf_folder(body))
    ids = model.tokenizer.encode("x" * 500).ids
    assert len(ids) == 77
    assert ids[-1] == model.tokenizer.token_to_id("<|endoftext|>")
    torch.testing.assert_close(model.encode_text(["x" * 500]), model.encode_text(["x" * 80]))


def test_vectors_are_unit_float32_without_gradient(hf_folder: Save, body: CLIPModel) -> None:
    model = load(hf_folder(body))
    pixels = torch.rand(2, 3, 64, 64)
    for vectors in (model.encode_image(pixels), model.encode_text(TEXTS), model.encode_patches(pixels)):
        assert vectors.dtype == torch.float32
        assert not vectors.requires_grad
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones_like(vectors[:, 0]))


def test_tiles_that_do_not_divide_into_patches_are_refused(hf_folder: Save, body: CLIPModel) -> None:
    model = load(hf_folder(body))
    with pytest.raises(InputError, match=r"65 x 64 px .* 16 px; pad them"):
        model.encode_image(torch.rand(1, 3, 65, 64))


def test_weights_of_another_size_are_refused(hf_folder: Save, body: CLIPModel) -> None:
    folder = hf_folder(body)
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"intermediate_size": 128', '"intermediate_size": 256'))
    with pytest.raises(ModelError, match="do not fit its card"):
        load_word_model(folder)
