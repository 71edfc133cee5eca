"""Speed of encoding 224 px tiles: geoglot against common loops, in one interleaved run.

    python benchmarks/embed.py [--json] [--repeats 3] [--batch 16]

ViT-B/16 has random weights, so nothing is downloaded. The plain loops are transformers' CLIPModel in float32, one image
at a time and batched. A ratio is taken inside each round, so that other work on the machine affects both sides. So is
the share of the limit, the rate of the tower's largest product with packed weights. The bar: bfloat16 reaches 80 %.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
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
from geoglot.models.lowered import PackedLinear, has_fast_bfloat16, has_fast_int8
from geoglot.models.zoo import load_word_model

Embed = Callable[[Tensor], Tensor]
Way = Callable[[Tensor], object]

#: Operations of one image through ViT-B/16, 2 per multiply-add: patch embedding, 11 blocks over 197 tokens, and what
#: the class token needs of the last; the loops compute all of it, 35.1
GFLOP_AN_IMAGE = 32.7
BASELINE, OURS, EIGHT, MINI = "loop, batched, float32", "geoglot, bfloat16", "geoglot, int8", "geoglot mini"
LIMIT, GOAL, PRODUCTS = "limit", 0.8, 8


def report(
    what: str, sizes: Mapping[str, int], measure: Callable[..., dict[str, Any]], table: Callable[[dict[str, Any]], str]
) -> dict[str, Any]:
    """Measure, and print the table, or with --json one document; `sizes` are the options with their defaults."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--json", action="store_true")
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    given = vars(parser.parse_args())
    as_json = given.pop("json")
    result = measure(**given)
    print(json.dumps(result, indent=2) if as_json else table(result))
    return result


@torch.inference_mode()
def measure(repeats: int, batch: int) -> dict[str, Any]:
    """Tiles per second of each way, ratio and cosine to the batched float32 loop, and the machine's limit."""
    torch.manual_seed(0)
    pixels, ways = torch.rand(batch, 3, 224, 224), build_ways()
    vectors = {name: embed(pixels) for name, embed in ways.items()}  # and a warm-up
    rounds = time_rounds({**ways, LIMIT: product(batch)}, pixels, repeats)
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
    shares = [_seconds_of_tower(seconds[LIMIT]) / seconds[OURS] for seconds in rounds]
    share = {"median": statistics.median(shares), "low": min(shares), "high": max(shares)}
    return {"threads": torch.get_num_threads(), "batch": batch, "ways": rows, "share_of_limit": share}


def build_ways() -> dict[str, Embed]:
    """The loops of transformers, geoglot with the same weights, and the bundled model."""
    body: Any = CLIPModel(CLIPConfig(vision_config={"patch_size": 16}))
    body.eval()

    def loop(pixels: Tensor) -> Tensor:
        features = body.get_image_features(normalise(pixels, CLIP_MEAN, CLIP_STD)).pooler_output
        return F.normalize(features, dim=-1)

    fast, light = clip_of(body), clip_of(body)
    fast.use_bfloat16()
    eight: dict[str, Embed] = {}
    if has_fast_int8(light.device):
        light.use_int8()
        eight[EIGHT] = light.encode_image
    return {
        "loop, one image a time, float32": lambda pixels: torch.cat([loop(one[None]) for one in pixels]),
        BASELINE: loop,
        "geoglot, float32": clip_of(body).encode_image,
        OURS: fast.encode_image,
        **eight,
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


def product(batch: int) -> Way:
    """The tower's largest product in bfloat16: the hidden layer of a block, once, its weights packed."""
    tokens, linear = torch.rand(batch * 197, 768, dtype=torch.bfloat16), torch.nn.Linear(768, 3072).bfloat16()
    layer = PackedLinear(linear) if has_fast_bfloat16(linear.weight.device) else linear
    return lambda _: [layer(tokens) for _ in range(PRODUCTS)]


def _seconds_of_tower(seconds: float) -> float:
    """The time that a tower would take if all of it ran at the rate of the product."""
    return seconds * GFLOP_AN_IMAGE * 1e9 / (PRODUCTS * 2 * 197 * 768 * 3072)


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
    share = result["share_of_limit"]
    verdict = "holds" if share["median"] >= GOAL else "is missed"
    lines.append(f"{OURS} has {share['median']:.0%} ({share['low']:.0%} to {share['high']:.0%}) of the rate of its "
                 f"largest product; the bar of {GOAL:.0%} {verdict}")  # fmt: skip
    return "\n".join(lines)


def time_rounds(ways: Mapping[str, Way], tiles: Tensor, repeats: int) -> list[dict[str, float]]:
    """Seconds of each way in each round."""
    return [{name: _seconds(way, tiles) for name, way in ways.items()} for _ in range(repeats)]


def _seconds(way: Way, tiles: Tensor) -> float:
    start = time.perf_counter()
    way(tiles)
    return time.perf_counter() - start


if __name__ == "__main__":
    found = report("embedding of 224 px tiles", {"repeats": 3, "batch": 16}, measure, table)
    sys.exit(found["share_of_limit"]["median"] < GOAL)
