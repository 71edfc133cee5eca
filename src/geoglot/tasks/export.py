"""Write a segmenter as an ONNX graph, for runtimes without PyTorch, and compare the two."""

import copy
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError, MissingExtraError, ModelError
from geoglot.hashing import fingerprint
from geoglot.models.light.light import Light
from geoglot.models.segmenter import MULTIPLE, Segmenter
from geoglot.models.zoo import load_segmenter
from geoglot.outputs.made import Made
from geoglot.silence import ignore_library_warnings
from geoglot.tasks.quantise import Quantised, quantise, read_tiles
from geoglot.version import __version__

OPSET = 20
"""The first opset whose GridSample defines linear interpolation properly; deformable attention needs it."""
TOLERANCE = 1e-3
_tracing = threading.Lock()  # tracing changes the level of a logger, which belongs to the process
_TILES = 2  # tiles in the example: the exporter would make a batch of one tile a constant


@dataclass(frozen=True)
class Exported:
    """A graph in a file."""

    path: Path
    difference: float
    """Largest difference between its scores and PyTorch's; tiles of another size are compared if sizes are free."""
    fixed: bool
    int8: Quantised | None = None
    """What 8 bits cost and gain, if they were asked for."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot export --json`."""
        facts = {"path": str(self.path), "difference": self.difference, "fixed": self.fixed, "opset": OPSET}
        return facts | ({"int8": asdict(self.int8)} if self.int8 else {})


