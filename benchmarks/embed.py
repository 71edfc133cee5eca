"""Speed of encoding 224 px tiles: geoglot against common loops, in one interleaved run.

    python benchmarks/embed.py [--json] [--repeats 3] [--batch 16]

ViT-B/16 has random weights, so nothing is downloaded. The plain loops are transformers' CLIPModel in float32, one image
at a time and batched. A ratio is taken inside each round, so that other work on the machine affects both sides.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from tokenizers.models import BPE
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from geoglot.models.base import CLIP_MEAN, CLIP_STD, normalise
from geoglot.models.card import Card
from geoglot.models.clip import Clip
from geoglot.models.zoo import load_word_model

Embed = Callable[[Tensor], Tensor]
Way = Callable[[Tensor], object]

#: Operations of one image through ViT-B/16, 2 per multiply-add: 12 blocks over 197 tokens, and the patch embedding
GFLOP_AN_IMAGE = 35.1
BASELINE, OURS, MINI = "loop, batched, float32", "geoglot, bfloat16", "geoglot mini"


def report(
    what: str, sizes: Mapping[str, int], measure: Callable[..., dict[str, Any]], table: Callable[[dict[str, Any]], str]
) -> None:
    """Measure, and print the table, or with --json one document; `sizes` are the options with their defaults."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--json", action="store_true")
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    given = vars(parser.parse_args())
    as_json = given.pop("json")
    result = measure(**given)
    print(json.dumps(result, indent=2) if as_json else table(result))


@torch.inference_mode()
def measure(repeats: int, batch: int) -> dict[str, Any]:
    """Tiles per second of each way, ratio and cosine to the batched float32 loop, and the machine's limit."""
    torch.manual_seed(0)
    pixels, ways = torch.rand(batch, 3, 224, 224), build_ways()
    vectors = {name: embed(pixels) for name, embed in ways.items()}  # and a warm-up
    rounds = time_rounds(ways, pixels, repeats)
    rows = []
    for name in ways:
        ratios = [seconds[BASELINE] / seconds[name] for seconds in rounds]
        row = {
            "name": name,
            "tiles_a_second": batch / statistics.median(seconds[name] for seconds in rounds),
            "ratio": {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)},
        }
        if name != MINI:  # another model has another space
            cosines = (vectors[name] * vectors[BASELINE]).sum(-1)
            row["cosine"] = {"min": cosines.min().item(), "mean": cosines.mean().item()}
        rows.append(row)
    return {"threads": torch.get_num_threads(), "batch": batch, "ways": rows, "limit": measure_limit()}


def build_ways() -> dict[str, Embed]:
    """The loops of transformers, geoglot with the same weights, and the bundled model."""
    body: Any = CLIPModel(CLIPConfig(vision_config={"patch_size": 16}))
    body.eval()

    def loop(pixels: Tensor) -> Tensor:
        features = body.get_image_features(normalise(pixels, CLIP_MEAN, CLIP_STD)).pooler_output
        return F.normalize(features, dim=-1)

    fast = clip_of(body)
    fast.use_bfloat16()
    return {
        "loop, one image a time, float32": lambda pixels: torch.cat([loop(one[None]) for one in pixels]),
        BASELINE: loop,
        "geoglot, float32": clip_of(body).encode_image,
        OURS: fast.encode_image,
        MINI: load_word_model("mini").encode_image,
    }


def clip_of(body: Any) -> Clip:
    """geoglot's model with copies of the same weights."""
    sizes = {name: getattr(body.config, name).to_dict() for name in ("text_config", "vision_config")}
    config = {**sizes, "projection_dim": body.config.projection_dim, "readout": "plain"}
    card = Card(
        name="random",
        family="clip",
        dim=body.config.projection_dim,
        patch_size=16,
        tile_size=224,
        resolution=(1.0, 1.0),
        mean=CLIP_MEAN,
        std=CLIP_STD,
        logit_scale=100.0,
        licence="CC0-1.0",
        source="random weights",
        config=config,
    )
    model = Clip(card, Tokenizer(BPE()))
    weights = {name: tensor.clone() for name, tensor in body.state_dict().items() if name != "logit_scale"}
    model.load_state_dict(weights, assign=True)
    return model.eval()


def measure_limit() -> dict[str, dict[str, float]]:
    """The most tiles per second in each precision, by the speed of products of ViT-B/16's largest matrices."""
    limit = {}
    for dtype in (torch.float32, torch.bfloat16):
        tokens, weight = torch.rand(16 * 197, 768, dtype=dtype), torch.rand(3072, 768, dtype=dtype)
        product = lambda tokens, weight=weight: F.linear(tokens, weight)  # noqa: E731
        seconds = min(_seconds(product, tokens) for _ in range(10))
        gflops = 2 * 16 * 197 * 768 * 3072 / seconds / 1e9
        limit[str(dtype).removeprefix("torch.")] = {
            "gflop_a_second": gflops,
            "tiles_a_second": gflops / GFLOP_AN_IMAGE,
        }
    return limit


def table(result: dict[str, Any]) -> str:
    """The result as text."""
    lines = [f"{result['batch']} tiles of 224 px, {result['threads']} threads; ratios to {BASELINE}"]
    for way in result["ways"]:
        ratio = way["ratio"]
        line = f"{way['name']:32} {way['tiles_a_second']:7.2f} tiles/s  {ratio['median']:5.2f} x"
        line += f" ({ratio['low']:.2f} to {ratio['high']:.2f})"
        if "cosine" in way:
            line += f"  cosine {way['cosine']['mean']:.5f}, least {way['cosine']['min']:.5f}"
        lines.append(line)
    for dtype, limit in result["limit"].items():
        lines.append(
            f"limit in {dtype}: {limit['gflop_a_second']:.0f} GFLOP/s / {GFLOP_AN_IMAGE} a tile "
            f"= {limit['tiles_a_second']:.1f} tiles/s"
        )
    return "\n".join(lines)


def time_rounds(ways: Mapping[str, Way], tiles: Tensor, repeats: int) -> list[dict[str, float]]:
    """Seconds of each way in each round."""
    return [{name: _seconds(way, tiles) for name, way in ways.items()} for _ in range(repeats)]


def _seconds(way: Way, tiles: Tensor) -> float:
    start = time.perf_counter()
    way(tiles)
    return time.perf_counter() - start


if __name__ == "__main__":
    report("embedding of 224 px tiles", {"repeats": 3, "batch": 16}, measure, table)
