"""No GPU is here: fake tensors stand on one, and an operation that mixes devices fails as it would there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

from geoglot.models.clip import Clip
from geoglot.models.graft import Graft, start_graft
from geoglot.models.known import Level
from geoglot.models.zoo import load_word_model
from tinyclip import store_clip


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    model = load_word_model(store_clip(Path(tmp_path_factory.mktemp("fake")) / "tiny"))
    assert isinstance(model, Clip)
    return model


def on_fake_gpu(model: Graft, mode: FakeTensorMode) -> Graft:
    """The model with all of its weights on a GPU that is not there."""
    with mode:
        for module in model.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                weights = torch.empty(parameter.shape, dtype=parameter.dtype, device="cuda")
                setattr(module, name, torch.nn.Parameter(weights))
    return model


@pytest.mark.parametrize("level", ["image", "pixel", "both"])
def test_a_tower_computes_where_its_weights_are(ground: Clip, level: Level) -> None:
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    model = on_fake_gpu(start_graft(ground, "a", 1.0, 64, level=level), mode)
    with mode:
        pixels = torch.rand(2, 3, 64, 64)  # as a loader gives them, not on the GPU
        vectors = model.encode_image(pixels), model.encode_patches(pixels), model.encode_text(["a lake"])
        assert [each.device.type for each in vectors] == ["cuda"] * 3
        assert [tuple(each.shape) for each in vectors] == [(2, 32), (2, 32, 4, 4), (1, 32)]
        with torch.autocast("cuda", torch.bfloat16):
            image, patches = model.requires_grad_(True).encode_both(pixels)
        assert image.dtype == patches.dtype == torch.float32
        F.cross_entropy(patches.mean((2, 3)) @ image.T, torch.arange(2, device="cuda")).backward()
        assert model.projector[1].weight.grad is not None
        assert model.projector[1].weight.grad.device.type == "cuda"


def test_tensors_of_two_devices_do_not_mix() -> None:
    """What the test above relies on."""
    with FakeTensorMode(), pytest.raises((RuntimeError, TypeError), match="device"):
        torch.empty(2, device="cuda") + torch.empty(2, device="cpu")
