"""No GPU is here: torch's meta device stands for one. What a tower makes of pixels of a loader must be there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from geoglot.models.clip import Clip
from geoglot.models.graft import start_graft
from geoglot.models.known import Level
from geoglot.models.zoo import load_word_model
from tinyclip import store_clip


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    model = load_word_model(store_clip(Path(tmp_path_factory.mktemp("fake")) / "tiny"))
    assert isinstance(model, Clip)
    return model


@pytest.mark.parametrize("level", ["image", "pixel", "both"])
def test_a_tower_computes_where_its_weights_are(ground: Clip, level: Level) -> None:
    model = start_graft(ground, "a", 1.0, 64, level=level).to("meta")
    pixels = torch.rand(2, 3, 64, 64)  # as a loader gives them, on the CPU
    vectors = model.encode_image(pixels), model.encode_patches(pixels), model.encode_text(["a lake"])
    assert [each.device.type for each in vectors] == ["meta"] * 3
    assert [tuple(each.shape) for each in vectors] == [(2, 32), (2, 32, 4, 4), (1, 32)]
    image, patches = model.requires_grad_(True).encode_both(pixels)
    F.cross_entropy(patches.mean((2, 3)) @ image.T, torch.arange(2, device="meta")).backward()
    assert model.projector[1].weight.grad is not None
    assert model.projector[1].weight.grad.device.type == "meta"
