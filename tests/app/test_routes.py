"""The routes of the map, on the scene of the demo."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geoglot.app.mercator import tile_grid
from geoglot.demo import SCENE
from mapserver import Served

TILE = "17/67122/43371"  # in the middle of the scene
AWAY = "17/0/0"


def test_state_names_scenes_and_archives_without_their_places(served: Served) -> None:
    state = served.ask("/api/state").json()
    [scene], [archive] = state["scenes"], state["archives"]
    assert scene["name"] == "scene.tif"
    assert scene["placed"]
    west, south, east, north = scene["bounds"]
    assert 4.35 < west < east < 4.36
    assert 51.86 < south < north < 51.88
    assert scene["minzoom"] <= 15 <= scene["maxzoom"]
    assert archive["kind"] == "archive"
    assert archive["chips"] == 9
    assert state["models"][0] == "mini"  # other tests teach more
    assert "/map" not in json.dumps(scene)  # the folder in which the test keeps it


def test_a_picture_tile_shows_the_scene_and_nothing_else(served: Served, scene: str) -> None:
    answer = served.ask(f"/api/scenes/{scene}/tiles/{TILE}.png")
    pixels = np.asarray(Image.open(io.BytesIO(answer.body)))
    assert pixels.shape == (256, 256, 4)
    assert pixels[..., 3].any()
    assert pixels[..., :3][pixels[..., 3] > 0].std() > 10
    assert served.ask(f"/api/scenes/{scene}/tiles/{AWAY}.png").status == 204


def test_tiles_that_do_not_exist_are_refused(served: Served, scene: str) -> None:
    for tile in ("3/8/0", "3/0/8", "27/0/0", "3/-1/0", "a/0/0", "3/0/0.5"):
        assert served.ask(f"/api/scenes/{scene}/tiles/{tile}.png").status in (404, 422), tile


def test_heat_tells_what_is_there_and_what_is_not(heat: dict[str, Any]) -> None:
    assert heat["state"] == "done", heat["error"]
    building, trees, elephant = heat["result"]["names"]
    assert building["presence"] > 0.9
    assert trees["presence"] > 0.9
    assert elephant["presence"] < 0.5
    assert heat["result"]["counts"]["elephant"] == 0
    assert any("elephant" in note for note in heat["result"]["notes"])
    assert "no elephant found" in elephant["why"]
    assert not building["why"]
    assert any(note.startswith("scene.tif is not 8 bit") for note in heat["result"]["notes"])  # without its folder
    assert len({name["color"] for name in heat["result"]["names"]}) == 3


def test_areas_by_byte_add_up_to_the_scene(heat: dict[str, Any]) -> None:
    for name in heat["result"]["names"]:
        assert len(name["area_m2"]) == 256
        assert sum(name["area_m2"]) == pytest.approx(90_000, rel=0.01)


def test_score_tiles_hold_bytes_of_scores(served: Served, heat: dict[str, Any]) -> None:
    answer = served.ask(f"/api/jobs/{heat['id']}/scores/0/{TILE}.png?v={heat['version']}")
    picture = Image.open(io.BytesIO(answer.body))
    values = np.asarray(picture)
    assert picture.mode == "L"
    assert values.shape == (256, 256)
    reached = (values >= heat["result"]["names"][0]["default_value"]).mean()
    assert 0.02 < reached < 0.9
    assert not np.asarray(Image.open(io.BytesIO(served.ask(f"/api/jobs/{heat['id']}/scores/0/{AWAY}.png").body))).any()
    assert served.ask(f"/api/jobs/{heat['id']}/scores/{len(heat['result']['names'])}/{TILE}.png").status == 204


def test_the_same_job_is_not_done_twice(served: Served, scene: str, heat: dict[str, Any]) -> None:
    again = served.ask("/api/jobs/heat", {"scene": scene, "words": "building, trees, elephant"})
    assert again.status == 200
    assert again.json()["id"] == heat["id"]
    assert again.json()["created"] == heat["created"]


def test_events_end_with_the_finished_job(served: Served, heat: dict[str, Any]) -> None:
    answer = served.ask(f"/api/jobs/{heat['id']}/events")
    events = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events[-1]["state"] == "done"


def test_objects_follow_a_threshold_that_was_moved(served: Served, scene: str, heat: dict[str, Any]) -> None:
    first = served.ask(f"/api/jobs/{heat['id']}/objects.geojson").json()
    strict = served.run("find", {"scene": scene, "words": ["building"], "options": {"min_score": 0.85}})
    assert strict["state"] == "done", strict["error"]
    fewer = served.ask(f"/api/jobs/{strict['id']}/objects.geojson").json()
    buildings = [each for each in first["features"] if each["properties"]["name"] == "building"]
    assert 0 < len(fewer["features"]) < len(buildings)
    assert strict["result"]["thresholds"]["building"]["how"] == "given"


def test_an_area_restricts_what_is_found(served: Served, scene: str) -> None:
    west, south, east, north = served.ask("/api/state").json()["scenes"][0]["bounds"]
    middle = (west + east) / 2
    area = {
        "type": "Polygon",
        "coordinates": [[[west, south], [middle, south], [middle, north], [west, north], [west, south]]],
    }
    job = served.run("find", {"scene": scene, "words": ["building"], "area": area})
    assert job["state"] == "done", job["error"]
    lons = [each["lon"] for each in job["result"]["objects"]]
    assert lons
    assert max(lons) <= middle + 1e-6


def test_files_can_be_kept(served: Served, heat: dict[str, Any]) -> None:
    magic = {
        "objects.gpkg": b"SQLite",
        "objects.parquet": b"PAR1",
        "objects.geojson": b'{"type',
        "objects.csv": b"id,name",
    }
    assert set(heat["result"]["files"]) == set(magic)
    for name, start in magic.items():
        answer = served.ask(f"/api/jobs/{heat['id']}/files/{name}")
        assert answer.status == 200
        assert answer.body.startswith(start)
        assert f"building-trees-elephant-{name}" in answer.headers["content-disposition"]


def test_a_map_of_classes_has_tiles_and_files(served: Served, scene: str) -> None:
    job = served.run("segment", {"scene": scene, "words": "trees, houses, road"})
    assert job["state"] == "done", job["error"]
    assert {each["name"] for each in job["result"]["classes"]} == {"trees", "houses", "road"}
    tile = served.ask(f"/api/jobs/{job['id']}/map/{TILE}.png")
    pixels = np.asarray(Image.open(io.BytesIO(tile.body)))
    colours = {tuple(bytes.fromhex(each["color"][1:])) for each in job["result"]["classes"]}
    assert colours & {tuple(pixel) for pixel in pixels[pixels[..., 3] > 0][:, :3]}
    assert served.ask(f"/api/jobs/{job['id']}/files/map.tif").body[:2] in (b"II", b"MM")


def test_questions_are_answered_with_evidence(served: Served, scene: str) -> None:
    job = served.run("ask", {"scene": scene, "question": "How many houses are there in the north half?"})
    assert job["state"] == "done", job["error"]
    assert job["result"]["value"] > 0
    assert "find(" in job["result"]["program"]
    evidence = served.ask(f"/api/jobs/{job['id']}/evidence.geojson").json()
    assert len(evidence["features"]) > job["result"]["value"]  # and the region


def test_clicks_teach_a_model_that_finds_from_then_on(served: Served, scene: str) -> None:
    west, south, east, north = served.ask("/api/state").json()["scenes"][0]["bounds"]
    rng = np.random.default_rng(0)
    clicks = [
        {
            "type": "Feature", "properties": {"class": kind},
            "geometry": {"type": "Point", "coordinates": [rng.uniform(west, east), rng.uniform(south, north)]},
        }
        for kind in ("roof", "other") * 3
    ]  # fmt: skip
    labels = {"type": "FeatureCollection", "features": clicks}
    job = served.run("teach", {"scene": scene, "labels": labels, "name": "roofs"})
    assert job["state"] == "done", job["error"]
    assert job["result"]["output"] == "models/roofs"
    assert {each["name"] for each in job["result"]["classes"]} == {"roof", "other"}
    assert "roofs" in served.ask("/api/state").json()["models"]
    found = served.run("heat", {"scene": scene, "words": ["roof"], "model": "roofs"})
    assert found["state"] == "done", found["error"]


def test_a_lesson_that_cannot_be_taught_ends_as_failed_and_says_why(served: Served, scene: str) -> None:
    far = {"type": "Feature", "properties": {"class": "roof"}, "geometry": {"type": "Point", "coordinates": [99, 9]}}
    labels = {"type": "FeatureCollection", "features": [far]}
    job = served.run("teach", {"scene": scene, "labels": labels, "name": "faraway"})
    assert (job["state"], job["result"]) == ("failed", None)
    assert job["error"]["kind"] == "InputError"
    assert "no label" in job["error"]["message"] and "/" not in job["error"]["message"]
    assert "faraway" not in served.ask("/api/state").json()["models"]
    assert served.ask(f"/api/jobs/{job['id']}/objects.geojson").status == 404


def test_search_finds_chips_and_takes_examples(served: Served) -> None:
    archive = served.ask("/api/state").json()["archives"][0]["id"]
    job = served.run("search", {"archive": archive, "text": "houses", "options": {"top": 3}})
    assert job["state"] == "done", job["error"]
    hits = job["result"]["hits"] or job["result"]["nearest"]
    assert len(hits) == 3
    picture = Image.open(io.BytesIO(served.ask(f"/api/archives/{archive}/chips/{hits[0]['chip']}.png").body))
    assert picture.size == (192, 192)
    more = served.run("search", {"archive": archive, "like": [hits[0]["chip"]], "unlike": [hits[-1]["chip"]]})
    assert more["state"] == "done", more["error"]
    assert (more["result"]["hits"] or more["result"]["nearest"])[0]["chip"] == hits[0]["chip"]


def test_a_dropped_file_is_a_scene_until_it_is_forgotten(served: Served, scene: str) -> None:
    tile = served.ask(f"/api/scenes/{scene}/thumbnail.png?side=64").body
    dropped = served.ask("/api/scenes?name=photo%20of%20home.png", tile)
    assert dropped.status == 201
    facts = dropped.json()
    assert (facts["dropped"], facts["placed"], facts["size"]) == (True, False, [64, 64])
    assert facts["name"] == "photo-of-home.png"
    assert served.ask(f"/api/scenes/{facts['id']}", method="DELETE").status == 204
    assert served.ask(f"/api/scenes/{facts['id']}").status == 404
    assert served.ask(f"/api/scenes/{scene}", method="DELETE").status == 400


def test_a_file_that_is_no_picture_is_refused(served: Served) -> None:
    refused = served.ask("/api/scenes?name=x.tif", b"no picture")
    assert refused.status in (400, 422)
    assert refused.json()["error"]["message"].startswith("x.tif ")
    assert served.ask("/api/scenes?name=x.exe", b"no picture").status == 400
    assert served.ask("/api/scenes?name=cut.tif", SCENE.read_bytes()[:5000]).status == 422  # its head is whole
    assert len(served.ask("/api/state").json()["scenes"]) == 1


def test_the_middle_of_a_tile_is_where_its_numbers_say() -> None:
    grid = tile_grid(1, 0, 0)
    lon, lat = grid.to_lonlat(256.0, 256.0)
    assert (float(lon), float(lat)) == pytest.approx((0, 0), abs=1e-9)
