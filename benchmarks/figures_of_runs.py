"""What benchmarks that repeat their runs share: time and peak memory of a run, a run in a process of its own, medians
with their spread, and the machine that they ran on.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of computing by all threads of the process."""

    wall: float
    cpu: float


class Watch:
    """What passes until it is read."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self, times: float = 1.0) -> Spent:
        """The seconds since then, times a factor."""
        return Spent((time.perf_counter() - self._wall) * times, (time.process_time() - self._cpu) * times)


def peak_gb() -> float:
    """Peak resident size of this process; `ru_maxrss` would also count the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9  # bytes on macOS


def run_apart(file: str | Path, *arguments: object, python: str = sys.executable) -> dict[str, Any]:
    """The JSON that a script prints last, run in a process of its own. One that fails is an error with its stderr."""
    done = subprocess.run([python, str(file), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def middle(values: Sequence[float], unit: str, digits: int = 2) -> str:
    """The median of runs and its spread, as "1.43 s (1.40 to 1.50)"."""
    least, most = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} {unit} ({least:.{digits}f} to {most:.{digits}f})"


def describe_machine() -> str:
    """The processor, its free cores, the versions that decide speed, and the load at this moment."""
    import torch  # inside, since it is not to count in the memory of a process that has no need of it

    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    threads = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads of torch {torch.__version__}"
    return f"{names[0] if names else platform.processor()}, {threads}, Python {platform.python_version()}{load}"
