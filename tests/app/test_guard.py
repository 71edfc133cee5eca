"""Who may ask the map, and for what."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from geoglot.app.bodies import FindBody, HeatBody, check_no_paths, names_of, parse_body
from geoglot.app.guard import origin_of
from geoglot.app.server import make_api
from geoglot.errors import InputError, SourceError
from mapserver import TOKEN, Served, copy_demo, serve

HOME = Path.home()


def head_of(served: Served, method: str, path: str, headers: dict[str, str] | None = None) -> HTTPResponse:
    """The head of an answer that is not followed elsewhere, to a request whose body is not sent."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        answer.read()
        return answer


def test_without_the_token_nothing_is_answered(served: Served) -> None:
    for path in ("/", "/api/state", "/ogc/", "/stac/", "/samgeo/health", "/api/openapi.json", "/nothing"):
        assert served.ask(path, key="").status == 401, path
        assert served.ask(path, key="wrong").status == 401, path
    assert served.ask("/api/state", key="", headers={"authorization": f"Bearer {TOKEN}"}).status == 200


def test_opening_the_page_gives_a_cookie_and_hides_the_token(served: Served) -> None:
    answer = head_of(served, "GET", f"/?token={TOKEN}")
    cookie = answer.headers["set-cookie"]
    assert (answer.status, answer.headers["location"]) == (303, "./")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert served.ask("/api/state", key="", headers={"cookie": cookie.partition(";")[0]}).status == 200


def test_another_origin_may_change_nothing(served: Served, scene: str) -> None:
    body = {"scene": scene, "words": "building"}
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        assert served.ask("/api/jobs/find", body, headers=headers).status == 403, headers


def test_another_name_of_this_machine_is_refused(served: Served) -> None:
    """A page whose name was bound to 127.0.0.1 (DNS rebinding) has another host."""
    assert served.ask("/api/state", headers={"host": "evil.example"}).status == 403


