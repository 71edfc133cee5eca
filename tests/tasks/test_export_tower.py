"""Towers of models that read words as ONNX graphs, run by onnxruntime."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.errors import GeoglotError
from geoglot.models.clip import Clip
from geoglot.models.graft import start_graft
from geoglot.models.mini.mini import Mini
from geoglot.models.zoo import load_word_model
from geoglot.tasks.export_tower import EightBits, export_tower
from geoglot.tasks.tower_graphs import text_inputs
from tinyclip import store_clip
from tinysegclip import stored_segmenter

TEXTS = ["a river", "", "the harbour of a town where two ferries lie beside each other", "trees"]


@pytest.fixture(scope="module", params=["clip", "mini", "image", "pixel", "both"])
def seer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clip | Mini:
    """A tiny CLIP, mini with small tiles, and a tiny GRAFT of each level."""
    if request.param == "mini":
        model = load_word_model("mini", device="cpu")
        model.card = replace(model.card, tile_size=64)
    else:
        model = load_word_model(store_clip(tmp_path_factory.mktemp("clip") / "tiny"), device="cpu")
        assert isinstance(model, Clip)
        if request.param != "clip":
            model = start_graft(model, "tiny-graft", 1.0, 64, level=request.param).eval()
    assert isinstance(model, Clip | Mini)
    return model


def test_an_image_tower_embeds_tiles_and_patches(seer: Clip | Mini, tmp_path: Path) -> None:
    made = export_tower(seer, tmp_path / "image.onnx")
    assert made.difference < 1e-3
    session, side = onnxruntime.InferenceSession(str(made.path)), seer.card.tile_size
    for tiles in (1, 5):
        pixels = torch.rand(tiles, 3, side, side)
        pixels[1:3, :, : side // 2] = 0  # black, as padding is
        pixels[2:3] = 0
        embedding, patches = session.run(None, {"pixels": pixels.numpy()})
        with torch.inference_mode():
            np.testing.assert_allclose(embedding, seer.encode_image(pixels), atol=1e-3)
            np.testing.assert_allclose(patches, seer.encode_patches(pixels), atol=1e-3)


def test_a_text_tower_embeds_texts_of_any_length(seer: Clip | Mini, tmp_path: Path) -> None:
    made = export_tower(seer, tmp_path / "text.onnx", "text")
    session = onnxruntime.InferenceSession(str(made.path))
    texts = [*TEXTS, "far " * 400]  # longer than any context
    (found,) = session.run(None, text_inputs(seer, texts))
    with torch.inference_mode():
        np.testing.assert_allclose(found, seer.encode_text(texts), atol=1e-3)
    assert session.get_modelmeta().custom_metadata_map["tower"] == "text"


def test_eight_bits_are_compared_by_their_cosine(seer: Clip | Mini, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(text for text in TEXTS if text))
    made = export_tower(seer, tmp_path / "text.onnx", "text", int8=[tmp_path / "texts.txt"])
    assert made.int8 is not None and made.int8.method == "dynamic"
    assert made.int8.least <= made.int8.cosine <= 1 + 1e-6
    assert made.int8.is_close
    assert not EightBits("static", 0.98, 0.9, 2.0).is_close


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"one text", "two texts"),
        (b"\n \n", "got 0"),
        (b"\xff\xfe\x00\xd8a", "unknown encoding"),
    ],
)
def test_eight_bits_need_a_file_of_texts(content: bytes | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "texts.txt").write_bytes(content)
    before = list(tmp_path.iterdir())
    with pytest.raises(GeoglotError, match=said):
        export_tower("mini", tmp_path / "text.onnx", "text", int8=[tmp_path / "texts.txt"])
    assert list(tmp_path.iterdir()) == before


def test_the_command_tells_towers_from_segmenters(tmp_path: Path) -> None:
    clip, segmenter = store_clip(tmp_path / "tiny"), stored_segmenter(tmp_path / "model", layers=1, encoder_layers=1)
    ran = CliRunner().invoke(cli, ["export", str(clip), "-o", str(tmp_path / "t.onnx"), "--tower", "text", "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["tower"] == "text" and (tmp_path / "t.onnx").is_file()
    for model, more, said in ((clip, ["--fixed"], "are for segmenters"), (segmenter, ["--tower", "text"], "no towers")):
        ran = CliRunner().invoke(cli, ["export", str(model), "-o", str(tmp_path / "x.onnx"), *more])
        assert ran.exit_code and said in ran.stderr


def test_a_model_in_fewer_bits_is_refused(tmp_path: Path) -> None:
    lowered = load_word_model(store_clip(tmp_path / "tiny"), device="cpu", precision="bfloat16")
    with pytest.raises(GeoglotError, match="float32"):
        export_tower(lowered, tmp_path / "image.onnx")
    assert not (tmp_path / "image.onnx").exists()
