"""Photo services as their documents say they answer, and photos that are here."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from geoglot.errors import InputError, ServiceError, SourceError
from geoglot.sources.areas import boxes_around, is_near
from geoglot.sources.photos.decoding import SHORT_SIDE, shrink
from geoglot.sources.photos.flickr import Flickr, FlickrRecipe
from geoglot.sources.photos.local_photos import LocalPhotos, LocalPhotosRecipe
from geoglot.sources.photos.mapillary import Mapillary, MapillaryRecipe
from geoglot.sources.photos.photo import Photo, Query, licence_name
from geoglot.sources.photos.wikimedia import Wikimedia, WikimediaRecipe
from geoglot.web.client import RequestPolicy, WebClient
from peers.flickr import KEY, Record
from peers.flickr import Flickr as FlickrPeer
from peers.http import Fault, Reply, Request, peer

QUICK = RequestPolicy(per_second=5000.0, retries=3, timeout_s=2.0, wait_s=0.01)
HERE = Query(5.0, 52.0, 2000.0)


@pytest.fixture
def web() -> Iterator[WebClient]:
    one = WebClient({"127.0.0.1"}, QUICK, (KEY,))
    yield one
    one.close()


def jpeg(size: tuple[int, int] = (400, 300), seed: int = 0, **options: object) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(file, "JPEG", **options)  # type: ignore[arg-type]
    return file.getvalue()


def many(count: int, seconds: int, uploads: int = 1) -> list[Record]:
    """Photos at one place, taken so many seconds apart."""
    start = datetime(2015, 1, 1)
    return [
        Record(
            str(n),
            5.0,
            52.0,
            f"{start + timedelta(seconds=seconds * n):%Y-%m-%d %H:%M:%S}",
            uploaded=1_400_000_000 + uploads * n,
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(("count", "seconds", "uploads"), [(3, 60, 1), (700, 60, 1), (9000, 7, 1), (9000, 0, 40)])
def test_flickr_gives_every_photo_once(web: WebClient, count: int, seconds: int, uploads: int) -> None:
    service = FlickrPeer(many(count, seconds, uploads), lambda record: b"")
    with peer(service) as there:
        source = Flickr(FlickrRecipe(url=f"{there.url}/services/rest/"), KEY, web)
        found = [photo.id for photo in source.search(HERE)]
        assert len(found) == len(set(found)) == count
        assert len(there.requests) < 20 + count / 250 * 2 + (60 if count > 4000 else 0)
        assert all(not request.url_query for request in there.requests)


@pytest.mark.parametrize("fault", ["duplicate page", "wrong page"])
def test_pages_that_do_not_hold_together_are_read_again(web: WebClient, fault: str) -> None:
    service = FlickrPeer(many(700, 60), lambda record: b"")
    service.page_faults = [fault]
    with peer(service) as there:
        source = Flickr(FlickrRecipe(url=f"{there.url}/services/rest/"), KEY, web)
        assert len(list(source.search(HERE))) == 700


def test_flickr_is_asked_as_the_recipe_says(web: WebClient) -> None:
    records = [
        Record("1", 5.001, 52.0, "2015-06-01 10:00:00", title="in"), Record("2", 5.2, 52.0, "2015-06-01 10:00:00"),
        Record("3", 5.0, 52.0, "2011-06-01 10:00:00"), Record("4", 5.0, 52.0, "2015-06-01 10:00:00", accuracy=11),
        Record("5", 5.0, 52.0, "2015-12-31 23:59:59"), Record("6", 5.0, 52.0, "2016-01-01 00:00:00"),
    ]  # fmt: skip
    with peer(FlickrPeer(records, lambda record: b"")) as there:
        source = Flickr(FlickrRecipe(url=f"{there.url}/services/rest/"), KEY, web)
        found = {
            photo.id: photo for photo in source.search(Query(5.0, 52.0, 2000.0, date(2013, 1, 1), date(2015, 12, 31)))
        }
    assert set(found) == {"1", "5"}
    one = found["1"]
    assert (one.licence, one.time, one.title, one.author) == ("cc-by", "2015-06-01T10:00:00", "in", "Name of 12345@N00")
    assert one.url.endswith("/pictures/1.jpg") and one.page == "https://www.flickr.com/photos/12345@N00/1"


def test_flickr_says_what_is_wrong(web: WebClient) -> None:
    service = FlickrPeer(many(3, 60), lambda record: b"")
    with peer(service) as there:
        recipe = FlickrRecipe(url=f"{there.url}/services/rest/")
        with pytest.raises(InputError, match="GEOGLOT_FLICKR_KEY"):
            Flickr(recipe, "", web)
        with pytest.raises(InputError, match=r"does not take the key \(100"):
            list(Flickr(recipe, "wrong", web).search(HERE))
        service.error = (105, "Service currently unavailable")
        assert len(list(Flickr(recipe, KEY, web).search(HERE))) == 3  # tried again
        service.error = (3, "Parameterless searches have been disabled")
        with pytest.raises(SourceError, match="refuses the search"):
            list(Flickr(recipe, KEY, web).search(HERE))


@pytest.mark.parametrize("kind", ["truncated body", "wrong bytes", "wrong content type", "empty body", "500"])
def test_a_picture_is_whole_or_asked_for_again(web: WebClient, kind: str) -> None:
    with peer(lambda request: Reply(jpeg(), "image/jpeg")) as there:
        there.order(Fault(kind))
        photo = Photo("flickr", "1", 5.0, 52.0, "", "", "", "", "", "", f"{there.url}/1.jpg")
        assert Flickr(FlickrRecipe(), KEY, web).picture(photo) == jpeg()
        assert len(there.requests) == 2


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(b"gone", "text/plain", 404), "404"),
        (Reply(b"GIF89a not one", "image/gif"), "not a picture"),
        (Reply(jpeg((40, 40)), "image/jpeg"), "too small"),
    ],
)
def test_what_is_no_picture_is_left(web: WebClient, reply: Reply, message: str) -> None:
    with peer(lambda request: reply) as there:
        photo = Photo("flickr", "1", 5.0, 52.0, "", "", "", "", "", "", f"{there.url}/1.jpg")
        with pytest.raises(SourceError, match=message):
            Flickr(FlickrRecipe(), KEY, web).picture(photo)


def test_pictures_are_made_small_upright_and_without_tags() -> None:
    tags = Image.Exif()
    tags[0x0112], tags[0x013B] = 6, "A person"  # turned by a quarter
    small = shrink(jpeg((1000, 600), exif=tags))
    opened = Image.open(io.BytesIO(small))
    assert opened.size == (SHORT_SIDE, round(1000 * SHORT_SIDE / 600)) and not opened.getexif()
    assert Image.open(io.BytesIO(shrink(jpeg((200, 100))))).size == (200, 100)
    with pytest.raises(SourceError, match="one colour"):
        file = io.BytesIO()
        Image.new("RGB", (300, 300), (200, 200, 200)).save(file, "JPEG")
        shrink(file.getvalue())


def test_damaged_files_are_no_pictures_and_stop_nothing(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x0112], tags.get_ifd(0x8825)[1] = 6, "N"
    rng = np.random.default_rng(0)
    files = []
    for kind in ("JPEG", "PNG", "TIFF", "WEBP", "GIF"):
        file = io.BytesIO()
        Image.open(io.BytesIO(jpeg((160, 120)))).save(file, kind, exif=tags)
        files.append(file.getvalue())
    whole = 0
    for number in range(100):
        content = bytearray(files[number % len(files)])
        for at in rng.integers(0, min(len(content), (200, 20_000)[number % 2]), 6):
            content[at] = rng.integers(256)
        try:
            shrink(bytes(content))
            whole += 1
        except (OSError, SourceError):
            pass
        (tmp_path / f"{number}.jpg").write_bytes(content)
    assert 0 < whole < 100
    assert len(list(LocalPhotos(LocalPhotosRecipe(folder=tmp_path)).search(HERE))) == 100


def test_a_picture_that_unfolds_without_measure_is_left() -> None:
    bomb = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(SourceError, match="12000 x 12000 px, which is too large"):
        shrink(bomb.getvalue())


def endless_flickr(request: Request) -> Reply:
    """Always more photos than it shows."""
    if "min_upload_date" in request.query:  # so it is not told by a single second
        return Reply(b'{"stat": "ok", "photos": {"page": 1, "total": "0", "photo": []}}')
    return Reply(b'{"stat": "ok", "photos": {"page": 1, "total": "9999", "photo": []}}')


def endless_wikimedia(request: Request) -> Reply:
    number = int(request.query.get("iistart", 0)) + 1
    return Reply(json.dumps({"query": {"pages": []}, "continue": {"iistart": str(number)}}).encode())


def endless_mapillary(request: Request) -> Reply:
    record = {"id": "1", "geometry": {"coordinates": [5, 52]}}
    return Reply(json.dumps({"data": [record] * 2000}).encode())


SERVICES = {
    "flickr": lambda url, web: Flickr(FlickrRecipe(url=f"{url}/services/rest/"), KEY, web),
    "wikimedia": lambda url, web: Wikimedia(WikimediaRecipe("me@example.org", url=url), web),
    "mapillary": lambda url, web: Mapillary(MapillaryRecipe(url=url), "token", web),
}


@pytest.mark.parametrize(
    ("name", "endless"),
    [("flickr", endless_flickr), ("wikimedia", endless_wikimedia), ("mapillary", endless_mapillary)],
)
def test_a_search_ends_even_if_the_service_does_not(
    web: WebClient, monkeypatch: pytest.MonkeyPatch, name: str, endless: Callable[[Request], Reply]
) -> None:
    monkeypatch.setattr("geoglot.web.client._MOST_REQUESTS", 12)
    with peer(endless) as there:
        with pytest.raises(ServiceError, match="has no end: one search took 12 requests"):
            list(SERVICES[name](there.url, web).search(HERE))
        assert len(there.requests) == 12


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    "text",
    [
        '{"data": [{"id": 1, "geometry": 5}], "query": {"pages": [{"pageid": 1, "imageinfo": [3], "coordinates": 3}]}}',
        '{"data": [7], "query": {"pages": [{"title": "x"}]}, "stat": "ok", "photos": {"page": 1, "photo": 3}}',
        '{"data": [{"geometry": {"coordinates": []}}], "query": 4, "stat": "ok", "photos": []}',
        "[" * 100_000,
        "[]",
    ],
)
def test_answers_of_another_form_are_told_and_end_no_run(web: WebClient, name: str, text: str) -> None:
    with peer(lambda request: Reply(text.encode())) as there, pytest.raises(ServiceError, match="run the same again"):
        list(SERVICES[name](there.url, web).search(HERE))


def test_a_key_that_a_service_says_back_is_in_no_message(web: WebClient) -> None:
    text = json.dumps({"stat": "fail", "code": 100, "message": f"Invalid key {KEY}"})
    with peer(lambda request: Reply(text.encode())) as there, pytest.raises(InputError, match="take the key") as caught:
        list(SERVICES["flickr"](there.url, web).search(HERE))
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in str(error)
        error = None if error.__suppress_context__ else error.__context__


def boxed(points: dict[int, tuple[float, float]], box: tuple[float, ...], most: int) -> list[int]:
    west, south, east, north = box
    return [key for key, (lon, lat) in points.items() if west <= lon <= east and south <= lat <= north][:most]


def spread(count: int) -> dict[int, tuple[float, float]]:
    rng = np.random.default_rng(0)
    return {number: (5 + rng.normal(0, 0.004), 52 + rng.normal(0, 0.003)) for number in range(count)}


def near_ones(points: dict[int, tuple[float, float]]) -> set[str]:
    return {str(number) for number, (lon, lat) in points.items() if is_near(HERE, lon, lat)}


def wikimedia(points: dict[int, tuple[float, float]]) -> Callable[[Request], Reply]:
    """geosearch of 500 at most, and imageinfo of 50 at a time."""

    def reply(request: Request) -> Reply:
        north, west, south, east = map(float, request.query["ggsbbox"].split("|"))
        keys = boxed(points, (west, south, east, north), 500)
        start = int(request.query.get("iistart", 0))
        pages = [{"pageid": key, "ns": 6, "title": f"File:{key}.jpg"} for key in keys]
        for page in pages:
            lon, lat = points[page["pageid"]]  # type: ignore[index]
            page["coordinates"] = [{"lat": lat, "lon": lon}]
        for page in pages[start : start + 50]:
            page["imageinfo"] = [{
                "mime": "image/jpeg", "user": "Someone", "descriptionurl": "https://page",
                "thumburl": "http://127.0.0.1/thumb.jpg",
                "extmetadata": {
                    "Artist": {"value": "<a href=//x>Jane &amp; Joe</a>"},
                    "LicenseShortName": {"value": "CC BY-SA 4.0"},
                    "DateTimeOriginal": {"value": "2016-05-04 10:11:12"},
                },
            }]  # fmt: skip
        document: dict[str, object] = {"query": {"pages": pages}}
        if start + 50 < len(pages):
            document["continue"] = {"iistart": str(start + 50), "continue": "||"}
        return Reply(json.dumps(document).encode())

    return reply


def test_wikimedia_gives_every_photo_once(web: WebClient) -> None:
    points = spread(1300)
    with peer(wikimedia(points)) as there:
        source = Wikimedia(WikimediaRecipe("me@example.org", url=f"{there.url}/w/api.php"), web)
        found = list(source.search(HERE))
    assert len(found) == len({photo.id for photo in found}) and {photo.id for photo in found} == near_ones(points)
    one = found[0]
    assert (one.author, one.licence, one.time) == ("Jane & Joe", "cc-by-sa", "2016-05-04T10:11:12")
    with pytest.raises(InputError, match="contact"):
        Wikimedia(WikimediaRecipe(" "), web)


def test_mapillary_gives_every_picture_once_and_its_token_to_nobody(web: WebClient) -> None:
    points = spread(3000)
    token = "MLY|secret"

    def reply(request: Request) -> Reply:
        if request.path.endswith(".jpg"):
            assert "authorization" not in request.headers
            return Reply(jpeg(), "image/jpeg")
        if request.headers.get("authorization") != f"OAuth {token}":
            return Reply(b'{"error": {"message": "Invalid OAuth"}}', status=401)
        if request.path != "/images":
            return Reply(json.dumps({"thumb_1024_url": f"{there.url}/t.jpg?oh=signed&oe=soon"}).encode())
        west, south, east, north = map(float, request.query["bbox"].split(","))
        assert (east - west) * (north - south) < 0.01
        keys = boxed(points, (west, south, east, north), int(request.query["limit"]))
        data = [
            {
                "id": str(key),
                "geometry": {"coordinates": points[key]},
                "captured_at": 1_500_000_000_000,
                "creator": {"id": "9"},
            }
            for key in keys
        ]
        return Reply(json.dumps({"data": data}).encode())

    with peer(reply) as there:
        source = Mapillary(MapillaryRecipe(url=there.url), token, web)
        found = list(source.search(HERE))
        assert {photo.id for photo in found} == near_ones(points) and len(found) == len(near_ones(points))
        assert source.picture(found[0]) == jpeg()
        assert found[0].time == "2017-07-14T02:40:00" and "signed" not in found[0].url and token not in found[0].url
    with pytest.raises(InputError, match="GEOGLOT_MAPILLARY_TOKEN"):
        Mapillary(MapillaryRecipe(), "", web)


def test_boxes_hold_the_circle_also_across_the_antimeridian() -> None:
    for lon, lat in ((5.0, 52.0), (179.99, 65.0), (-179.99, -16.0), (0.0, 84.0)):
        query, rng = Query(lon, lat, 2000.0), np.random.default_rng(0)
        boxes = boxes_around(query)
        assert all(box.west < box.east for box in boxes)
        for _ in range(500):
            other = (lon + rng.normal(0, 0.1) + 180) % 360 - 180, lat + rng.normal(0, 0.02)
            if is_near(query, *other):
                assert any(box.west <= other[0] <= box.east and box.south <= other[1] <= box.north for box in boxes)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CC BY-SA 4.0", "cc-by-sa"), ("cc-by-nc-nd-2.0", "cc-by-nc-nd"), ("CC0", "cc0"), ("Public domain", "pd"),
        ("CC BY 2.0", "cc-by"), ("GFDL", "gfdl"), ("", ""), ("cc_by", "cc-by"),
    ],
)  # fmt: skip
def test_licences_have_one_name(text: str, name: str) -> None:
    assert licence_name(text) == name


def test_a_folder_of_photos_says_where_they_are(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x013B] = "Jo"
    gps = {1: "S", 2: (33.0, 51.0, 35.9), 3: "E", 4: (151.0, 12.0, 40.0)}
    tags.get_ifd(0x8825).update(gps)
    tags.get_ifd(0x8769)[0x9003] = "2019:03:02 08:09:10"
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one.jpg").write_bytes(jpeg(exif=tags))
    (tmp_path / "two.jpg").write_bytes(jpeg())
    source = LocalPhotos(LocalPhotosRecipe(folder=tmp_path, licence="CC BY 4.0"))
    photo, nowhere = source.search(HERE)
    assert np.isnan([nowhere.lon, nowhere.lat]).all() and nowhere.id == "two.jpg"  # left later, and counted
    assert (photo.lon, photo.lat) == pytest.approx((151.2111111, -33.8599722))
    assert (photo.id, photo.time, photo.author, photo.licence) == ("a/one.jpg", "2019-03-02T08:09:10", "Jo", "cc-by")
    assert source.picture(photo) == (tmp_path / "a/one.jpg").read_bytes()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_photos_says_where_they_are(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame({"path": ["1.jpg", "../x.jpg"], "lon": [5.0, 6.0], "lat": [52.0, 53.0], "user": ["u", None]})
    path = tmp_path / f"photos.{ending}"
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
    (tmp_path / "1.jpg").write_bytes(jpeg())
    source = LocalPhotos(LocalPhotosRecipe(table=path))
    one, outside = source.search(HERE)
    assert (one.user, outside.user, one.lon) == ("u", "", 5.0) and source.picture(one) == jpeg()
    with pytest.raises(SourceError, match="outside"):
        source.picture(outside)


def test_local_photos_that_cannot_be_meant_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder or a table"):
        LocalPhotos(LocalPhotosRecipe())
    with pytest.raises(InputError, match=r"no folder .*none"):
        LocalPhotos(LocalPhotosRecipe(folder=tmp_path / "none"))
    for row, message in (("a.jpg,abc,52,", "photo 2: lon"), ("a.jpg,5,52,30/06/2021", "photo 2: time .*ISO 8601")):
        (tmp_path / "t.csv").write_text(f"path,lon,lat,time\nb.jpg,5,52,2021-06-30\n{row}\n")
        with pytest.raises(InputError, match=message):
            list(LocalPhotos(LocalPhotosRecipe(table=tmp_path / "t.csv")).search(HERE))
    (tmp_path / "t.csv").write_text("lon,lat\n1,2\n")
    with pytest.raises(InputError, match="no column 'path'"):
        list(LocalPhotos(LocalPhotosRecipe(table=tmp_path / "t.csv")).search(HERE))
