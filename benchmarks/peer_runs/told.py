"""What every tool's run tells: seconds of the work, peak memory of its process, and versions. Needs no geoglot."""

from __future__ import annotations

import json
import resource
import time
from importlib.metadata import version


def tell(began: float, *packages: str) -> None:
    """Print one line of JSON. `began` is `time.perf_counter()` after the imports and the loading of the model."""
    seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(
        json.dumps({"seconds": seconds, "peak_gb": peak, "versions": [f"{each} {version(each)}" for each in packages]})
    )
