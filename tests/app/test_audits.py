"""An audit through the map: a sample is drawn, decided place by place, and kept when the server is started again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geoglot.app.of_audits import do_audit
from geoglot.errors import InputError
from mapserver import Served, serve
from worlds import crop_demo

MAP = {"words": "trees, grass", "area": None}


@pytest.fixture(scope="module")
def audit(served: Served, scene: str) -> str:
    """The id of an audit of a class map, of 12 places."""
    made = served.run("segment", {"scene": scene, **MAP})
    job = served.run("audit", {"map": made["id"], "options": {"size": 12, "least": 4}})
    assert job["state"] == "done", job["error"]
    assert job["result"]["places"] == 12 and job["result"]["pictures"]
    name: str = job["id"]
    return name


def decide(served: Served, audit: str, place: int, name: str) -> Any:
    return served.ask(f"/api/jobs/{audit}/audit", {"names": {place: name}}, method="PUT")


def test_places_have_pictures_and_lie_on_the_scene(served: Served, scene: str, audit: str) -> None:
    state = served.ask(f"/api/jobs/{audit}/audit").json()
    assert state["names"] == ["other", "trees", "grass"] and [each["id"] for each in state["places"]] == [*range(1, 13)]
    west, south, east, north = served.ask(f"/api/scenes/{scene}").json()["bounds"]
    assert all(west <= each["lon"] <= east and south <= each["lat"] <= north for each in state["places"])
    picture = served.ask(f"/api/jobs/{audit}/audit/places/12.png")
    assert picture.headers["content-type"] == "image/png" and picture.body[:4] == b"\x89PNG"
    assert served.ask(f"/api/jobs/{audit}/audit/places/13.png").status == 404


def test_areas_with_intervals_follow_what_is_decided(served: Served, audit: str) -> None:
    state = decide(served, audit, 1, "trees").json()
    assert state["places"][0]["class"] == "trees" and state["found"] is None
    assert "no place is decided yet in" in state["why"] and "/" not in state["why"].split("decide more")[0]
    for place in range(1, 13):
        state = decide(served, audit, place, "trees" if place % 3 else "grass").json()
    trees = next(each for each in state["found"]["areas"] if each["name"] == "trees")
    assert trees["low"] <= trees["area_m2"] <= trees["high"]
    assert decide(served, audit, 1, "").json()["places"][0]["class"] == ""
    table = served.ask(f"/api/jobs/{audit}/audit/sample.csv")
    assert table.body.startswith(b"id,x,y,chip,class,note")


@pytest.mark.parametrize(("place", "name", "status"), [(1, "castle", 400), (99, "trees", 400), (0, "trees", 422)])
def test_other_decisions_are_refused(served: Served, audit: str, place: int, name: str, status: int) -> None:
    assert decide(served, audit, place, name).status == status


def test_an_audit_of_a_map_that_was_removed_meanwhile_says_so(tmp_path: Path) -> None:
    task = {"body": {"map": "x"}, "folder": str(tmp_path / "audit"), "map": str(tmp_path / "gone")}
    with pytest.raises(InputError, match="was removed"):
        do_audit(task, lambda **_: None)


def test_only_maps_are_audited(served: Served, heat: dict[str, Any], audit: str) -> None:
    for other in (heat["id"], audit):
        assert served.ask("/api/jobs/audit", {"map": other}).status == 400
    assert served.ask("/api/jobs/audit", {"map": "nothing"}).status == 404
    assert served.ask(f"/api/jobs/{heat['id']}/audit").status == 404


def test_decisions_are_there_when_the_server_is_started_again(tmp_path: Path) -> None:
    scene = crop_demo(tmp_path / "scene.tif")
    with serve([scene], tmp_path / "cache") as served:
        name = served.ask("/api/state").json()["scenes"][0]["id"]
        made = served.run("segment", {"scene": name, **MAP})
        job = served.run("audit", {"map": made["id"], "options": {"size": 8, "least": 4}})
        decide(served, job["id"], 2, "grass")
    with serve([scene], tmp_path / "cache") as served:
        assert job["id"] in [each["id"] for each in served.ask("/api/jobs").json()]
        assert served.ask(f"/api/jobs/{job['id']}/audit").json()["places"][1]["class"] == "grass"
