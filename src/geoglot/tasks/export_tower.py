"""Write the image or the text tower of a model that reads words as an ONNX graph, and compare it with PyTorch.

The image tower takes `pixels` (tile, band, side, side; brightness 0..1), and gives `embeddings` (tile, dim) and
`patches` (tile, dim, rows, cols). The text tower takes `tokens` (text, context; padded with 0) and `lengths` (text,),
the number of tokens of each text, and gives `embeddings` (text, dim). The tokens are those of the model's
tokenizer.json.
"""

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.aliases import PathLike
from geoglot.errors import InputError, ModelError
from geoglot.hashing import fingerprint
from geoglot.models.base import VisionLanguageModel
from geoglot.models.clip import Clip
from geoglot.models.mini.mini import Mini
from geoglot.models.zoo import load_word_model
from geoglot.outputs.made import Made
from geoglot.silence import ignore_library_warnings
from geoglot.tables import read_text
from geoglot.tasks.export import OPSET, TOLERANCE, check_name, onnx_runtime, trace
from geoglot.tasks.quantise import read_tiles, write_dynamic, write_static
from geoglot.tasks.tower_graphs import ImageTower, context_of, text_inputs, text_tower
from geoglot.version import __version__

Tower = Literal["image", "text"]
Inputs = Mapping[str, np.ndarray]
CLOSE = 0.99
"""Cosine that a graph of 8 bits should keep with the graph of 32."""
_EXAMPLES = 3  # the exporter would make a batch of one a constant
_TEXTS = ("a river", "houses with red roofs", "water", "a satellite photo of a car park beside a motorway", "trees")


@dataclass(frozen=True)
class EightBits:
    """A graph with numbers of 8 bits beside the graph that it was made of, on inputs that did not calibrate it."""

    method: str
    """static: activations are quantised by the ranges that calibration saw; dynamic: by those of each input."""
    cosine: float
    """Mean cosine of embeddings with those of the graph of 32 bits."""
    least: float
    speedup: float

    @property
    def is_close(self) -> bool:
        """Whether embeddings stay what they were, up to 0.99 on average."""
        return self.cosine >= CLOSE


