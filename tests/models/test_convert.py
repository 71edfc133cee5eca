from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPModel

from geoglot.errors import ConvertError, ModelError, OutputError
from geoglot.models.base import normalise
from geoglot.models.convert import Conversion, convert
from geoglot.models.convert.layouts import clip_config, vision_config
from geoglot.models.zoo import load_word_model

Save = Callable[..., Path]


class OpenClipBlock(nn.Module):
    """One block as OpenCLIP names and computes it."""

    def __init__(self, width: int, heads: int, quick: bool) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 2 * width))
        self.mlp.add_module("c_proj", nn.Linear(2 * width, width))
        self.quick = quick

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        hidden = self.mlp.c_fc(self.ln_2(x))
        hidden = hidden * torch.sigmoid(1.702 * hidden) if self.quick else F.gelu(hidden)
        return x + self.mlp.c_proj(hidden)


class OpenClipTransformer(nn.Module):
    def __init__(self, width: int, quick: bool) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(OpenClipBlock(width, width // 64, quick) for _ in range(2))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for block in self.resblocks:
            x = block(x, mask)
        return x


class OpenClipVision(nn.Module):
    def __init__(self, quick: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 128, 16, 16, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(128))
        self.positional_embedding = nn.Parameter(torch.randn(17, 128))
        self.ln_pre, self.ln_post = nn.LayerNorm(128), nn.LayerNorm(128)
        self.transformer = OpenClipTransformer(128, quick)
        self.proj = nn.Parameter(torch.randn(128, 32))

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.conv1(pixels).flatten(2).mT
        first = self.class_embedding.expand(len(pixels), 1, -1)
        x = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        return self.ln_post(self.transformer(x)[:, 0]) @ self.proj


class OpenClip(nn.Module):
    """A reference of OpenCLIP's layout: packed attention, projections as matrices, argmax of the ids as the end."""

    def __init__(self, vocabulary: int, quick: bool) -> None:
        super().__init__()
        self.visual = OpenClipVision(quick)
        self.token_embedding = nn.Embedding(vocabulary, 64)
        self.positional_embedding = nn.Parameter(torch.randn(77, 64))
        self.transformer = OpenClipTransformer(64, quick)
        self.ln_final = nn.LayerNorm(64)
        self.text_projection = nn.Parameter(torch.randn(64, 32))
        self.logit_scale = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("attn_mask", torch.full((77, 77), -torch.inf).triu(1))

    def encode_text(self, ids: Tensor) -> Tensor:
        x = self.token_embedding(ids) + self.positional_embedding
        x = self.ln_final(self.transformer(x, self.attn_mask))
        return x[torch.arange(len(ids)), ids.argmax(-1)] @ self.text_projection


@pytest.fixture
def open_clip(tokenizer_folder: Path) -> Callable[[bool], OpenClip]:
    def make(quick: bool) -> OpenClip:
        torch.manual_seed(3)
        return OpenClip(vocabulary=514, quick=quick).eval()

    return make


@torch.no_grad()
@pytest.mark.parametrize(("quick", "suffix"), [(True, ".pt"), (False, ".safetensors")])
def test_an_openclip_checkpoint_keeps_its_vectors(
    open_clip: Callable[[bool], OpenClip], tokenizer_folder: Path, tmp_path: Path, quick: bool, suffix: str
) -> None:
    reference = open_clip(quick)
    source = tmp_path / f"reference{suffix}"
    if suffix == ".pt":
        wrapped = {f"module.{name}": value for name, value in reference.state_dict().items()}
        torch.save({"epoch": 3, "state_dict": wrapped}, source)
    else:
        save_file(reference.state_dict(), source)
    about = Conversion("open", activation="quick_gelu" if quick else "gelu", tokenizer=tokenizer_folder)
    card = convert(source, tmp_path / "open", about)
    model = load_word_model(tmp_path / "open")

    pixels, texts = torch.rand(2, 3, 64, 64), ["a quay", "fields of wheat"]
    ids = torch.zeros(2, 77, dtype=torch.long)
    for row, encoding in enumerate(model.tokenizer.encode_batch(texts)):
        ids[row, : len(encoding.ids)] = torch.tensor(encoding.ids)
    image = F.normalize(reference.visual(normalise(pixels, card.mean, card.std)), dim=-1)
    text = F.normalize(reference.encode_text(ids), dim=-1)
    torch.testing.assert_close(model.encode_image(pixels), image, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.encode_text(texts), text, atol=1e-5, rtol=0)
    assert model.card.logit_scale == pytest.approx(float(torch.tensor(2.0).exp()))
    assert (card.patch_size, card.tile_size, card.dim) == (16, 64, 32)


@torch.no_grad()
def test_a_bin_of_transformers_keeps_its_vectors(hf_folder: Save, body: CLIPModel, tmp_path: Path) -> None:
    folder = hf_folder(body)
    wanted = load_word_model(folder).encode_image(pixels := torch.rand(1, 3, 64, 64))
    torch.save(body.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="geoglot models convert"):
        load_word_model(folder)
    convert(folder, tmp_path / "ours", Conversion("ours"))
    torch.testing.assert_close(load_word_model(tmp_path / "ours").encode_image(pixels), wanted)


def test_what_does_not_fit_is_named_key_by_key(hf_folder: Save, body: CLIPModel, tmp_path: Path) -> None:
    folder = hf_folder(body)
    tensors = body.state_dict()
    del tensors["vision_model.post_layernorm.weight"]
    tensors["vision_model.gate"] = torch.zeros(1)
    tensors["text_projection.weight"] = torch.zeros(32, 7)
    save_file(tensors, tmp_path / "broken.safetensors")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(ConvertError) as error:
        convert(tmp_path / "broken.safetensors", tmp_path / "ours", Conversion("ours", tokenizer=folder))
    message = str(error.value)
    assert "missing vision_model.post_layernorm.weight" in message
    assert "unexpected vision_model.gate" in message
    assert "text_projection.weight is (32, 7) and should be (32, 64)" in message
    assert not (tmp_path / "ours").exists()


def test_what_the_file_does_not_say_is_asked_for(
    open_clip: Callable[[bool], OpenClip], tokenizer_folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "open.safetensors"
    save_file(open_clip(True).state_dict(), source)
    with pytest.raises(ConvertError, match="--activation quick_gelu"):
        convert(source, tmp_path / "open", Conversion("open", tokenizer=tokenizer_folder))
    with pytest.raises(ConvertError, match="--tokenizer"):
        convert(source, tmp_path / "open", Conversion("open", activation="gelu"))


class Malicious:
    """Writes a file when it is unpickled by anyone who runs code from pickles."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("function", [os.system, exec])
def test_a_malicious_pickle_does_not_run(function: Callable[..., object], tmp_path: Path) -> None:
    victim = tmp_path / "owned"
    code = f"touch {victim}" if function is os.system else f"open({str(victim)!r}, 'w')"
    torch.save({"state_dict": {"weight": torch.zeros(1)}, "bait": Malicious(function, code)}, tmp_path / "bad.pt")
    with pytest.raises(ConvertError):
        convert(tmp_path / "bad.pt", tmp_path / "out", Conversion("bad", activation="gelu"))
    assert not victim.exists()
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_kind_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(ConvertError, match=r"notes\.pt cannot be read") as error:
        convert(tmp_path / "notes.pt", tmp_path / "out", Conversion("notes"))
    assert "\n" not in str(error.value)


def test_the_child_has_neither_network_nor_programs(tmp_path: Path) -> None:
    script = (
        "import socket, subprocess, sys\n"
        "from geoglot.bounded import _refuse\n"
        "sys.addaudithook(_refuse)\n"
        "for attempt in (lambda: socket.socket(), lambda: subprocess.run(['true'])):\n"
        "    try:\n"
        "        attempt()\n"
        "    except PermissionError:\n"
        "        continue\n"
        "    sys.exit('not refused')\n"
    )
    source = Path(sys.modules["geoglot"].__path__[0]).parent
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_configuration_of_another_activation_is_refused(hf_folder: Save, body: CLIPModel, tmp_path: Path) -> None:
    folder, stated = hf_folder(body), body.config.vision_config.hidden_act
    for asked in ("gelu", "quick_gelu"):
        if asked == stated:
            assert convert(folder, tmp_path / "same", Conversion("same", activation=asked)).sha256
        else:
            with pytest.raises(ConvertError, match=f"states the activation {stated}, and not {asked}"):
                convert(folder, tmp_path / "other", Conversion("other", activation=asked))


def test_a_model_appears_with_its_calibration_or_not_at_all(
    hf_folder: Save, body: CLIPModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        assert not (tmp_path / "models/half").exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("geoglot.models.convert.calibrate", stop)
        convert(hf_folder(body), tmp_path / "models/half", Conversion("half"))
    assert list((tmp_path / "models").iterdir()) == []
    convert(hf_folder(body), tmp_path / "models/whole", Conversion("whole"))
    assert load_word_model(tmp_path / "models/whole").sense is not None


def test_no_model_is_called_as_the_bundled_one(hf_folder: Save, body: CLIPModel, tmp_path: Path) -> None:
    for target, name in ((tmp_path / "models/mini", "mini"), (Path("mini"), "mine")):
        with pytest.raises(ConvertError, match="mini is the name of the model that comes with geoglot"):
            convert(hf_folder(body), target, Conversion(name))
        assert not target.exists()


def test_an_existing_folder_is_not_overwritten(hf_folder: Save, body: CLIPModel, tmp_path: Path) -> None:
    folder = hf_folder(body)
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        convert(folder, tmp_path / "taken", Conversion("taken"))


def test_nothing_in_the_package_unpickles_more_than_weights() -> None:
    package = Path(sys.modules["geoglot"].__path__[0])
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "weights_only=False" not in text, path
        assert "import pickle" not in text, path
        if "torch.load(" in text:
            assert path.name == "unpickle.py"
            assert text.count("torch.load(") == text.count("weights_only=True")


@pytest.mark.parametrize(("width", "heads"), [(768, 12), (1024, 16), (1280, 16)])
def test_heads_are_64_wide_but_in_vit_h(width: int, heads: int) -> None:
    shapes = {
        "visual_projection.weight": (512, width),
        "vision_model.embeddings.patch_embedding.weight": (width, 3, 14, 14),
        "vision_model.embeddings.position_embedding.weight": (257, width),
        "vision_model.encoder.layers.0.mlp.fc1.weight": (4 * width, width),
        "vision_model.encoder.layers.31.layer_norm1.weight": (width,),
    }
    config = vision_config({name: torch.empty(shape, device="meta") for name, shape in shapes.items()}, "gelu")
    assert config["num_attention_heads"] == heads
    assert (config["num_hidden_layers"], config["image_size"], config["patch_size"]) == (32, 224, 14)


@pytest.mark.parametrize(("image", "text", "heads"), [(768, 512, 8), (1280, 1024, 16), (1664, 1280, 20)])
def test_heads_of_text_towers_are_64_wide(image: int, text: int, heads: int) -> None:
    """ViT-bigG reads texts by a tower as wide as ViT-H's image tower, with heads of another width."""
    shapes = {"visual_projection.weight": (text, image), "text_projection.weight": (text, text)}
    for tower, width, places in (("vision_model", image, 257), ("text_model", text, 77)):
        shapes |= {
            f"{tower}.embeddings.position_embedding.weight": (places, width),
            f"{tower}.encoder.layers.0.mlp.fc1.weight": (4 * width, width),
        }
    shapes |= {
        "vision_model.embeddings.patch_embedding.weight": (image, 3, 14, 14),
        "text_model.embeddings.token_embedding.weight": (100, text),
    }
    config = clip_config({name: torch.empty(shape, device="meta") for name, shape in shapes.items()}, "gelu")
    assert config["text_config"]["num_attention_heads"] == heads