class _Graph(nn.Module):
    """The network with its normalisation, without padding: a graph of free sizes cannot decide on it."""

    mean: Tensor
    std: Tensor

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.network = segmenter.network.fused() if isinstance(segmenter.network, Light) else segmenter.network
        for name, values in zip(("mean", "std"), segmenter.card.statistics, strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1))

    def forward(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile class rows4 cols4"]:
        network: Any = self.network
        scores: Tensor = network.scores((pixels - self.mean) / self.std)
        return scores


def export_model(
    model: Segmenter | PathLike,
    output: PathLike,
    side: int | None = None,
    *,
    fixed: bool = False,
    int8: Sequence[PathLike] = (),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write a segmenter as an ONNX graph from `pixels` (tile, band, rows, cols; 0..1) to `scores` (tile, class,
    rows / 4, cols / 4).

    `side` is the side of a tile in pixels, that of training by default. With `fixed` the graph takes one tile of this
    size; without, any number of tiles whose sides are multiples of 32. Raises ModelError if the graph's scores differ
    from PyTorch's by more than 1e-3.

    With scenes for `int8`, the graph has numbers of 8 bits, which these scenes calibrate and check (`quantise`).
    """
    output = Path(output)
    check_wishes(output, side)
    segmenter = load_segmenter(model, device="cpu") if isinstance(model, PathLike) else model
    side = side or segmenter.card.tile_size
    made = Made("export", output)
    made.check()
    wishes = {"side": side, "fixed": fixed, "int8": list(map(str, int8)), "opset": OPSET}
    made.start(fingerprint(_facts(segmenter) | wishes), overwrite)
    runtime, graph = onnx_runtime(), _Graph(copy.deepcopy(segmenter).cpu()).eval().requires_grad_(False)
    tiles = read_tiles(int8, segmenter.card, side) if int8 else None
    tell: Progress = progress or (lambda what, done, total: None)
    tell("tracing the network, minutes for a large one", 0, 1)
    example = torch.rand(1 if fixed else _TILES, graph.mean.shape[1], side, side)
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    try:
        program = trace(graph, {"pixels": example}, None if fixed else {"pixels": free}, ("scores",))
    except ModelError as error:
        raise ModelError(f"{error}{'' if fixed else '; try one fixed size'}") from error
    if not fixed:
        _refuse_other_sides(program.model)
    program.model.metadata_props.update(_facts(segmenter))
    tell("tracing the network, minutes for a large one", 1, 1)
    with made.writing(output) as temporary:
        program.save(str(temporary))
        bands = segmenter.card.bands
        shape = (1, bands, side, side) if fixed else (3, bands, side + MULTIPLE, max(MULTIPLE, side - MULTIPLE))
        session = runtime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        tell("comparing with PyTorch", 0, 1)
        difference = compare(session, graph, shape)
        tell("comparing with PyTorch", 1, 1)
        if not difference <= TOLERANCE:
            raise ModelError(f"the graph differs from PyTorch by {difference:.1e}, so it was not kept")
        quantised = None if tiles is None else quantise(temporary, temporary, tiles)
    exported = Exported(output, difference, fixed, quantised)
    made.finish(exported.to_json())
    return exported


def check_wishes(output: Path, side: int | None) -> None:
    """InputError for a side or an output that a graph cannot have."""
    if side is not None and side % MULTIPLE:
        below = side - side % MULTIPLE
        near = f"{below} or {below + MULTIPLE}" if below else f"{MULTIPLE}"
        raise InputError(f"the side of a tile must be a multiple of {MULTIPLE}, got {side}; give {near}")
    check_name(output)


def check_name(output: Path) -> None:
    """InputError for an output that no runtime takes for a graph."""
    if output.suffix != ".onnx":
        raise InputError(
            f"the output must end in .onnx, got {output.name!r}; give {output.with_suffix('.onnx').name!r}"
        )


def _refuse_other_sides(model: Any) -> None:
    """Make the runtime refuse sides that are not multiples: the scores would belong to other pixels.

    The pixels are reshaped to the multiples below their sides. That fails if these are others, and copies nothing.
    """
    from onnxscript import ir

    pixels, users = model.graph.inputs[0], tuple(model.graph.inputs[0].uses())
    step = ir.AttrTensor("value", ir.tensor(np.array([1, 1, MULTIPLE, MULTIPLE])))
    sides, steps = ir.Node("", "Shape", [pixels], name="sides"), ir.Node("", "Constant", [], [step], name="multiple")
    count = ir.Node("", "Div", [sides.outputs[0], steps.outputs[0]], name="multiples_in_sides")
    below = ir.Node("", "Mul", [count.outputs[0], steps.outputs[0]], name="multiples_below_sides")
    whole = ir.Node(
        "", "Reshape", [pixels, below.outputs[0]], [ir.AttrInt64("allowzero", 1)],
        name=f"sides_are_multiples_of_{MULTIPLE}",
    )  # fmt: skip
    whole.outputs[0].type, whole.outputs[0].shape = pixels.type, pixels.shape
    for user, index in users:
        user.replace_input_with(index, whole.outputs[0])
    model.graph.insert_before(model.graph[0], [sides, steps, count, below, whole])


def _facts(segmenter: Segmenter) -> dict[str, str]:
    """Metadata that travels inside the graph."""
    card = segmenter.card
    return {
        "classes": json.dumps(list(segmenter.classes)),
        "model": card.name,
        "sha256": card.sha256,
        "resolution_m": json.dumps(list(card.resolution)),
        "side_multiple": str(MULTIPLE),
        "geoglot": __version__,
    }


def onnx_runtime() -> Any:
    """The module onnxruntime; MissingExtraError if it or what writes graphs is not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(str(error.name), "onnx") from error
    return onnxruntime


def trace(
    graph: nn.Module, examples: Mapping[str, Tensor], free: dict[str, Any] | None, outputs: tuple[str, ...]
) -> Any:
    """Trace with PyTorch's exporter, without its warnings about packages that are not installed.

    `examples` are inputs by name, in their order; `free` names the axes that may have other lengths. Raises ModelError
    for a network that cannot be traced.
    """
    log = logging.getLogger("torch.onnx")
    level = log.level
    with _tracing, ignore_library_warnings(modules=".*"):
        log.setLevel(logging.ERROR)
        try:
            program = torch.export.export(graph, tuple(examples.values()), dynamic_shapes=free)
            return torch.onnx.export(
                program, (), dynamo=True, opset_version=OPSET, verbose=False, input_names=list(examples),
                output_names=list(outputs),
            )  # fmt: skip
        except (RuntimeError, torch.onnx.OnnxExporterError) as error:
            first = str(error).splitlines()[0]
            raise ModelError(f"this network cannot be written as a graph ({first})") from error
        finally:
            log.setLevel(level)


@torch.inference_mode()
def compare(session: Any, graph: nn.Module, shape: tuple[int, ...]) -> float:
    """The largest difference between the runtime's scores and PyTorch's on random pixels of a shape."""
    pixels = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    (scores,) = session.run(None, {"pixels": pixels.numpy()})
    return float((torch.from_numpy(scores) - graph(pixels)).abs().max())
