"""What other programs read: OGC API Features and Tiles, STAC API, and the routes of samgeo-api."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest

from geoglot.app.select_features import Asked, answer, boxes_touch, parse_box, parse_times
from geoglot.demo import SCENE
from geoglot.errors import InputError
from mapserver import TOKEN, Served
from stac_schemas import complaints, write_schemas


def follow(served: Served, document: Any, rel: str) -> Any:
    """What a link of a document leads to, as a client follows it."""
    [link] = [link for link in document["links"] if link["rel"] == rel]
    path = link["href"].partition(f"/key/{TOKEN}")[2]
    answer = served.ask(path)
    assert answer.status == 200, link
    return answer.json()


def test_features_are_reached_from_the_landing_page(served: Served, heat: dict[str, Any]) -> None:
    landing = served.ask("/ogc/").json()
    assert (
        "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"
        in follow(served, landing, "conformance")["conformsTo"]
    )
    follow(served, landing, "service-desc")
    collections = follow(served, landing, "data")["collections"]
    [mine] = [each for each in collections if each["id"] == heat["id"]]
    items = follow(served, mine, "items")
    assert items["numberMatched"] == sum(heat["result"]["counts"].values())
    first = items["features"][0]
    assert served.ask(f"/ogc/collections/{heat['id']}/items/{first['id']}").json()["properties"] == first["properties"]


def test_pages_hold_every_feature_once(served: Served, heat: dict[str, Any]) -> None:
    document, seen = served.ask(f"/ogc/collections/{heat['id']}/items?limit=7").json(), list[int]()
    while True:
        seen += [each["id"] for each in document["features"]]
        if not any(link["rel"] == "next" for link in document["links"]):
            break
        document = follow(served, document, "next")
    assert len(seen) == len(set(seen)) == document["numberMatched"]


def test_a_box_selects_the_features_that_touch_it(served: Served, heat: dict[str, Any]) -> None:
    west, south, east, north = served.ask("/api/state").json()["scenes"][0]["bounds"]
    every = served.ask(f"/ogc/collections/{heat['id']}/items?limit=10000").json()["features"]
    box = f"{west},{south},{(west + east) / 2},{north}"
    some = served.ask(f"/ogc/collections/{heat['id']}/items?limit=10000&bbox={box}").json()["features"]
    expected = [each for each in every if each["bbox"][0] <= (west + east) / 2]
    assert [each["id"] for each in some] == [each["id"] for each in expected]
    assert 0 < len(some) < len(every)
    assert not served.ask(f"/ogc/collections/{heat['id']}/items?bbox=0,0,1,1").json()["features"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=a", "bbox=1,2,3", "bbox=1,2,3,nan", "bbox=0,5,1,4", "unknown=1", "offset=-1", "datetime=now",
     "datetime=2024-01-02T00:00:00Z/2024-01-01T00:00:00Z"],
)  # fmt: skip
def test_wrong_queries_are_refused_as_the_standard_says(served: Served, heat: dict[str, Any], query: str) -> None:
    assert served.ask(f"/ogc/collections/{heat['id']}/items?{query}").status == 400


_CORNER = [[[0, 0], [10, 0], [10, 1], [1, 1], [1, 10], [0, 10], [0, 0]]]
_ACROSS = [[[[179, 0], [180, 0], [180, 1], [179, 1], [179, 0]]],
           [[[-180, 0], [-179, 0], [-179, 1], [-180, 1], [-180, 0]]]]  # fmt: skip


@pytest.mark.parametrize(
    ("box", "found"),
    [("5,5,6,6", []), ("-1,-1,11,11", ["corner"]), ("0.5,5,6,6", ["corner"]), ("20,0,30,1", []),
     ("179.5,0,-179.5,1", ["across"]), ("-180,0,-179.5,1", ["across"]), ("178,-1,-178,2", ["across"]),
     ("-180,-90,180,90", ["corner", "across"]), ("170,5,20,6", ["corner"])],
)  # fmt: skip
def test_a_box_selects_by_the_ground_of_features_and_not_by_their_boxes(box: str, found: list[str]) -> None:
    shapes = {"corner": ("Polygon", _CORNER), "across": ("MultiPolygon", _ACROSS)}
    features = [
        {"id": name, "properties": {}, "geometry": {"type": kind, "coordinates": corners}}
        for name, (kind, corners) in shapes.items()
    ]
    assert [each["id"] for each in Asked.of(box, None, 10, 0).page(features).features] == found


def test_scenes_and_scores_are_tiles_of_the_grid_of_web_maps(served: Served, scene: str, heat: dict[str, Any]) -> None:
    grid = served.ask("/ogc/tileMatrixSets/WebMercatorQuad").json()
    assert grid["tileMatrices"][0]["scaleDenominator"] == pytest.approx(559082264.0287178)
    for name in (scene, f"{heat['id']}-0"):
        sets = served.ask(f"/ogc/collections/{name}/map/tiles").json()["tilesets"]
        [template] = [link["href"] for link in sets[0]["links"] if link.get("templated")]
        path = template.partition(f"/key/{TOKEN}")[2]
        path = path.replace("{tileMatrix}", "17").replace("{tileRow}", "43371").replace("{tileCol}", "67122")
        assert served.ask(path).body.startswith(b"\x89PNG")


def test_gdal_reads_the_features(served: Served, heat: dict[str, Any]) -> None:
    import pyogrio

    if "OAPIF" not in pyogrio.list_drivers():
        pytest.skip("this GDAL has no OAPIF driver")
    address = f"OAPIF:http://127.0.0.1:{served.port}/key/{TOKEN}/ogc/"
    read = f"pyogrio.read_dataframe({address!r}, layer={heat['id']!r})"
    code = f"import pyogrio; print({read}['name'].value_counts().to_dict())"
    command = [sys.executable, "-c", code]  # the server is a thread here, which GDAL would stop
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    counts = heat["result"]["counts"]
    assert eval(done.stdout) == {name: counts[name] for name in ("building", "trees")}


def test_pystac_client_reads_archives(served: Served) -> None:
    from pystac_client import Client

    client = Client.open(f"http://127.0.0.1:{served.port}/key/{TOKEN}/stac/")
    [collection] = client.get_collections()
    items = list(client.search(collections=[collection.id], bbox=[4, 51, 5, 52]).items())
    assert items
    assert items[0].assets["data"].href.endswith("scene.tif")
    assert not list(client.search(bbox=[0, 0, 1, 1]).items())
    west, south, east, north = items[0].bbox or [0.0] * 4
    shape = {"type": "Point", "coordinates": [(west + east) / 2, (south + north) / 2]}
    assert len(list(client.search(intersects=shape).items())) == len(items)


def form(fields: dict[str, str], file: Path) -> tuple[bytes, dict[str, str]]:
    """A form with a file, as programs send it."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
    parts.append(f"{head}Content-Type: image/tiff\r\n\r\n".encode() + file.read_bytes() + b"\r\n")
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), {
        "content-type": f"multipart/form-data; boundary={boundary}"
    }


