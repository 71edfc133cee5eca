"""Benchmarks that are run where the machine for them is at hand: here in their small form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import gpu
from scale import slopes


def test_the_run_for_a_gpu_runs_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_DEVICE", "cpu")
    command = [sys.executable, gpu.__file__, "--repeats", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["device"].startswith("CPU") and 0 < told["encode"]["share"] < 1
    assert min(told["segment"]["mpx_a_second"], told["segclip"]["seconds"], told["loader_tiles_a_second"]) > 0


def test_slopes_are_exponents() -> None:
    assert slopes([1, 2, 8], [3.0, 6.0, 6.0]) == pytest.approx([1, 0])
