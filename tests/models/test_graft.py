from __future__ import annotations

import collections
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPModel, CLIPVisionModelWithProjection

from geoglot.errors import ConvertError
from geoglot.models.base import normalise
from geoglot.models.convert import Conversion, convert
from geoglot.models.convert.level import tell_level
from geoglot.models.graft import start_graft
from geoglot.models.zoo import load_word_model
from geoglot.scene.class_words import parse_classes
from geoglot.scene.dense import WordDense
from geoglot.scene.wording import patch_notes

Save = Callable[..., Path]
MakeBody = Callable[..., CLIPModel]


class PublishedGraft(nn.Module):
    """The inference class that circulates with GRAFT's weights."""

    def __init__(self, backbone: CLIPVisionModelWithProjection) -> None:
        super().__init__()
        self.satellite_image_backbone = backbone
        config = backbone.config
        self.projector = nn.Sequential(
            nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps),
            nn.Linear(config.hidden_size, config.projection_dim, bias=False),
        )
        self.register_buffer("logit_scale", torch.ones([]) * (1 / 0.07))

    def forward(self, pixels: Tensor) -> Tensor:
        return F.normalize(self.projector(self.satellite_image_backbone(pixels).last_hidden_state), dim=-1)

    def forward_features(self, pixels: Tensor) -> Tensor:
        return F.normalize(self.satellite_image_backbone(pixels).image_embeds, dim=-1)


@pytest.fixture
def omegaconf() -> Iterator[types.ModuleType]:
    """A module that looks like omegaconf to a pickle, and is gone when the checkpoint is read."""
    module = types.ModuleType("omegaconf")
    module.dictconfig = types.ModuleType("omegaconf.dictconfig")  # type: ignore[attr-defined]
    config_class = type("DictConfig", (), {"__module__": "omegaconf.dictconfig"})
    module.dictconfig.DictConfig = config_class  # type: ignore[attr-defined]
    sys.modules |= {"omegaconf": module, "omegaconf.dictconfig": module.dictconfig}  # type: ignore[attr-defined]
    yield module
    for name in ("omegaconf", "omegaconf.dictconfig"):
        sys.modules.pop(name, None)


def save_lightning(model: nn.Module, path: Path, omegaconf: types.ModuleType) -> None:
    config = omegaconf.dictconfig.DictConfig()
    cache = collections.defaultdict(dict, {"resolver": {"lr": 1e-5}})
    config.__dict__ |= {"_metadata": typing.Any, "_content": {"level": "pixel"}, "_cache": cache}
    torch.save({"state_dict": model.state_dict(), "hyper_parameters": config, "global_step": 7}, path)
    for name in ("omegaconf", "omegaconf.dictconfig"):
        del sys.modules[name]


@torch.no_grad()
def test_a_graft_checkpoint_keeps_its_vectors(
    hf_folder: Save, make_body: MakeBody, tmp_path: Path, omegaconf: types.ModuleType
) -> None:
    body = make_body()
    lender = hf_folder(body)
    torch.manual_seed(5)
    backbone = CLIPVisionModelWithProjection(body.config.vision_config).eval()
    published = PublishedGraft(backbone)
    torch.nn.init.normal_(published.projector[0].weight)
    save_lightning(published, tmp_path / "graft.ckpt", omegaconf)
    about = Conversion("graft", resolution=(1.0, 1.0), text=lender)
    card = convert(tmp_path / "graft.ckpt", tmp_path / "graft", about)
    model = load_word_model(tmp_path / "graft")

    pixels = torch.rand(2, 3, 64, 64)
    ready = normalise(pixels, card.mean, card.std)
    patches = published(ready)[:, 1:].mT.unflatten(-1, (4, 4))
    torch.testing.assert_close(model.encode_patches(pixels), patches, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.encode_image(pixels), published.forward_features(ready), atol=1e-5, rtol=0)
    texts = ["a vineyard", "the sea"]
    torch.testing.assert_close(model.encode_text(texts), load_word_model(lender).encode_text(texts))
    assert (card.family, card.logit_scale, card.level) == ("graft", pytest.approx(1 / 0.07), "both")


def test_a_graft_without_a_patch_head_is_read_as_a_clip(hf_folder: Save, make_body: MakeBody, tmp_path: Path) -> None:
    body = make_body()
    published = PublishedGraft(CLIPVisionModelWithProjection(body.config.vision_config))
    del published.projector
    save_file(published.state_dict(), tmp_path / "image.safetensors")
    card = convert(tmp_path / "image.safetensors", tmp_path / "image", Conversion("image", text=hf_folder(body)))
    assert (card.family, card.level) == ("clip", "image")
    assert load_word_model(tmp_path / "image").encode_patches(torch.rand(1, 3, 64, 64)).shape == (1, 32, 4, 4)