def test_samgeos_clients_get_polygons_for_words(served: Served) -> None:
    """The form that GeoLibre sends: a file, a prompt, and fields that mean nothing here."""
    assert served.ask("/samgeo/health").json()["status"] == "ok"
    assert "sam3" in served.ask("/samgeo/models").json()["models"]
    body, headers = form(
        {"prompt": "building", "model_version": "sam3", "output_format": "geojson", "confidence_threshold": "0.5",
         "backend": "meta", "min_size": "0"}, SCENE,
    )  # fmt: skip
    answer = served.ask("/samgeo/segment/text", body, headers=headers)
    assert answer.status == 200, answer.body
    found = answer.json()
    assert found["type"] == "FeatureCollection"
    assert len(found["features"]) > 20
    assert all(
        each["geometry"]["type"] == "Polygon" and 0 <= each["properties"]["score"] <= 1 for each in found["features"]
    )
    assert 4.35 < found["features"][0]["geometry"]["coordinates"][0][0][0] < 4.36
    assert len(served.ask("/api/state").json()["scenes"]) == 1  # what they sent is not kept


def test_samgeos_clients_are_told_what_is_not_there(served: Served) -> None:
    body, headers = form({"prompt": "elephant"}, SCENE)
    assert served.ask("/samgeo/segment/text", body, headers=headers).status == 404
    body, headers = form({"prompt": "building", "output_format": "png"}, SCENE)
    assert served.ask("/samgeo/segment/text", body, headers=headers).status == 400
    assert served.ask("/samgeo/segment/automatic", b"", method="POST").status == 501


def test_samgeos_boxes_outline_things(served: Served) -> None:
    west, south, east, north = served.ask("/api/state").json()["scenes"][0]["bounds"]
    lon, lat = (west + east) / 2, (south + north) / 2
    fields = {"boxes": json.dumps([[lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4]]), "point_crs": "EPSG:4326"}
    body, headers = form(fields, SCENE)
    answer = served.ask("/samgeo/segment/predict", body, headers=headers)
    assert answer.status == 200, answer.body
    assert answer.json()["features"]


@pytest.mark.parametrize("boxes", ["[[NaN, 1, 2, 3]]", "[[1e999, 1, 2, 3]]", "[[1, 2, 3]]", "5", "["])
def test_samgeos_boxes_that_are_none_are_refused(served: Served, boxes: str) -> None:
    body, headers = form({"boxes": boxes, "point_crs": "EPSG:4326"}, SCENE)
    answer = served.ask("/samgeo/segment/predict", body, headers=headers)
    assert answer.status == 400, answer.body
    assert "finite" in answer.json()["error"]["message"]


