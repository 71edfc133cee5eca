"""Speed of a light student against ViT-B/16 that slides over the ground, and of 8 bits against 32 bits, interleaved.

    python benchmarks/students.py [--repeats 3] [--tiles 8] [--json]

A tile is 224 px of ground. ViT-B/16 of CLIP, random weights in float32, sees it in windows of 224 px every 112 px, as
training-free maps do: four windows for each tile of new ground. The student sees each tile once; its weights are
mini's encoder and a random decoder, which cost what trained ones cost. Its ONNX graphs have 32 and 8 bits (static).
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from embed import Way, clip_of, report, time_rounds
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from geoglot.models.card import Card
from geoglot.models.light.light import LightConfig
from geoglot.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, new_segmenter
from geoglot.tasks.export import export_model
from geoglot.tasks.quantise import write_static

WINDOWS = 4  # of a tile, at half a window's step along both axes
BASELINE, FLOAT = "ViT-B/16, 224/112", "light, ONNX, 32 bits"
_CARD = Card(
    name="light", family="light", dim=0, patch_size=4, tile_size=224, resolution=(0.1, 10.0), mean=IMAGENET_MEAN,
    std=IMAGENET_STD, logit_scale=1.0, licence="", source="", config={"classes": tuple("abcdefg")},
)  # fmt: skip


@torch.inference_mode()
def measure(repeats: int, tiles: int) -> dict[str, Any]:
    """Tiles of ground a second of each way, and its ratios: medians over rounds, each taken inside a round."""
    torch.manual_seed(0)
    ground = torch.rand(tiles, 3, 224, 224)
    with tempfile.TemporaryDirectory() as folder:
        ways = build_ways(Path(folder), ground)
        for way in ways.values():
            way(ground)  # a warm-up
        rounds = time_rounds(ways, ground, repeats)
    return {
        name: {
            "tiles_a_second": tiles / statistics.median(each[name] for each in rounds),
            "over_vit": statistics.median(each[BASELINE] / each[name] for each in rounds),
            "over_32_bits": statistics.median(each[FLOAT] / each[name] for each in rounds),
        }
        for name in ways
    }


def build_ways(folder: Path, tiles: Tensor) -> dict[str, Way]:
    """The tower that slides, and the student in PyTorch and in both graphs."""
    tower = clip_of(CLIPModel(CLIPConfig(vision_config={"patch_size": 16})).eval())
    student = new_segmenter(_CARD, LightConfig()).eval()
    plain, small = folder / "plain.onnx", folder / "small.onnx"
    export_model(student, plain)
    write_static(plain, small, tiles.numpy())
    return {
        BASELINE: lambda pixels: [tower.encode_patches(pixels) for _ in range(WINDOWS)],
        "light, PyTorch": student,
        FLOAT: _graph(plain),
        "light, ONNX, 8 bits": _graph(small),
    }


def _graph(path: Path) -> Way:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda pixels: [session.run(None, {"pixels": one[None].numpy()}) for one in pixels]


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    rows = [f"{'':<22}  tiles/s  over ViT  over 32 bits"]
    rows += [
        f"{name:<22}  {row['tiles_a_second']:7.1f}  {row['over_vit']:8.1f}  {row['over_32_bits']:12.2f}"
        for name, row in result.items()
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    report("a light student beside ViT-B/16", {"repeats": 3, "tiles": 8}, measure, table)
