"""Read tensors from pickled checkpoints in a child process, which can run no other code and reach no network.

There are four barriers. torch's weights-only unpickler calls no function that a file names; an unknown name becomes a
stand-in that does nothing, so that configuration objects (omegaconf, Lightning) are skipped, whole modules are read as
their tensors, and nothing is imported. By an audit hook that cannot be removed, the child refuses to open sockets or
start programs; Python enforces this, not the operating system. On Linux, its memory is limited to a few times the size
of the file. And the parent reads nothing from the child but a safetensors file.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from geoglot.errors import ConvertError
from geoglot.models.convert.pickled import Foreign, Kept, check_archive, weights_of
from geoglot.models.file_checks import check_is_weights
from geoglot.models.model_files import read_tensors, widen

_TIMEOUT_S = 600
_FOREIGN = 3  # the child's exit code for a file of another kind
_SPARE = 2**30  # bytes of memory beside copies of the file
_COPIES = 4  # of the file in memory: read, cloned, and written
_FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "os.startfile",
)  # fmt: skip


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
    command = [sys.executable, "-P", "-m", __name__, str(path.resolve()), str(target)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise ConvertError(f"{path} was not read within {_TIMEOUT_S} s; it may be damaged") from None
    if done.returncode or not target.is_file():
        message = (done.stderr.strip().splitlines() or ["it ended without a message"])[-1]
        if done.returncode == _FOREIGN:
            raise ConvertError(f"{path} {message}")
        raise ConvertError(f"{path} cannot be read without running its code: {message}")


def stand_in(name: str) -> tuple[Callable[..., Any], str]:
    """A stand-in for a global that torch does not know, which is not imported."""
    if name == "collections.defaultdict":  # torch's unpickler fills plain mappings only
        return lambda *_: {}, name
    return type("StandIn", (Kept,), {}), name


def _main(source: Path, target: Path) -> None:
    sys.addaudithook(_refuse)
    size = source.stat().st_size
    _bound_memory(_SPARE + _COPIES * size)
    check_archive(source)
    save_file(weights_of(_load(source), size), target)


def _bound_memory(spare: int) -> None:
    """Limit this process to `spare` bytes above its present memory, on Linux."""
    status = Path("/proc/self/status")
    if status.is_file() and (match := re.search(r"VmData:\s+(\d+) kB", status.read_text())):
        import resource

        limit = int(match[1]) * 1024 + spare
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _load(source: Path) -> Any:
    try:
        unknown = torch.serialization.get_unsafe_globals_in_checkpoint(source)
    except ValueError:  # files of torch before 1.6 are not zip archives, and cannot be inspected
        unknown = []
    with torch.serialization.safe_globals([stand_in(name) for name in unknown]):
        return torch.load(source, map_location="cpu", weights_only=True)


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a checkpoint may not do this: {event}")


def _sentence(error: Exception) -> str:
    """The cause, from torch's page-long explanations and without their advice to trust the file."""
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return "it needs more memory than its size explains"
    text = " ".join(str(error).split()).rpartition("Unpickler error: ")[2]
    why = re.split(r"\s*(?:Please |Check the doc|This file can still|\(1\)|This might be)", text)[0]
    if not why or "weights_only" in why or "Weights only" in why:
        return "it was not written by torch.save"
    return why[:300]


if __name__ == "__main__":
    try:
        _main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Foreign as error:
        print(error, file=sys.stderr)  # noqa: T201  the parent reports it
        sys.exit(_FOREIGN)
    except Exception as error:  # noqa: BLE001  the parent reports any error as one sentence
        sys.exit(_sentence(error))
