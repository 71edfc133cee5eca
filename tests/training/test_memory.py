"""A step in parts, and one that computes its activations twice, give the gradients of the plain step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from geoglot.datasets.dataset import Mapped
from geoglot.errors import InputError
from geoglot.models.card import Card
from geoglot.models.segclip.config import Guidance
from geoglot.models.segclip.targets import IGNORE
from geoglot.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, Segmenter
from geoglot.models.upernet import UPerNet, UPerNetConfig, pixel_loss
from geoglot.recipe import read_recipe
from geoglot.training.crops import CropBatch, CropLoader, CropSampling
from geoglot.training.mask_objective import Memory, SegmentObjective
from geoglot.training.matching import MaskLoss
from geoglot.training.points import PointSampling
from geoglot.training.train_segment import SegmentRecipe, _check_batch, train_segment
from tinyrecipe import recipe
from tinysegclip import CLASSES, TINY, blocks, tiny_segclip

LOSS = MaskLoss(sampling=PointSampling(points=64))


def batch(crops: int = 4) -> CropBatch:
    """Crops with different numbers of classes; one has no label at all."""
    labels = blocks(crops, 64)
    labels[1, :, 16:] = labels[1, 0, 0]
    labels[2, 32:] = IGNORE
    labels[3] = IGNORE
    return CropBatch(torch.empty(crops, 3, 64, 64).uniform_(generator=torch.Generator().manual_seed(3)), labels)


def gradients(
    network: nn.Module, memory: Memory, pretrained: bool = True
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Losses and gradients of one step."""
    card = Card(
        "tiny", "segclip", 0, 4, 64, (0.1, 30.0), IMAGENET_MEAN, IMAGENET_STD, 1.0, "Apache-2.0", "tests",
        config={"classes": CLASSES},
    )  # fmt: skip
    loader = CropLoader(Mapped((), [], []), CropSampling(batch=4, side=64))
    objective = SegmentObjective(Segmenter(card, network), loader, None, LOSS, pretrained=pretrained, memory=memory)
    network.zero_grad()
    torch.manual_seed(0)
    losses = dict(objective.backward(batch()))
    return losses, {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


@pytest.fixture
def same_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mask is compared at the same points, in whatever batch it is."""

    plain = torch.rand

    def rand(*shape: int, **named: Any) -> Tensor:
        return plain(1, *shape[1:], generator=torch.Generator().manual_seed(1)).expand(shape)

    monkeypatch.setattr(torch, "rand", rand)


@pytest.mark.usefixtures("same_points")
@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("guidance", [Guidance(), Guidance(groups=2, weight=0.5), Guidance(on=False)])
def test_parts_add_up_to_the_step_of_the_whole_batch(parts: int, guidance: Guidance) -> None:
    network = tiny_segclip(guidance=guidance, layers=3, encoder_layers=1)
    losses, whole = gradients(network, Memory())
    again, added = gradients(network, Memory(parts=parts))
    assert again == pytest.approx(losses, rel=1e-4)
    assert added.keys() == whole.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(added[name], gradient, rtol=1e-3, atol=1e-5 * float(gradient.abs().max() + 1))


class Pixelwise(nn.Module):
    """A network that labels pixels one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Conv2d(3, len(CLASSES), 4, 4)

    def losses(self, pixels: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"pixels": pixel_loss(self.backbone(pixels), labels)}


def test_parts_of_a_pixel_network_count_by_their_labelled_pixels() -> None:
    torch.manual_seed(0)
    network = Pixelwise()
    losses, whole = gradients(network, Memory())
    again, added = gradients(network, Memory(parts=4))
    assert again == pytest.approx(losses)
    torch.testing.assert_close(added, whole)


@pytest.mark.parametrize("backbone", [TINY, {"kind": "lite0"}])
def test_activations_that_are_computed_again_change_nothing(backbone: dict[str, Any]) -> None:
    """Neither the gradients nor the statistics of batch norms that learn."""
    plain, other = (tiny_segclip(backbone=backbone, layers=3, encoder_layers=1) for _ in range(2))
    losses, whole = gradients(plain, Memory(), pretrained=False)
    again, computed = gradients(other, Memory(recompute=True), pretrained=False)
    assert again == losses
    for name, gradient in whole.items():
        torch.testing.assert_close(computed[name], gradient)
    torch.testing.assert_close(other.state_dict(), plain.state_dict())
    assert "forward" not in vars(other.decoder.layers[0])


def test_a_pixel_network_too_can_compute_its_activations_again() -> None:
    torch.manual_seed(0)
    network = UPerNet(UPerNetConfig(TINY, 32), len(CLASSES))
    assert gradients(network, Memory(recompute=True))[0] == gradients(network, Memory())[0]


def held(network: nn.Module, memory: Memory) -> int:
    """Bytes that autograd holds at most for one step, each storage once."""
    holds: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        holds[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network.train()
        torch.manual_seed(0)
        gradients(network, memory)
    return sum(holds.values())


def test_less_is_held_for_the_gradient() -> None:
    network = tiny_segclip(layers=6, encoder_layers=2)
    assert held(network, Memory(recompute=True)) < 0.7 * held(network, Memory())


def test_a_recipe_says_how_a_step_fits_into_memory(tmp_path: Any) -> None:
    path = recipe(tmp_path)
    path.write_text(path.read_text() + "[memory]\nparts = 2\nrecompute = true\n")
    assert read_recipe(path, SegmentRecipe).memory == Memory(2, True)
    assert train_segment(path, "cpu").figures["loss"] > 0


def test_parts_divide_the_crops() -> None:
    with pytest.raises(InputError, match=r"multiple of 3 \(processes: 1, memory.parts: 3\), got 4; give 6"):
        _check_batch(4, 1, 3, "segclip")
    with pytest.raises(InputError, match="two or more"):
        _check_batch(4, 2, 2, "upernet")
