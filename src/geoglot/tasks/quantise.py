"""Write an ONNX graph with numbers of 8 bits: static or dynamic, whichever is faster and maps as the graph does."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

from geoglot.aliases import PathLike
from geoglot.errors import InputError, ModelError
from geoglot.models.card import Card
from geoglot.options import ReadOptions
from geoglot.scene.read import open_scene
from geoglot.silence import ignore_library_warnings
from geoglot.sources.raster import Raster

Method = Literal["static", "dynamic"]
Tiles = Float32[np.ndarray, "tile band side side"]
_TILES = 32  # of which every second calibrates, and the others check
_LEAST_SAME = 0.95  # share of the squares of 4 px that must keep their class
_REPEATS = 3  # timings, of which the best counts


@dataclass(frozen=True)
class Quantised:
    """How a graph of 8 bits compares with the graph that it was made of, on tiles that did not calibrate it."""

    method: Method
    """static: activations are quantised by the ranges that calibration saw; dynamic: by those of each tile."""
    same: float
    """Share of the squares of 4 px that keep their class."""
    speedup: float
    """How many times as fast it is here, on one tile after the other."""


def quantise(graph: Path, output: Path, tiles: Tiles) -> Quantised:
    """Write the fastest graph of 8 bits that keeps the class of 95 % of the squares of 4 px.

    Raises ModelError, and writes nothing, if no graph keeps them and is faster: then 8 bits do not pay on this machine.
    """
    calibrating, checking = tiles[::2], tiles[1::2]
    wanted, seconds = _run(graph, checking)
    tried, kept = list[Quantised](), list[tuple[Quantised, bytes]]()
    makers: dict[Method, Callable[[Path, Path, Tiles], None]] = {"static": write_static, "dynamic": write_dynamic}
    for method, make in makers.items():
        with tempfile.TemporaryDirectory(prefix="geoglot-") as folder, ignore_library_warnings(modules=".*"):
            made = Path(folder) / graph.name
            make(graph, made, calibrating)
            classes, own = _run(made, checking)
            tried.append(Quantised(method, float((classes == wanted).mean()), seconds / own))
            if tried[-1].same >= _LEAST_SAME and tried[-1].speedup > 1:
                kept.append((tried[-1], made.read_bytes()))
    if not kept:
        found = "; ".join(f"{each.method}: {each.speedup:.2f} times as fast, {each.same:.1%} same" for each in tried)
        raise ModelError(f"8 bits do not pay for this model on this machine ({found}); export it without --int8")
    best, content = max(kept, key=lambda pair: pair[0].speedup)
    output.write_bytes(content)
    return best


def read_tiles(sources: Sequence[PathLike], card: Card, side: int) -> Tiles:
    """Tiles spread evenly over scenes, as a model of this card sees them; InputError if they show fewer than two."""
    tiles = list[np.ndarray]()
    bands = tuple(range(1, card.bands + 1)) if card.bands > 3 else None
    for source in sources:
        with open_scene(source, ReadOptions(bands=bands), card.resolution) as raster:
            tiles += _spread(raster, side, -(-_TILES // len(sources)))
    if len(tiles) < 2:
        raise InputError(f"calibration needs two tiles of {side} px or more; give larger scenes, or more")
    return np.stack(tiles)


def _spread(raster: Raster, side: int, most: int) -> Iterator[np.ndarray]:
    windows = [window for window in raster.grid.whole.cut(side, side) if window.height == window.width == side]
    for index in np.linspace(0, len(windows) - 1, min(most, len(windows))).astype(int):
        tile = raster.read(windows[index])
        if tile.valid.all():
            yield tile.pixels


def write_static(graph: Path, output: Path, tiles: Tiles) -> None:
    """Quantise with the ranges that activations have on these tiles."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    quantize_static(
        graph, output, _reader(tiles), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=_faster_in_32_bits(graph),
    )  # fmt: skip


def _faster_in_32_bits(graph: Path) -> list[str]:
    """Nodes that 8 bits would slow down: the first convolution has few bands, and enlarging has no kernel for them."""
    import onnx

    nodes = onnx.load(graph).graph.node
    names = {kind: [node.name for node in nodes if node.op_type == kind] for kind in ("Conv", "Resize")}
    return [*names["Conv"][:1], *names["Resize"]]


def write_dynamic(graph: Path, output: Path, tiles: Tiles | None = None) -> None:
    """Quantise weights; the ranges of activations are found anew in every run, so `tiles` are not used."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(graph, output, weight_type=QuantType.QUInt8)


def _reader(tiles: Tiles) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """One tile after the other."""

        def __init__(self) -> None:
            self._tiles = iter(tiles)

        def get_next(self) -> dict[str, np.ndarray] | None:
            tile = next(self._tiles, None)
            return None if tile is None else {"pixels": tile[None]}

    return Reader()


def _run(graph: Path, tiles: Tiles) -> tuple[np.ndarray, float]:
    """The class of each square of 4 px, and the seconds that all tiles take."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    seconds, classes = list[float](), np.empty(0)
    for _ in range(_REPEATS):
        began = time.monotonic()
        scores = [session.run(None, {"pixels": tile[None]})[0] for tile in tiles]
        seconds.append(time.monotonic() - began)
        classes = np.concatenate(scores).argmax(1)
    return classes, min(seconds)
