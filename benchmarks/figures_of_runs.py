"""What benchmarks that repeat their runs share: medians with their spread, and the machine that they ran on."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

import torch


def middle(values: Sequence[float], unit: str, digits: int = 2) -> str:
    """The median of runs and its spread, as "1.43 s (1.40 to 1.50)"."""
    least, most = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} {unit} ({least:.{digits}f} to {most:.{digits}f})"


def describe_machine() -> str:
    """The processor, its free cores, the versions that decide speed, and the load at this moment."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    threads = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads of torch {torch.__version__}"
    return f"{names[0] if names else platform.processor()}, {threads}, Python {platform.python_version()}{load}"
