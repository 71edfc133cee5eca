"""ResNets of torchvision and timm as backbones, against their architecture written out in plain PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import Tensor, nn

from geoglot.cli.main import cli
from geoglot.errors import ConvertError
from geoglot.models.convert.resnet import convert_resnet, from_resnet
from geoglot.models.model_files import HF_WEIGHTS, read_tensors
from geoglot.models.segclip.backbone import build_backbone, start_from


class Block(nn.Module):
    """torchvision's Bottleneck (with its stride in the 3x3 convolution) or BasicBlock, by name and arithmetic."""

    def __init__(self, inputs: int, width: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = width * 4 if bottleneck else width
        sizes = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        sizes = sizes if bottleneck else [(inputs, width, 3, stride), (width, width, 3, 1)]
        self.count = len(sizes)
        for number, (own, other, kernel, step) in enumerate(sizes, 1):
            setattr(self, f"conv{number}", nn.Conv2d(own, other, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{number}", nn.BatchNorm2d(other))
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.count + 1):
            y = self.get_submodule(f"bn{number}")(self.get_submodule(f"conv{number}")(y))
            y = y.relu() if number < self.count else y
        return (y + (self.downsample(x) if hasattr(self, "downsample") else x)).relu()


class Published(nn.Module):
    """A ResNet under torchvision's names, which are timm's too."""

    def __init__(self, stem: int, widths: tuple[int, ...], depths: tuple[int, ...], bottleneck: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False), nn.BatchNorm2d(stem)
        inputs = stem
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
            blocks = nn.Sequential()
            for index in range(depth):
                blocks.append(Block(inputs, width, 2 if stage > 1 and not index else 1, bottleneck))
                inputs = width * 4 if bottleneck else width
            setattr(self, f"layer{stage}", blocks)
        self.fc = nn.Linear(inputs, 10)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        x = nn.functional.max_pool2d(self.bn1(self.conv1(pixels)).relu(), 3, 2, 1)
        features = []
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
            features.append(x)
        return features


def published(bottleneck: bool) -> Published:
    """Random weights and statistics."""
    torch.manual_seed(0)
    network = Published(8, (4, 8, 12, 16), (2, 1, 3, 1), bottleneck).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return network


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("layer1.0.conv2.weight", (4, 1, 3, 3)),  # ResNeXt: groups of channels
        ("layer2.0.bn1.weight", (16,)),  # a wide ResNet
        ("layer3.0.conv3.weight", None),
        ("layer3.1.bn2.running_var", None),
    ],
)
def test_resnets_of_other_shapes_are_refused(tmp_path: Path, name: str, shape: tuple[int, ...] | None) -> None:
    tensors = dict(published(True).state_dict())
    del tensors[name]
    save_file(tensors | ({name: torch.ones(shape)} if shape else {}), tmp_path / "other.safetensors")
    with pytest.raises(ConvertError, match=r"encoder\.stages\.\d\.layers"):
        convert_resnet(tmp_path / "other.safetensors", tmp_path / "resnet")
    assert not (tmp_path / "resnet").exists()


def test_files_without_counters_of_batches_are_read(tmp_path: Path) -> None:
    tensors = {name: each for name, each in published(True).state_dict().items() if "num_batches" not in name}
    save_file(tensors, tmp_path / "older.safetensors")
    assert convert_resnet(tmp_path / "older.safetensors", tmp_path / "resnet") is not None


@pytest.mark.parametrize("bottleneck", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_converted_resnet_gives_the_published_features(tmp_path: Path, bottleneck: bool, prefix: str) -> None:
    theirs, save = published(bottleneck), torch.save if prefix else save_file
    source = tmp_path / f"resnet{'.pth' if prefix else '.safetensors'}"
    save({f"{prefix}{name}": tensor for name, tensor in theirs.state_dict().items()}, source)
    config = convert_resnet(source, tmp_path / "resnet")
    assert config is not None
    assert config["depths"] == [2, 1, 3, 1] and config["embedding_size"] == 8
    sizes = {name: config[name] for name in ("embedding_size", "hidden_sizes", "depths", "layer_type")}
    ours = build_backbone(sizes).eval()
    start_from(ours, read_tensors(tmp_path / "resnet" / HF_WEIGHTS))
    pixels = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(ours(pixels), theirs(pixels), rtol=1e-5, atol=1e-5)


def test_variants_and_other_kinds_are_told_apart(tmp_path: Path) -> None:
    tensors = published(True).state_dict()
    with pytest.raises(ConvertError, match=r"layer1\.0\.se\.fc1\.weight is in no plain ResNet"):
        from_resnet(tensors | {"layer1.0.se.fc1.weight": torch.zeros(1)})
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    assert convert_resnet(tmp_path / "other.pth", tmp_path / "other") is None
    assert not (tmp_path / "other").exists()


def test_the_command_writes_a_folder_for_a_recipe(tmp_path: Path) -> None:
    torch.save(published(False).state_dict(), tmp_path / "resnet18.pth")
    target = tmp_path / "resnet-18"
    ran = CliRunner().invoke(
        cli, ["models", "convert", str(tmp_path / "resnet18.pth"), "--name", "resnet-18", "-o", str(target), "--json"]
    )
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["config"]["layer_type"] == "basic"
    assert json.loads((target / "config.json").read_text())["model_type"] == "resnet"