def test_every_answer_forbids_what_a_page_does_not_need(served: Served) -> None:
    for path in ("/", "/api/state", "/nothing"):
        headers = served.ask(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("option", ["points", "area", "vectors"])
def test_no_body_names_a_file(served: Served, scene: str, option: str) -> None:
    body = {"scene": scene, "words": "building", "options": {option: str(HOME)}}
    answer = served.ask("/api/jobs/find", body)
    assert answer.status == 400
    assert "names a file" in answer.json()["error"]["message"]


@pytest.mark.parametrize("words", ["/etc/passwd.txt", ["classes.json"], {"x.txt": ["a"]}])
def test_words_are_never_a_file(served: Served, scene: str, words: Any) -> None:
    job = served.run("find", {"scene": scene, "words": words})
    assert job["state"] == "failed"
    assert "looks like a file" in job["error"]["message"]


def test_ids_reach_nothing_that_was_not_given(served: Served, scene: str) -> None:
    for path in (
        "/api/scenes/..%2f..%2fetc", "/api/jobs/..%2f..%2f/files/job.json", "/..%2f..%2fserver.py", "/server.py",
        "/assets/..%2f..%2fserver.py", "/api/archives/x/chips/0.png", "/ogc/collections/..%2f/items", "/%2fetc/passwd",
    ):  # fmt: skip
        assert served.ask(path).status == 404, path
    for model in ("../../x", "/etc", "http://evil.example/x", ""):
        assert served.ask("/api/jobs/heat", {"scene": scene, "words": "a", "model": model}).status in (400, 404), model


def test_job_files_are_only_those_that_a_job_made(served: Served, heat: dict[str, Any]) -> None:
    for name in ("job.json", "heat.npy", ".lock", "objects.geojson.bak", "..%2fjob.json"):
        assert served.ask(f"/api/jobs/{heat['id']}/files/{name}").status == 404, name


def test_bodies_are_bounded_and_checked(served: Served, scene: str) -> None:
    assert head_of(served, "POST", f"/key/{TOKEN}/api/jobs/heat", {"content-length": "9000000"}).status == 413
    assert head_of(served, "POST", f"/key/{TOKEN}/api/jobs/heat", {"content-length": "-1"}).status in (400, 413)
    assert served.ask("/api/jobs/heat", b"[" * 100_000).status in (400, 422)
    for body in ({}, [], {"scene": scene}, {"scene": scene, "words": "a", "unknown": 1}, {"scene": 1, "words": "a"},
                 {"scene": scene, "words": "a", "options": {"min_score": 2}}):  # fmt: skip
        assert served.ask("/api/jobs/heat", body).status in (400, 422), body


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
@pytest.mark.parametrize("field", ["area", "places"])
def test_numbers_that_json_lacks_are_refused(served: Served, scene: str, field: str, number: str) -> None:
    body = f'{{"scene": "{scene}", "words": "a", "{field}": {{"type": "Point", "coordinates": [{number}, 1]}}}}'
    answer = served.ask("/api/jobs/find", body.encode())
    assert answer.status == 422
    assert "finite" in answer.json()["error"]["message"]


def test_the_fault_that_is_told_is_of_what_was_meant() -> None:
    with pytest.raises(InputError, match=r"^words: List should have at most 1000 items"):
        parse_body(HeatBody, {"scene": "x", "words": ["a"] * 1001})
    with pytest.raises(InputError, match=r"^words: "):
        parse_body(HeatBody, {"scene": "x", "words": 5})


@pytest.mark.parametrize("words", ["", " , ,", [], [" "], {}])
def test_words_that_name_nothing_are_refused(words: Any) -> None:
    with pytest.raises(InputError, match="at least one thing"):
        names_of(words)


def test_nothing_that_is_told_names_a_place_of_this_machine(tmp_path: Path) -> None:
    lone, folder = copy_demo(tmp_path), tmp_path / "pictures"
    folder.mkdir()
    copy_demo(folder)
    with serve([lone, folder], tmp_path / "cache") as running:
        state = running.ask("/api/state").json()
        lone.unlink()
        shutil.rmtree(folder)
        scene, archive = state["scenes"][0]["id"], state["archives"][0]["id"]
        told = [
            running.ask(f"/api/scenes/{scene}/tiles/17/67122/43371.png"),
            running.ask(f"/api/scenes/{scene}/thumbnail.png"),
            running.ask(f"/api/archives/{archive}/chips/0.png"),
            running.ask("/api/jobs/search?wait=20", {"archive": archive, "text": "houses"}),
        ]
    assert [answer.status for answer in told] == [422, 422, 422, 200]
    assert told[-1].json()["state"] == "failed"
    for answer in told:
        assert str(tmp_path) not in answer.body.decode()


def test_a_client_that_goes_while_it_sends_is_no_fault() -> None:
    app = make_api()

    @app.post("/slow")
    async def slow(request: Request) -> None:
        await request.body()

    async def leave() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pass

    scope = {"type": "http", "method": "POST", "path": "/slow", "query_string": b"", "headers": []}
    asyncio.run(app(scope, leave, send))  # nothing is raised, which a server would log as a fault


def test_wrong_options_are_told_as_the_command_line_does() -> None:
    with pytest.raises(InputError, match="min_area"):
        parse_body(FindBody, {"scene": "x", "words": "a", "options": {"max_area": 1, "min_area": 2}})
    check_no_paths(parse_body(HeatBody, {"scene": "x", "words": "a"}))


def test_links_of_a_folder_do_not_lead_out_of_it(tmp_path: Path) -> None:
    folder, outside = tmp_path / "scenes", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    secret = copy_demo(outside)
    (folder / "link.tif").symlink_to(secret)
    with pytest.raises(SourceError, match="no picture"), serve([folder], tmp_path / "cache"):
        pass


def test_under_a_prefix_links_lead_back(tmp_path: Path) -> None:
    with serve([copy_demo(tmp_path)], tmp_path / "cache", prefix="/user/me/proxy/8765") as running:
        links = running.ask("/ogc/", key="", headers={"authorization": f"Bearer {TOKEN}"}).json()["links"]
        assert all("/user/me/proxy/8765/" in link["href"] for link in links)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/assets/%00", 404), ("/%00", 404), (f"/{'a' * 3000}", 404), ("/assets/../index.html", 404),
     ("/stac/search?intersects=%ff", 400), ("/stac/search?intersects=%5B%22%C3%A4%22", 400)],
)  # fmt: skip
def test_what_no_file_can_be_called_and_no_text_is_are_answered(served: Served, path: str, status: int) -> None:
    assert served.ask(path).status == status


def test_a_base_map_opens_the_policy_for_its_host_alone(tmp_path: Path) -> None:
    with serve(
        [copy_demo(tmp_path)], tmp_path / "cache", basemap="https://tiles.example.org/{z}/{x}/{y}.png"
    ) as served:
        headers = served.ask("/").headers
    policy = headers["content-security-policy"]
    assert policy.count("https://tiles.example.org;") == 2 and "script-src 'self';" in policy
    assert headers["referrer-policy"] == "strict-origin"


@pytest.mark.parametrize("address", ["tiles", "https://a b/{z}/{x}/{y}", "https://a/{z}/{x}", "ftp://a/{z}/{x}/{y}",
                                     "https://a;script-src *//{z}/{x}/{y}", "https://u@a/{z}/{x}/{y}"])  # fmt: skip
def test_what_is_no_address_of_tiles_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="--basemap must be an address"):
        origin_of(address)