def test_graft_asks_for_its_text_tower(make_body: MakeBody, tmp_path: Path) -> None:
    published = PublishedGraft(CLIPVisionModelWithProjection(make_body().config.vision_config))
    save_file(published.state_dict(), tmp_path / "graft.safetensors")
    with pytest.raises(ConvertError, match="--text"):
        convert(tmp_path / "graft.safetensors", tmp_path / "graft", Conversion("graft"))


@torch.no_grad()
@pytest.mark.parametrize(
    ("moved", "level"),
    [(("image",), "image"), (("patches",), "pixel"), (("image", "patches"), "both"), ((), None)],
)
@pytest.mark.parametrize("half", [False, True])
def test_the_level_is_told_from_what_training_moved(
    hf_folder: Save, make_body: MakeBody, tmp_path: Path, moved: tuple[str, ...], level: str | None, half: bool
) -> None:
    body = make_body()
    published = PublishedGraft(CLIPVisionModelWithProjection(body.config.vision_config))
    published.satellite_image_backbone.load_state_dict(body.state_dict(), strict=False)
    heads = {"image": published.satellite_image_backbone.visual_projection, "patches": published.projector[1]}
    norm = published.satellite_image_backbone.vision_model.post_layernorm
    published.projector[0].load_state_dict(norm.state_dict())
    published.projector[1].load_state_dict(heads["image"].state_dict())
    for name in moved:
        heads[name].weight += 0.01 * torch.randn_like(heads[name].weight)
    tensors = {name: tensor.half() if half else tensor for name, tensor in published.state_dict().items()}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, tmp_path / "a.safetensors")
    about = Conversion("a", text=hf_folder(body))
    assert convert(tmp_path / "a.safetensors", tmp_path / "a", about).level == level
    told = replace(about, level="pixel")
    assert convert(tmp_path / "a.safetensors", tmp_path / "b", told).level == "pixel"


@pytest.mark.parametrize("absent", ["visual_projection.weight", "projector.0.bias", "projector.1.weight"])
def test_weights_that_lack_a_part_of_a_head_do_not_tell_the_level(make_body: MakeBody, absent: str) -> None:
    start = make_body().state_dict()
    width, dim = start["vision_model.post_layernorm.weight"].shape[0], start["visual_projection.weight"].shape[0]
    heads = {"projector.0.weight": torch.rand(width), "projector.0.bias": torch.rand(width)}
    tensors = {**start, **heads, "projector.1.weight": torch.rand(dim, width)}
    assert tell_level(tensors, start) == "pixel"
    assert tell_level({name: each for name, each in tensors.items() if name != absent}, start) is None
    assert tell_level(tensors | {"projector.1.weight": torch.rand(dim, width + 1)}, start) is None


@torch.no_grad()
def test_a_level_decides_which_head_is_used(hf_folder: Save, make_body: MakeBody) -> None:
    ground = load_word_model(hf_folder(make_body()))
    pixels = torch.rand(2, 3, 64, 64)
    pixels[1, :, :, 32:] = 0  # padding
    by_level = {}
    for level in ("image", "pixel", "both"):
        model = start_graft(ground, "a", 1.0, 64, level=level)
        model.projector[1].weight.data.neg_()  # another head than CLIP's
        by_level[level] = model.encode_image(pixels), model.encode_patches(pixels)
    token, head = by_level["both"]
    torch.testing.assert_close(by_level["image"][0], token)
    torch.testing.assert_close(by_level["image"][1], ground.encode_patches(pixels))
    torch.testing.assert_close(by_level["pixel"][1], head)
    mean, shown = by_level["pixel"][0], head[1, :, :, :2].mean((1, 2))
    torch.testing.assert_close(mean[0], F.normalize(head[0].mean((1, 2)), dim=0))
    torch.testing.assert_close(mean[1], F.normalize(shown, dim=0))


def test_maps_by_a_model_of_image_level_are_noted(hf_folder: Save, make_body: MakeBody) -> None:
    ground = load_word_model(hf_folder(make_body()))
    asked = parse_classes("lake, forest"), None, ("{}",)
    for level, notes in (("image", 1), ("pixel", 0)):
        model = start_graft(ground, "a", 1.0, 64, level=level)
        told = [note for note in WordDense(model).question(*asked).notes if "image level" in note]
        assert len(told) == notes == len(patch_notes(model))
