"""What is meant, said by files and drawings: an area, a picture to search by, and words that were taught."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image

from geoglot.demo import SCENE
from mapserver import Served


@pytest.fixture(scope="module")
def corner(served: Served, scene: str) -> shapely.Geometry:
    """A ninth of the scene."""
    west, south, east, north = served.ask(f"/api/scenes/{scene}").json()["bounds"]
    return shapely.box(west, south, west + (east - west) / 3, south + (north - south) / 3)


def test_a_file_of_polygons_becomes_an_area(served: Served, corner: shapely.Geometry, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(geometry=[corner], crs=4326).to_crs(3857)
    for name in ("area.gpkg", "area.geojson", "area.fgb"):
        frame.to_file(tmp_path / name)
        answer = served.ask(f"/api/areas?name={name}", (tmp_path / name).read_bytes())
        shape = shapely.from_geojson(answer.body.decode().removeprefix('{"area":').removesuffix("}"))
        assert shapely.symmetric_difference(shape, corner).area < corner.area / 100


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [("a.exe", b"MZ", "an area is read from"), ("a.gpkg", b"SQLite", "a.gpkg"), ("a.geojson", b"{}", "a.geojson"),
     ("p.geojson", b'{"type": "Point", "coordinates": [4, 52]}', "holds no polygon")],
)  # fmt: skip
def test_a_file_of_no_polygons_is_refused_in_words(served: Served, name: str, body: bytes, words: str) -> None:
    answer = served.ask(f"/api/areas?name={name}", body)
    assert answer.status == 400 and words in answer.json()["error"]["message"]
    assert "/" not in answer.json()["error"]["message"].replace("POINT/POLYGON", "")


def test_maps_and_answers_are_of_the_area(served: Served, scene: str, corner: shapely.Geometry) -> None:
    area = shapely.geometry.mapping(corner)
    body: dict[str, Any] = {"scene": scene, "words": "trees, grass"}
    whole, part = (sum(each["area_m2"] for each in served.run("segment", body | {"area": where})["result"]["classes"])
                   for where in (None, area))  # fmt: skip
    assert part == pytest.approx(whole / 9, rel=0.1)
    question = {"scene": scene, "question": "What area is covered by trees?"}
    trees, own = (served.run("ask", question | {"area": where})["result"]["value"] for where in (None, area))
    assert 0 <= own < trees
    question = {"scene": scene, "question": "How much of the scene is covered by trees?"}
    share = served.run("ask", question | {"area": area})["result"]["value"]
    scale = 100 if share > 1 else 1
    assert share / scale == pytest.approx(own / part, abs=0.03)  # of the area, not of the scene


def test_a_search_by_a_picture(served: Served) -> None:
    archive = served.ask("/api/state").json()["archives"][0]["id"]
    with rasterio.open(SCENE) as file:
        stored = file.read([1, 2, 3])[:, :224, :224].transpose(1, 2, 0)
    pixels = (stored / stored.max() * 255).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    picture = served.ask("/api/pictures?name=roofs.png", buffer.getvalue())
    assert picture.status == 201 and picture.json()["name"] == "roofs.png"
    body = {"archive": archive, "image": picture.json()["id"]}
    job = served.run("search", body)
    assert job["state"] == "done", job["error"]
    first = job["result"]["hits"][0]
    again = served.run("search", body | {"unlike": [first["chip"]], "like": [job["result"]["hits"][1]["chip"]]})
    assert again["state"] == "done" and again["result"]["hits"][0]["score"] != first["score"]
    assert served.ask("/api/jobs/search", {"archive": archive, "image": "../job.json"}).status == 404


def test_what_is_no_picture_is_refused(served: Served) -> None:
    for name, status in (("a.txt", 400), ("a.png", 422)):
        answer = served.ask(f"/api/pictures?name={name}", b"no picture")
        assert answer.status == status and "/" not in answer.json()["error"]["message"]


def test_a_class_map_takes_what_every_word_was_taught(served: Served, scene: str) -> None:
    west, south, east, north = served.ask(f"/api/scenes/{scene}").json()["bounds"]
    places = [[west + (east - west) * across, south + (north - south) * 0.4] for across in (0.2, 0.4, 0.6, 0.8)]
    for word in ("trees", "grass"):
        marks = [{"type": "Feature", "properties": {"class": word if i % 2 else "other"},
                  "geometry": {"type": "Point", "coordinates": place}} for i, place in enumerate(places)]  # fmt: skip
        labels = {"type": "FeatureCollection", "features": marks}
        assert served.run("teach", {"scene": scene, "labels": labels, "name": f"my {word}"})["state"] == "done"
    body = {"scene": scene, "words": "trees, grass", "model": "my trees", "also": ["my grass"]}
    job = served.run("segment", body)
    assert job["state"] == "done", job["error"]
    assert job["result"]["model"] == "my trees + my grass"
    twice = served.run("segment", body | {"also": ["my trees"]})
    assert "taught by two models" in twice["error"]["message"]
    assert served.ask("/api/jobs/segment", body | {"also": ["nobody"]}).status == 404
