"""Tensors out of pickled checkpoints, in a child process that can run nothing and reach nothing.

Three walls, one behind the other. torch's weights-only unpickler calls no function that a file names: a name
that it does not know becomes an empty stand-in here, so that configuration objects (omegaconf, Lightning) are
stepped over and never imported. The child refuses, by an audit hook that cannot be taken off, to open sockets
or start programs; this is Python's own wall, not the operating system's. And what the parent reads from the
child is a safetensors file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from geoglot.errors import ConvertError
from geoglot.models.store import read_tensors

#: Keys under which training frameworks keep the weights of the model
NESTS = ("state_dict", "model_state_dict", "model")
_TIMEOUT_S = 600
_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.spawn",
    "os.startfile",
)


def load_checkpoint(path: Path) -> dict[str, Tensor]:
    """Float32 tensors of a checkpoint of any kind by name; pickles are opened in the child."""
    if not path.is_file():
        raise ConvertError(f"{path} does not exist; give the checkpoint's file")
    if path.suffix == ".safetensors":
        return read_tensors(path)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "tensors.safetensors"
        command = [sys.executable, "-P", "-m", __name__, str(path.resolve()), str(target)]
        environment = os.environ | {
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise ConvertError(f"{path} was not read within {_TIMEOUT_S} s; it may be damaged") from None
        if done.returncode or not target.is_file():
            lines = done.stderr.strip().splitlines() or ["it ended without a word"]
            raise ConvertError(f"{path} cannot be read without running its code: {lines[-1]}")
        return {name: tensor.clone() for name, tensor in load_file(target).items()}


def stand_in(name: str) -> tuple[Callable[..., Any], str]:
    """What takes the place of a global that torch does not know: an empty object; nothing is imported."""
    if name == "collections.defaultdict":
        return _plain_dict, name
    return type("StandIn", (_Empty,), {}), name


class _Empty:
    """Takes whatever a pickle gives it, and keeps nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def _plain_dict(*_: object) -> dict[Any, Any]:
    """In place of a defaultdict: torch's unpickler fills nothing but plain mappings."""
    return {}


def _main(source: Path, target: Path) -> None:
    sys.addaudithook(_refuse)
    save_file(_weights_of(_load(source)), target)


def _load(source: Path) -> Any:
    try:
        unknown = torch.serialization.get_unsafe_globals_in_checkpoint(source)
    except ValueError:  # files of torch before 1.6 are not zip archives, and cannot be looked into beforehand
        unknown = []
    with torch.serialization.safe_globals([stand_in(name) for name in unknown]):
        return torch.load(source, map_location="cpu", weights_only=True)


def _weights_of(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        raise TypeError(f"a {type(content).__name__} and no mapping of weights is in it")
    for nest in NESTS:
        if isinstance(content.get(nest), Mapping):
            return _weights_of(content[nest])
    # Cloned, because tensors that share memory (tied weights) are not safetensors' to store
    tensors = {str(name): value.detach() for name, value in content.items() if isinstance(value, Tensor)}
    return {name: value.float().clone().contiguous() for name, value in tensors.items()}


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a checkpoint may not do this: {event}")


def _sentence(error: Exception) -> str:
    """The one line of torch's page-long explanations that says what was wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "Unpickler error" in line]
    return (told or lines or [type(error).__name__])[0]


if __name__ == "__main__":
    try:
        _main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception as error:  # noqa: BLE001  whatever it was, the parent passes it on as one sentence
        sys.exit(_sentence(error))