def test_samgeos_clients_are_told_of_a_failure_and_leave_no_job(served: Served) -> None:
    before = served.ask("/api/jobs").json()
    body, headers = form({"prompt": " "}, SCENE)
    answer = served.ask("/samgeo/segment/text", body, headers=headers)
    assert answer.status == 400, answer.body
    assert served.ask("/api/jobs").json() == before


def test_the_address_of_the_next_page_asks_the_same() -> None:
    """Its time has a plus, which an address has to escape."""
    moment, features = "2020-01-01T00:00:00+02:00/..", [{"properties": {}, "geometry": None}] * 2
    links = answer(Asked.of(None, moment, 1, 0), features, "items", [])["links"]
    asked = {"datetime": [moment], "limit": ["1"], "offset": ["1"]}
    assert parse_qs(urlsplit(links[-1]["href"]).query) == asked
    more = answer(Asked.of(None, moment, 1, 0), features, "items", [], given={"ids": ["a"]}, post=True)["links"]
    assert more[-1]["body"] == {"datetime": moment, "limit": 1, "offset": 1, "ids": ["a"]}


def test_more_than_a_page_is_asked_for_gives_a_page(served: Served) -> None:
    """As the standard says of both doors: a limit that is too high is no error."""
    for status in (
        served.ask("/stac/search?limit=20000").status, served.ask("/stac/search", {"limit": 20000}).status,
    ):  # fmt: skip
        assert status == 200


def test_boxes_meet_across_the_antimeridian() -> None:
    across, beside = (170.0, -10.0, -170.0, 10.0), (-175.0, 0.0, -172.0, 5.0)
    assert boxes_touch(across, beside)
    assert boxes_touch(beside, across)
    assert not boxes_touch(across, (0.0, 0.0, 1.0, 1.0))
    assert parse_box("1,2,0,3,4,9") == (1, 2, 3, 4)


def test_intervals_may_be_open() -> None:
    first, last = parse_times("2024-01-01T00:00:00Z/..") or (None, None)
    assert first and last and first.year == 2024 and last.year == 9999
    assert parse_times("1985-04-12t23:20:50.520z/..") and parse_times("1985-04-12T23:20:50.5+01:00")
    for wrong in ("../..", "2024-01-01", "2024-01-01T00:00:00", "a/b/c", "1937-01-01T12:00:27.87+0100",
                  "1985-04-12T23:20:50.Z", "1985-04-12T23:20:50,5Z", "1985-04-12 23:20:50Z"):  # fmt: skip
        with pytest.raises(InputError):
            parse_times(wrong)
    item = {"bbox": [0, 0, 1, 1], "geometry": None, "properties": {"datetime": "2024-05-01T00:00:00Z"}}
    assert Asked.of(None, "2024-01-01T00:00:00Z/2024-06-01T00:00:00Z", 10, 0).page([item]).matched == 1
    assert Asked.of(None, "2025-01-01T00:00:00Z/..", 10, 0).page([item]).matched == 0


@pytest.mark.parametrize("path", ["/stac/search", "/stac/collections/{archive}/items"])
def test_features_name_their_type_once(served: Served, path: str) -> None:
    archive = served.ask("/api/state").json()["archives"][0]["id"]
    with urlopen(f"http://127.0.0.1:{served.port}/key/{TOKEN}{path.format(archive=archive)}") as answer:
        assert answer.headers.get_all("content-type") == ["application/geo+json"]


def test_a_box_in_a_document_is_a_list(served: Served) -> None:
    assert served.ask("/stac/search", {"bbox": [-180, -90, 180, 90]}).status == 200
    assert served.ask("/stac/search", {"bbox": "-180,-90,180,90"}).status == 400


def test_stac_validator_passes_what_is_served(served: Served, tmp_path: Path) -> None:
    schemas, root = write_schemas(tmp_path / "schemas"), served.ask("/stac/").json()
    [collection] = served.ask("/stac/collections").json()["collections"]
    items = follow(served, collection, "items")["features"]
    assert items
    for number, document in enumerate([root, collection, *items]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(document))
        assert not complaints(path, schemas), complaints(path, schemas)


def test_sizes_of_a_picture_without_a_crs_are_refused_and_not_passed_over(served: Served, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64)).save(tmp_path / "plain.png")
    body, headers = form({"prompt": "house", "min_size": "10"}, tmp_path / "plain.png")
    answer = served.ask("/samgeo/segment/text", body, headers=headers)
    assert answer.status == 400
    assert "CRS" in answer.json()["error"]["message"]
    assert "plain.png" not in [scene["name"] for scene in served.ask("/api/state").json()["scenes"]]
