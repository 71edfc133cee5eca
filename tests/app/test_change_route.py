"""Two dates of one place through the map: what changed, as polygons, a table and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import rasterio

from geoglot.demo import SCENE
from mapserver import Served


@pytest.fixture(scope="module")
def later(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The scene of the demo with grass where a park of trees was."""
    path = tmp_path_factory.mktemp("later") / "later.tif"
    with rasterio.open(SCENE) as before:
        pixels, profile = before.read(), before.profile
    pixels[:, 150:330, 240:420] = pixels[:, 260:290, 480:510].repeat(6, 1).repeat(6, 2)
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
    answer = served.ask("/api/scenes?name=later.tif", path.read_bytes())
    assert answer.status == 201
    name: str = answer.json()["id"]
    yield name
    served.ask(f"/api/scenes/{name}", method="DELETE")


def test_dates_are_compared_by_words(served: Served, scene: str, later: str) -> None:
    job = served.run("change", {"scenes": [scene, later], "words": "trees, grass"})
    assert job["state"] == "done", job["error"]
    result = job["result"]
    assert len(result["dates"]) == 2
    assert {"trees", "grass"} <= {each["name"] for each in result["classes"]}
    assert all(len(each["area_m2"]) == 2 for each in result["classes"])
    assert str(Path.home()) not in str(result["outputs"])
    for name in result["files"]:
        assert served.ask(f"/api/jobs/{job['id']}/files/{name}").status == 200
    shapes = served.ask(f"/api/jobs/{job['id']}/change.geojson").json()
    assert shapes["type"] == "FeatureCollection"
    items = served.ask(f"/ogc/collections/{job['id']}/items").json()  # as of everything that was found
    assert items["numberMatched"] == len(shapes["features"])


@pytest.mark.parametrize("scenes", [[], ["only-one"], ["unknown", "as-well"]])
def test_what_is_no_pair_of_dates_is_refused(served: Served, scenes: list[str]) -> None:
    assert served.ask("/api/jobs/change", {"scenes": scenes, "words": "trees"}).status in (404, 422)
