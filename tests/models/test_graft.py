from __future__ import annotations

import collections
import sys
import types
import typing
from collections.abc import Callable, Iterator
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
from geoglot.models.zoo import load_word_model

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
    assert (card.family, card.logit_scale) == ("graft", pytest.approx(1 / 0.07))


def test_a_graft_without_a_patch_head_is_read_as_a_clip(hf_folder: Save, make_body: MakeBody, tmp_path: Path) -> None:
    body = make_body()
    published = PublishedGraft(CLIPVisionModelWithProjection(body.config.vision_config))
    del published.projector
    save_file(published.state_dict(), tmp_path / "image.safetensors")
    card = convert(tmp_path / "image.safetensors", tmp_path / "image", Conversion("image", text=hf_folder(body)))
    assert card.family == "clip"
    assert load_word_model(tmp_path / "image").encode_patches(torch.rand(1, 3, 64, 64)).shape == (1, 32, 4, 4)


def test_graft_asks_for_its_text_tower(make_body: MakeBody, tmp_path: Path) -> None:
    published = PublishedGraft(CLIPVisionModelWithProjection(make_body().config.vision_config))
    save_file(published.state_dict(), tmp_path / "graft.safetensors")
    with pytest.raises(ConvertError, match="--text"):
        convert(tmp_path / "graft.safetensors", tmp_path / "graft", Conversion("graft"))
