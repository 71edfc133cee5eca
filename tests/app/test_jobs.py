"""Jobs go on after the server was killed, and can be cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from mapserver import TOKEN, Served, serve


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene that takes seconds to encode: 2,000 pixels a side of 0.5 m."""
    path = tmp_path_factory.mktemp("large") / "large.tif"
    pixels = np.random.default_rng(0).integers(0, 256, (3, 250, 250), np.uint8).repeat(8, 1).repeat(8, 2)
    profile = {"driver": "GTiff", "width": 2000, "height": 2000, "count": 3, "dtype": "uint8", "crs": 32631}
    place = Affine(0.5, 0, 600_000, 0, -0.5, 5_750_000)
    with rasterio.open(path, "w", **profile, transform=place, tiled=True) as dataset:
        dataset.write(pixels)
    return path


def start(scene: Path, cache: Path, port: int) -> subprocess.Popen[bytes]:
    """The command, as a user starts it."""
    environment = os.environ | {"GEOGLOT_CACHE": str(cache), "GEOGLOT_SERVE_TOKEN": TOKEN}
    code = "from geoglot.cli.main import main; main()"
    command = [sys.executable, "-c", code, "serve", str(scene), "--port", str(port), "--no-browser"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def wait_for(served: Served, path: str, ready: Callable[[dict[str, Any]], object] = bool) -> dict[str, Any]:
    """The document at a path, when it is there and ready."""
    for _ in range(1200):
        try:
            document: dict[str, Any] = served.ask(path).json()
            if ready(document):
                return document
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{path} never came")


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_killed_server_goes_on_with_its_jobs(large: Path, tmp_path: Path) -> None:
    served = Served(port := free_port())
    first = start(large, tmp_path, port)
    [scene] = wait_for(served, "/api/state")["scenes"]
    job = served.ask("/api/jobs/heat", {"scene": scene["id"], "words": "building"}).json()
    windows = wait_for(served, f"/api/jobs/{job['id']}", lambda now: now["version"] > 1)  # a row is finished for sure
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert 0 < windows["done"] < windows["total"]
    second = start(large, tmp_path, port)
    try:
        now = wait_for(served, f"/api/jobs/{job['id']}", lambda now: now["state"] not in ("queued", "running"))
    finally:
        second.terminate()
        second.wait()
    assert now["state"] == "done", now["error"]
    assert any("going on after" in note for note in now["result"]["notes"])


def test_a_job_is_cancelled_and_can_be_begun_again(large: Path, tmp_path: Path) -> None:
    with serve([large], tmp_path) as served:
        scene = served.ask("/api/state").json()["scenes"][0]["id"]
        job = served.ask("/api/jobs/heat", {"scene": scene, "words": "building"}).json()
        wait_for(served, f"/api/jobs/{job['id']}", lambda now: now["done"])
        assert served.ask(f"/api/jobs/{job['id']}", method="DELETE").status == 204
        assert served.ask(f"/api/jobs/{job['id']}").json()["state"] == "cancelled"
        again = served.run("heat", {"scene": scene, "words": "building"})
        assert (again["id"], again["state"]) == (job["id"], "done")
        assert served.ask(f"/api/jobs/{job['id']}", method="DELETE").status == 204
        assert served.ask(f"/api/jobs/{job['id']}").status == 404