@dataclass(frozen=True)
class ExportedTower:
    """A tower in a file."""

    path: Path
    tower: Tower
    difference: float
    """Largest difference between its outputs and PyTorch's."""
    int8: EightBits | None = None

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot export --json`."""
        facts = {"path": str(self.path), "tower": self.tower, "difference": self.difference, "opset": OPSET}
        return facts | ({"int8": asdict(self.int8)} if self.int8 else {})


def export_tower(
    model: VisionLanguageModel | PathLike,
    output: PathLike,
    tower: Tower = "image",
    *,
    int8: Sequence[PathLike] = (),
    overwrite: bool = False,
) -> ExportedTower:
    """Write a tower of a CLIP, a GRAFT or mini as an ONNX graph for any number of tiles or texts.

    With `int8` the numbers have 8 bits: scenes calibrate and check an image tower, files with a text a line check a
    text tower. Raises ModelError if the graph differs from PyTorch by more than 1e-3.
    """
    output = Path(output)
    check_name(output)
    seer = model if isinstance(model, VisionLanguageModel) else load_word_model(model, device="cpu")
    if not isinstance(seer, Clip | Mini):
        raise ModelError(f"{seer.card.name} is a {seer.card.family}, whose towers have no graph yet; export its base")
    if any(parameter.dtype != torch.float32 for parameter in seer.parameters()):
        raise ModelError(
            f"{seer.card.name} was loaded in fewer bits, and a graph needs float32; give its name or folder"
        )
    made = Made("export", output)
    made.check()
    wishes = {"tower": tower, "int8": list(map(str, int8)), "opset": OPSET}
    made.start(fingerprint(_facts(seer, tower) | wishes), overwrite)
    runtime, checks = onnx_runtime(), _read_checks(seer, tower, int8)
    graph = (ImageTower(seer) if tower == "image" else text_tower(seer)).eval().requires_grad_(False)
    examples = _random_tiles(seer) if tower == "image" else text_inputs(seer, list(_TEXTS))
    outputs = ("embeddings", "patches") if tower == "image" else ("embeddings",)  # torch names a node "embedding"
    tensors = {name: torch.from_numpy(values) for name, values in examples.items()}
    program = trace(graph, tensors, {name: {0: torch.export.Dim.DYNAMIC} for name in tensors}, outputs)
    program.model.metadata_props.update(_facts(seer, tower))
    with made.writing(output) as temporary:
        program.save(str(temporary))
        session = runtime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        difference = _differ(session, graph, tensors)
        if not difference <= TOLERANCE:
            raise ModelError(f"the graph differs from PyTorch by {difference:.1e}, so it was not kept")
        quantised = None if checks is None else _quantise(temporary, tower, checks)
    exported = ExportedTower(output, tower, difference, quantised)
    made.finish(exported.to_json())
    return exported


def _random_tiles(model: Clip | Mini) -> dict[str, np.ndarray]:
    side = model.card.tile_size
    rng = np.random.default_rng(0)
    return {"pixels": rng.random((_EXAMPLES, model.card.bands, side, side), np.float32)}


def _read_checks(model: Clip | Mini, tower: Tower, sources: Sequence[PathLike]) -> list[Inputs] | None:
    """Inputs, one at a time, from scenes or files of texts; None if there are no sources."""
    if not sources:
        return None
    if tower == "image":
        return [{"pixels": tile[None]} for tile in read_tiles(sources, model.card, model.card.tile_size)]
    texts = [line for source in sources for line in read_text(Path(source)).body.splitlines() if line.strip()]
    if len(texts) < 2:
        raise InputError(f"the files of --int8 must hold two texts or more, a line each, got {len(texts)}")
    return [text_inputs(model, [text]) for text in texts]


@torch.inference_mode()
def _differ(session: Any, graph: nn.Module, inputs: Mapping[str, Tensor]) -> float:
    """The largest difference between the runtime's outputs and PyTorch's."""
    theirs = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    ours = graph(*inputs.values())
    ours = ours if isinstance(ours, tuple) else (ours,)
    return max(float((torch.from_numpy(their) - our).abs().max()) for their, our in zip(theirs, ours, strict=True))


def _quantise(graph: Path, tower: Tower, checks: list[Inputs]) -> EightBits:
    """Replace a graph by one of 8 bits: that of the methods whose embeddings stay nearest."""
    wanted, seconds = _embed(graph, checks[1::2])
    tried = list[tuple[EightBits, bytes]]()
    for method, make in _methods(tower, checks[::2]).items():
        with tempfile.TemporaryDirectory(prefix="geoglot-") as folder, ignore_library_warnings(modules=".*"):
            made = Path(folder) / graph.name
            make(graph, made)
            found, own = _embed(made, checks[1::2])
            cosines = (wanted * found).sum(1)
            told = EightBits(method, float(cosines.mean()), float(cosines.min()), seconds / own)
            tried.append((told, made.read_bytes()))
    best, content = max(tried, key=lambda pair: pair[0].cosine)
    graph.write_bytes(content)
    return best


def _methods(tower: Tower, calibrating: list[Inputs]) -> dict[str, Callable[[Path, Path], None]]:
    dynamic: dict[str, Callable[[Path, Path], None]] = {"dynamic": write_dynamic}
    if tower == "text":
        return dynamic
    tiles = np.concatenate([each["pixels"] for each in calibrating])
    return {"static": lambda graph, made: write_static(graph, made, tiles), **dynamic}


def _embed(graph: Path, inputs: Sequence[Inputs]) -> tuple[Float[np.ndarray, "input dim"], float]:
    """Unit embeddings of inputs, one after the other, and the seconds that they take."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    began = time.monotonic()
    vectors = np.concatenate([session.run(["embeddings"], dict(each))[0] for each in inputs])
    seconds = time.monotonic() - began
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), seconds


def _facts(model: Clip | Mini, tower: Tower) -> dict[str, str]:
    """Metadata that travels inside the graph."""
    card = model.card
    common = {"model": card.name, "sha256": card.sha256, "tower": tower, "geoglot": __version__}
    if tower == "text":
        return common | {"context": str(context_of(model)), "logit_scale": str(card.logit_scale)}
    return common | {"side": str(card.tile_size), "resolution_m": json.dumps(list(card.resolution))}
