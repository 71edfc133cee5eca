"""How quickly the map answers: the first heat after words were typed, tiles, a lesson, and many clients at once.

python benchmarks/serve.py --seconds 60 --clients 50
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from mapserver import TOKEN, Served, copy_demo, serve

TILES = [(17, x, y) for x in range(67121, 67124) for y in range(43370, 43373)]


def main() -> None:
    """Start a map, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=50)
    options = parser.parse_args()
    from geoglot.index.build.build import add

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = copy_demo(folder)
        add(folder / "archive", [scene])
        with serve([scene, folder / "archive"], folder / "cache") as served:
            state = served.ask("/api/state").json()
            served.run("ask", {"scene": state["scenes"][0]["id"], "question": "Is there a car?"})  # models are loaded
            first_heat(served, state["scenes"][0]["id"])
            lessons(served, state["scenes"][0])
            tiles(served, state["scenes"][0]["id"])
            many(served, state, options.clients, options.seconds)


def first_heat(served: Served, scene: str) -> None:
    """Seconds from a request for words to the first tile that shows them; the vectors of the scene are computed."""
    began = time.perf_counter()
    read = {"resolution": 0.51}  # another than the question's, so that nothing is kept
    job = served.ask("/api/jobs/heat", {"scene": scene, "words": "building, trees", "read": read}).json()
    first = None
    while job["state"] in ("queued", "running"):
        job = served.ask(f"/api/jobs/{job['id']}").json()
        if first is None and job["version"]:
            served.ask(f"/api/jobs/{job['id']}/scores/0/17/67122/43371.png?v={job['version']}")
            first = time.perf_counter() - began
        time.sleep(0.02)
    print(f"first heat after {first:.2f} s, all of it and its objects after {time.perf_counter() - began:.2f} s")


def lessons(served: Served, scene: dict[str, Any]) -> None:
    """Seconds of a lesson of six clicks, and of the next one, in which three clicks are new."""
    west, south, east, north = scene["bounds"]
    rng, clicks = np.random.default_rng(0), list[dict[str, Any]]()
    for number, more in enumerate((6, 3)):
        for index in range(more):
            place = [rng.uniform(west, east), rng.uniform(south, north)]
            kind = "other" if index % 2 else "building"
            shape = {"type": "Point", "coordinates": place}
            clicks.append({"type": "Feature", "properties": {"class": kind}, "geometry": shape})
        body = {"scene": scene["id"], "name": "lesson", "labels": {"type": "FeatureCollection", "features": clicks}}
        began = time.perf_counter()
        job = served.run("teach", body)
        assert job["state"] == "done", job["error"]
        print(f"lesson {number + 1}, {len(clicks)} clicks: {time.perf_counter() - began:.2f} s")


def tiles(served: Served, scene: str) -> None:
    """Milliseconds of picture tiles that were not made before, one after the other."""
    spent = []
    for z in range(15, 21):
        for x, y in {(x * 2**z // 2**17, y * 2**z // 2**17) for _, x, y in TILES}:
            began = time.perf_counter()
            assert served.ask(f"/api/scenes/{scene}/tiles/{z}/{x}/{y}.png").status in (200, 204)
            spent.append((time.perf_counter() - began) * 1000)
    print(f"{len(spent)} picture tiles: median {np.median(spent):.0f} ms, p95 {np.percentile(spent, 95):.0f} ms")


def many(served: Served, state: dict[str, Any], clients: int, seconds: float) -> None:
    """Clients that ask for tiles and searches, each one request after the other."""
    scene, archive = state["scenes"][0]["id"], state["archives"][0]["id"]
    paths = [f"/key/{TOKEN}/api/scenes/{scene}/tiles/{z}/{x}/{y}.png" for z, x, y in TILES]
    spent, wrong, stop = list[float](), list[int](), time.perf_counter() + seconds

    def client(number: int) -> None:
        rng = np.random.default_rng(number)
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)
        while time.perf_counter() < stop:
            began = time.perf_counter()
            if rng.random() < 0.02:
                body = json.dumps({"archive": archive, "text": f"house {rng.integers(10)}"})
                connection.request(
                    "POST", f"/key/{TOKEN}/api/jobs/search?wait=30", body, {"content-type": "application/json"}
                )
            else:
                connection.request("GET", paths[rng.integers(len(paths))])
            answer = connection.getresponse()
            answer.read()
            spent.append((time.perf_counter() - began) * 1000)
            if answer.status not in (200, 202, 204):  # 202: the search still waits for its turn
                wrong.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    p95 = np.percentile(spent, 95)
    print(f"{clients} clients for {seconds:g} s: {len(spent):,} answers, {len(wrong)} wrong {set(wrong)}, "
          f"median {np.median(spent):.0f} ms, p95 {p95:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
