"""What a model costs: its parameters, its arithmetic, and its speed and memory on this machine."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from geoglot.aliases import PathLike
from geoglot.models.card import WEIGHTS
from geoglot.models.file_checks import read_shapes
from geoglot.models.model_files import HF_WEIGHTS
from geoglot.models.stored import find_model
from geoglot.models.zoo import load_model
from geoglot.scene.dense import Dense, dense_of
from geoglot.tasks.model_speed import measure_speed

_PEAK, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_TOWERS = {"text": "text", "text_model": "text", "text_projection": "text"}


@dataclass(frozen=True)
class Costs:
    """Costs of reading a tile of the size that the model was trained on, measured here."""

    side: int
    """Side of the tile, in pixels."""
    flops: int
    """Multiplications and additions of one tile, two for each pair; those of matrices, convolutions and attention."""
    tiles_per_second: float
    weights: int
    """Bytes of the weights in memory."""
    peak: int | None
    """Bytes beside the weights at the peak of one tile; None where the system does not tell."""


def count_parameters(model: PathLike) -> dict[str, int]:
    """Numbers in the weights of a stored model, of the text tower (`text`) and of all else (`image`).

    A segmenter has `network` alone; a folder without weights has nothing. Only the header of the file is read.
    """
    folder = find_model(model)
    path = folder / (WEIGHTS if (folder / WEIGHTS).is_file() else HF_WEIGHTS)
    counts, shapes = Counter[str](), read_shapes(path) if path.is_file() else {}
    has_texts = any(name.partition(".")[0] in _TOWERS for name in shapes)
    for name, shape in shapes.items():
        part = _TOWERS.get(name.partition(".")[0], "image") if has_texts else "network"
        counts[part] += int(torch.Size(shape).numel())
    return dict(counts)


def measure_costs(model: PathLike, *, device: str | None = None) -> Costs:
    """Read a tile for its memory and its arithmetic, then tiles for a second for the speed."""
    seer = load_model(model, device=device)
    dense, side = dense_of(seer), seer.card.tile_size
    pixels = torch.rand(1, dense.card.bands, side, side).to(next(seer.parameters()).device)
    peak = _measure_peak(dense, pixels)  # first, because an allocator keeps what later passes need
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        dense(pixels)
    held = [*seer.parameters(), *seer.buffers()]
    rate = measure_speed(seer) * 1e6 / side**2
    weights = sum(tensor.numel() * tensor.element_size() for tensor in held)
    return Costs(side, int(counter.get_total_flops()), rate, weights, peak)


@torch.inference_mode()
def _measure_peak(dense: Dense, pixels: torch.Tensor) -> int | None:
    """Bytes that one pass adds to what is in use."""
    if pixels.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(pixels.device)
        before = torch.cuda.memory_allocated(pixels.device)
        dense(pixels)
        return torch.cuda.max_memory_allocated(pixels.device) - before
    try:
        _RESET.write_text("5")  # the peak begins anew (man proc_pid_clear_refs)
        before = _peak()
        dense(pixels)
        return _peak() - before
    except OSError:
        return None


def _peak() -> int:
    """Most bytes that this process had in memory since the last reset."""
    line = next(line for line in _PEAK.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
