"""geoglot on a GPU, in one run of less than ten minutes: encoding, a map, a training step, and the loader.

    python benchmarks/gpu.py [--repeats 5] [--json]

- ViT-B/16 in bfloat16, random weights: tiles of 224 px a second for several batches, and their share of the rate of one
  large bfloat16 product on the same device. The bar: at least 50 %.
- `segment` by mini over a made-up raster, with its files: million pixels a second, after a small raster.
- A SegCLIP step (ResNet-50, 100 queries, all parts) in bfloat16: seconds, and crops a second.
- GRAFT's loader beside the tower: tiles a second of each.

Where no GPU is, everything runs on the CPU in a small form, which shows that it runs and whose figures mean nothing.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
import torch.nn.functional as F
from align import make_loader
from embed import clip_of
from memory import make_scene
from segclip import our_step
from transformers import CLIPConfig, CLIPModel

from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.zoo import choose_device, load_word_model
from geoglot.tasks.segment.segment import segment

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from tinysegclip import CLASSES, blocks, tiny_config

WORDS = "trees, grass, road, building, water, field, car"
TOKENS = 197  # of a tile of 224 px in patches of 16, with the class token
GOAL = 0.5


@dataclass(frozen=True)
class Sizes:
    """How large the parts are."""

    vision: dict[str, int]
    """Of ViT-B/16, or of a smaller tower."""
    batches: tuple[int, ...]
    product: int
    """Side of the matrices whose product is the device's limit."""
    scene: int
    """Pixels a side."""
    crops: int
    crop: int
    """Pixels a side."""
    steps: int
    """Of the loader."""
    segclip: SegClipConfig

    @property
    def flop_a_tile(self) -> float:
        """Operations of one tile through the tower, 2 per multiply-add."""
        width, hidden = self.vision["hidden_size"], self.vision["intermediate_size"]
        layer = 2 * TOKENS * (4 * width**2 + 2 * width * hidden) + 4 * TOKENS**2 * width
        return layer * self.vision["num_hidden_layers"] + 2 * (TOKENS - 1) * 3 * 16**2 * width


def tower_sizes(width: int, layers: int) -> dict[str, int]:
    """A vision tower with patches of 16 px, 64 numbers a head."""
    heads = width // 64
    return {"patch_size": 16, "hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers,
            "num_attention_heads": heads}  # fmt: skip


def full() -> Sizes:
    """The sizes that are measured."""
    return Sizes(tower_sizes(768, 12), (64, 256, 1024), 8192, 16384, 8, 512, 12, SegClipConfig(CLASSES))


def small() -> Sizes:
    """The form for a CPU."""
    return Sizes(tower_sizes(64, 1), (2,), 256, 256, 1, 64, 1, tiny_config())


def seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The median of runs, after one that is not counted; the device has finished at the end of each."""
    taken = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


@torch.inference_mode()
def encode(sizes: Sizes, device: torch.device, repeats: int) -> dict[str, Any]:
    """Tiles a second of each batch, and the best one's share of the product's rate."""
    side = sizes.product
    factors = [torch.rand(side, side, device=device, dtype=torch.bfloat16) for _ in range(2)]
    limit = 2 * side**3 / seconds(lambda: factors[0] @ factors[1], device, repeats)
    model = clip_of(CLIPModel(CLIPConfig(vision_config=sizes.vision)).eval()).to(device)
    model.use_bfloat16()
    rates = {}
    for batch in sizes.batches:
        pixels = torch.rand(batch, 3, 224, 224, device=device)
        rates[batch] = batch / seconds(lambda pixels=pixels: model.encode_image(pixels), device, repeats)
    best = max(rates.values())
    return {"tflop_a_second": limit / 1e12, "tiles_a_second": rates, "share": best * sizes.flop_a_tile / limit}


def map_words(sizes: Sizes, device: torch.device, repeats: int) -> dict[str, float]:
    """Million pixels a second of `segment`."""
    with tempfile.TemporaryDirectory() as name:
        scene, output = Path(name) / "scene.tif", Path(name) / "map.tif"
        make_scene(scene, sizes.scene)
        model = load_word_model("mini", device=str(device), precision="auto")
        work = lambda: segment(scene, WORDS, output, model=model, overwrite=True)  # noqa: E731
        taken = seconds(work, device, min(repeats, 2))
    return {"side": sizes.scene, "seconds": taken, "mpx_a_second": sizes.scene**2 / taken / 1e6}


def train_segclip(sizes: Sizes, device: torch.device, repeats: int) -> dict[str, float]:
    """Seconds of a SegCLIP step."""
    model = SegClip(sizes.segclip).to(device).train()
    if model.table is not None:
        model.table.vectors.copy_(F.normalize(torch.randn_like(model.table.vectors), dim=1))
    pixels = torch.randn(sizes.crops, 3, sizes.crop, sizes.crop, device=device)
    step = our_step(model, pixels, blocks(sizes.crops, sizes.crop).to(device))

    def work() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            step()

    taken = seconds(work, device, repeats)
    return {"crops": sizes.crops, "side": sizes.crop, "seconds": taken, "crops_a_second": sizes.crops / taken}


def load_pairs(sizes: Sizes) -> float:
    """Tiles a second of GRAFT's loader."""
    with tempfile.TemporaryDirectory() as name:
        loader = make_loader(Path(name) / "pairs", "a" * 64)
        loader.batch(0)
        began = time.perf_counter()
        tiles = sum(len(batch.pixels) for batch in loader.batches(0, sizes.steps))
        return tiles / (time.perf_counter() - began)


def measure(device: torch.device, repeats: int) -> dict[str, Any]:
    """All parts."""
    torch.manual_seed(0)
    sizes = full() if device.type == "cuda" else small()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, small form"
    return {
        "device": name,
        "torch": torch.__version__,
        "encode": encode(sizes, device, repeats),
        "segment": map_words(sizes, device, repeats),
        "segclip": train_segclip(sizes, device, repeats),
        "loader_tiles_a_second": load_pairs(sizes),
    }


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    encoded, mapped, trained = (result[part] for part in ("encode", "segment", "segclip"))
    rates = ", ".join(f"{rate:,.0f} in batches of {batch}" for batch, rate in encoded["tiles_a_second"].items())
    return "\n".join([
        f"{result['device']}, torch {result['torch']}",
        f"ViT-B/16 in bfloat16   {rates} tiles/s",
        f"  of one large product {encoded['share']:.0%} of {encoded['tflop_a_second']:,.1f} TFLOP/s",
        f"segment by mini        {mapped['mpx_a_second']:,.1f} Mpx/s, {mapped['side']:,} px a side "
        f"in {mapped['seconds']:.1f} s",
        f"SegCLIP step           {trained['seconds']:.3f} s, {trained['crops']} crops of {trained['side']} px, "
        f"{trained['crops_a_second']:.1f} crops/s",
        f"GRAFT's loader         {result['loader_tiles_a_second']:,.0f} tiles/s",
    ])  # fmt: skip


@click.command()
@click.option("--repeats", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(repeats: int, as_json: bool) -> None:
    """Print the figures; on a GPU exit 1 if encoding misses the goal."""
    device = choose_device("auto")
    result = measure(device, repeats)
    click.echo(json.dumps(result, indent=2) if as_json else table(result))
    sys.exit(device.type == "cuda" and result["encode"]["share"] < GOAL)


if __name__ == "__main__":
    main()
