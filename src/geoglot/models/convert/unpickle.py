"""Read tensors from pickled checkpoints in a child process, which can run no other code and reach no network.

There are three barriers. torch's weights-only unpickler calls no function that a file names; an unknown name becomes a
stand-in that does nothing, so that configuration objects (omegaconf, Lightning) are skipped, whole modules are read as
their tensors, and nothing is imported. The child has the limits of `bounded`: no sockets, no programs, and little more
time and memory than the size of the file explains. And the parent reads nothing from it but a safetensors file.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from geoglot.bounded import Limits, lacks_memory, run_bounded
from geoglot.errors import ChildError, ConvertError
from geoglot.models.convert.pickled import Foreign, Kept, check_archive, weights_of
from geoglot.models.file_checks import check_is_weights
from geoglot.models.model_files import read_tensors, widen
from geoglot.settings import load_settings

_COPIES = 4  # of the file in memory: read, cloned, and written
_PACE = 20  # MB that the child reads and writes in a second of computing, at the least


def load_checkpoint(path: Path) -> dict[str, Tensor]:
    """Tensors of a checkpoint by name, with floats as float32; pickles are read in the child."""
    if not path.is_file():
        raise ConvertError(f"{path} does not exist; give the checkpoint's file")
    check_is_weights(path)
    with path.open("rb") as file:  # in a safetensors file, JSON follows the length of the header
        if path.suffix == ".safetensors" or file.read(9)[8:] == b"{":
            return read_tensors(path)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "tensors.safetensors"
        _unpickle(path, target)
        return {name: widen(tensor.clone()) for name, tensor in load_file(target).items()}


def _unpickle(path: Path, target: Path) -> None:
    settings, megabytes = load_settings(), path.stat().st_size / 2**20
    limits = Limits(
        seconds=settings.read_seconds + megabytes / _PACE,
        megabytes=settings.read_mb + _COPIES * megabytes,
        advice=" and its size does not explain that; if you trust it, raise GEOGLOT_READ_SECONDS and GEOGLOT_READ_MB",
    )
    try:
        run_bounded(f"{__name__}:write_tensors", str(path.resolve()), str(target), limits=limits)
    except (ChildError, ConvertError) as error:
        raise ConvertError(f"{path} {error}") from None


def write_tensors(source: str, target: str) -> str:
    """The work of the child: write the tensors of a pickle as safetensors. ConvertError continues a sentence."""
    file = Path(source)
    try:
        check_archive(file)
        save_file(weights_of(_load(file), file.stat().st_size), target)
    except Foreign as error:
        raise ConvertError(str(error)) from None
    except MemoryError:
        raise
    except Exception as error:
        if lacks_memory(str(error)):
            raise MemoryError from error
        raise ConvertError(f"cannot be read without running its code: {_sentence(error)}") from None
    return ""


def stand_in(name: str) -> tuple[Callable[..., Any], str]:
    """A stand-in for a global that torch does not know, which is not imported."""
    if name == "collections.defaultdict":  # torch's unpickler fills plain mappings only
        return lambda *_: {}, name
    return type("StandIn", (Kept,), {}), name


def _load(source: Path) -> Any:
    try:
        unknown = torch.serialization.get_unsafe_globals_in_checkpoint(source)
    except ValueError:  # files of torch before 1.6 are not zip archives, and cannot be inspected
        unknown = []
    with torch.serialization.safe_globals([stand_in(name) for name in unknown]):
        return torch.load(source, map_location="cpu", weights_only=True)


def _sentence(error: Exception) -> str:
    """The cause, from torch's page-long explanations and without their advice to trust the file."""
    text = " ".join(str(error).split()).rpartition("Unpickler error: ")[2]
    why = re.split(r"\s*(?:Please |Check the doc|This file can still|\(1\)|This might be)", text)[0]
    if not why or "weights_only" in why or "Weights only" in why:
        return "it was not written by torch.save"
    return why[:300]
