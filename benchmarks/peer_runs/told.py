"""What every tool's run tells: seconds of the work, peak memory of its process, and versions. Needs no geoglot."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from figures_of_runs import peak_gb


def tell(began: float, *packages: str) -> None:
    """Print one line of JSON. `began` is `time.perf_counter()` after the imports and the loading of the model."""
    seconds, versions = time.perf_counter() - began, [f"{each} {version(each)}" for each in packages]
    print(json.dumps({"seconds": seconds, "peak_gb": peak_gb(), "versions": versions}))
