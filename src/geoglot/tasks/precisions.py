"""How fast a model encodes pixels here in each precision, and how near its vectors stay to those of float32."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from geoglot.aliases import PathLike
from geoglot.demo import SCENE
from geoglot.errors import ModelError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.card import Card
from geoglot.models.lowered import EightBitLinear, PackedLinear, computes, has_fast_bfloat16, has_fast_int8
from geoglot.models.zoo import load_word_model, wants_bfloat16
from geoglot.options import ReadOptions
from geoglot.scene.read import open_scene
from geoglot.settings import Precision
from geoglot.tasks.export_tower import CLOSE

_BATCH, _ROUNDS = 4, 5
_ROWS, _WIDTH, _HIDDEN = 788, 768, 3072  # of the largest product of ViT-B/16 for four tiles
_CPU = torch.device("cpu")
Work = Callable[[], object]


@dataclass(frozen=True)
class Measured:
    """A precision on this machine."""

    precision: Precision
    tiles_per_second: float
    gain: float
    """Times as fast as float32: the median over rounds, in each of which all precisions take their turn."""
    share: float
    """Of the rate at which this machine computes one large linear layer in this precision."""
    cosine: float
    """Mean cosine of the vectors of patches with those of float32."""

    @property
    def is_close(self) -> bool:
        """Whether vectors stay what they were, up to 0.99 on average."""
        return self.cosine >= CLOSE


@torch.inference_mode()
def measure_precisions(model: PathLike) -> list[Measured]:
    """Encode patches of the demo's scene on the processor in float32, bfloat16 and int8, as far as it has instructions.

    Takes half a minute for a ViT-B/16. Raises ModelError for a segmenter, and for a model that has float32 alone.
    """
    models = {precision: load_word_model(model, device="cpu", precision=precision) for precision in _fast()}
    exact = models["float32"]
    types = {parameter.dtype for seer in models.values() for parameter in seer.parameters()}
    if types == {torch.float32}:
        raise ModelError(f"{exact.card.name} computes in float32 alone on this processor; there is nothing to choose")
    pixels = demo_tiles(exact.card)
    vectors = {precision: seer.encode_patches(pixels) for precision, seer in models.items()}
    with FlopCounterMode(display=False) as counter:
        exact.encode_patches(pixels)
    encoding = {precision: _encoding(seer, pixels) for precision, seer in models.items()}
    product = {precision: _product(precision) for precision in models}
    rounds = [(_time(encoding), _time(product)) for _ in range(_ROUNDS)]
    work = counter.get_total_flops() / (2 * _ROWS * _WIDTH * _HIDDEN)  # in products
    return [
        Measured(
            precision,
            _BATCH / statistics.median(own[precision] for own, _ in rounds),
            statistics.median(own["float32"] / own[precision] for own, _ in rounds),
            statistics.median(work * bare[precision] / own[precision] for own, bare in rounds),
            float((vectors["float32"] * vectors[precision]).sum(1).mean()),
        )
        for precision in models
    ]


@dataclass(frozen=True)
class Advice:
    """The precision to take."""

    precision: Precision
    said: str
    """In words, with what to do."""


def advise(found: list[Measured]) -> Advice:
    """The fastest precision whose vectors stay close, and how to take it where commands would take another."""
    best = max((each for each in found if each.is_close), key=lambda each: each.gain)
    usual: Precision = "bfloat16" if wants_bfloat16("auto", _CPU) else "float32"
    if best.precision == usual:
        return Advice(usual, f"{usual} is best here, and commands take it by themselves")
    base = next(each.gain for each in found if each.precision == usual)
    said = f"{best.precision} is {best.gain / base:.2f} times as fast as {usual}, which commands take by themselves; "
    return Advice(best.precision, said + f"to take it: export GEOGLOT_PRECISION={best.precision}")


def demo_tiles(card: Card) -> Float[Tensor, "tile band side side"]:
    """Overlapping tiles of the demo's scene at its own resolution; a band beyond RGB is their mean."""
    side = card.tile_size
    with open_scene(SCENE, ReadOptions(), (0.0, float("inf"))) as raster:
        pixels = raster.read(raster.grid.whole).pixels
    bands = np.concatenate([pixels, np.repeat(pixels.mean(0, keepdims=True), card.bands - len(pixels), 0)])
    times = -(-side // min(bands.shape[1:]))
    scene = torch.from_numpy(np.tile(bands, (1, times, times)))
    starts = [round(start) for start in np.linspace(0, min(scene.shape[1:]) - side, _BATCH)]
    return torch.stack([scene[:, start : start + side, start : start + side] for start in starts])


def _time(works: Mapping[Precision, Work]) -> dict[Precision, float]:
    """Seconds of each work, one after the other."""
    seconds: dict[Precision, float] = {}
    for name, work in works.items():
        began = time.perf_counter()
        work()
        seconds[name] = time.perf_counter() - began
    return seconds


def _fast() -> list[Precision]:
    fast: dict[Precision, bool] = {"bfloat16": has_fast_bfloat16(_CPU), "int8": has_fast_int8(_CPU)}
    return ["float32", *(precision for precision, is_fast in fast.items() if is_fast)]


def _encoding(model: VisionLanguageModel, pixels: Tensor) -> Work:
    return lambda: model.encode_patches(pixels)


def _product(precision: Precision) -> Work:
    """One linear layer in a precision."""
    layer: nn.Module = nn.Linear(_WIDTH, _HIDDEN)
    tokens = torch.rand(_ROWS, _WIDTH)
    if precision != "float32" and has_fast_bfloat16(_CPU):
        layer, tokens = layer.bfloat16(), tokens.bfloat16()
    makers: dict[Precision, Callable[[Any], nn.Module]] = {"bfloat16": PackedLinear, "int8": EightBitLinear}
    make = makers.get(precision)
    ready = make(layer) if make and computes(make) else layer
    return lambda: ready(tokens)
