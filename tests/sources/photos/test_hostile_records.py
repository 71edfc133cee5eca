"""Records of photo services with anything in any field: a record that cannot be read is left out, and no other."""

from __future__ import annotations

import copy
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from geoglot.errors import ServiceError, SourceError
from geoglot.pairs.collect.photos import read_photos
from geoglot.sources.photos.decoding import decode_rgb, shrink
from geoglot.sources.photos.flickr import Flickr, FlickrRecipe
from geoglot.sources.photos.local_photos import LocalPhotos, LocalPhotosRecipe
from geoglot.sources.photos.mapillary import Mapillary, MapillaryRecipe
from geoglot.sources.photos.photo import Photo, PhotoService, Query
from geoglot.sources.photos.wikimedia import Wikimedia, WikimediaRecipe
from geoglot.web.client import RequestPolicy, WebClient

QUICK = RequestPolicy(per_second=1e6, retries=0, wait_s=0.001)
HERE = Query(9.0, 48.0, 2000.0)
DEEP = json.loads("[" * 700 + "]" * 700)
VALUES = (
    None, True, -1, 1e300, float("nan"), float("inf"), 10**30, "x", "a\0b", "\x1b[2J", "\ud800", "é" * 5000, [], {},
    [None], "9" * 5000, "../../x", "1e400", "9999-99-99", DEEP,
)  # fmt: skip


def flickr(number: int) -> dict[str, Any]:
    return {
        "id": str(number), "owner": "o", "title": "t", "license": "4", "ownername": "n", "accuracy": "16",
        "datetaken": "2015-01-01 12:00:00", "latitude": f"48.00{number}", "longitude": "9.001",
        "url_z": "http://h.test/1.jpg", "height_z": 300, "width_z": 300,
    }  # fmt: skip


def wikimedia(number: int) -> dict[str, Any]:
    info = {
        "url": "http://h.test/1.jpg", "mime": "image/jpeg", "user": "u", "extmetadata": {"Artist": {"value": "x"}},
    }  # fmt: skip
    return {
        "pageid": number, "title": "File:a.jpg", "coordinates": [{"lat": 48.001, "lon": 9.001}], "imageinfo": [info],
    }  # fmt: skip


def mapillary(number: int) -> dict[str, Any]:
    return {
        "id": str(number), "computed_geometry": {"coordinates": [9.001, 48.001]}, "captured_at": 1_420_110_000_000,
        "creator": {"id": "5", "username": "u"},
    }  # fmt: skip


def wrap_flickr(records: list[Any]) -> Any:
    return {"stat": "ok", "photos": {"page": 1, "total": str(len(records)), "photo": records}}


CASES: list[tuple[Callable[[int], dict[str, Any]], Callable[[list[Any]], Any], Callable[[WebClient], PhotoService]]] = [
    (flickr, wrap_flickr, lambda web: Flickr(FlickrRecipe(url="http://h.test/"), "key", web)),
    (wikimedia, lambda records: {"query": {"pages": records}},
     lambda web: Wikimedia(WikimediaRecipe("me", url="http://h.test/"), web)),
    (mapillary, lambda records: {"data": records},
     lambda web: Mapillary(MapillaryRecipe(url="http://h.test"), "t", web)),
]  # fmt: skip


def paths(document: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values in a document."""
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in pairs:
        yield (*before, key)
        yield from paths(value, (*before, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(document)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


def searched(make: Callable[[WebClient], PhotoService], document: Any) -> list[Photo]:
    body = json.dumps(document).encode()
    network = httpx2.MockTransport(lambda request: httpx2.Response(200, content=body))
    web = WebClient({"h.test"}, QUICK, network=network, sleep=lambda seconds: None)
    return list(make(web).search(HERE))


@pytest.mark.parametrize(("record", "wrap", "make"), CASES, ids=["flickr", "wikimedia", "mapillary"])
def test_a_record_that_cannot_be_read_loses_no_other(
    record: Callable[[int], dict[str, Any]],
    wrap: Callable[[list[Any]], Any],
    make: Callable[[WebClient], PhotoService],
    tmp_path: Path,
) -> None:
    found = dict[Photo, None]()
    for number, path in enumerate(paths(record(1))):
        for value in VALUES[number % 3 :: 3]:
            photos = searched(make, wrap([changed(record(1), path, value), record(2)]))
            assert "2" in {photo.id for photo in photos}, (path, value)
            found |= dict.fromkeys(photos)
    for bad in (*VALUES[:-1], {"a": 1}):
        assert [photo.id for photo in searched(make, wrap([bad, record(2)]))] == ["2"]
    for photo in found:
        texts = [photo.id, photo.user, photo.author, photo.title, photo.time, photo.licence, photo.page, photo.url]
        assert all(len(text) <= 4000 and "\x1b" not in text and "\0" not in text for text in texts)
    (tmp_path / "found.json").write_bytes(json.dumps({"photos": [asdict(photo) for photo in found]}).encode())
    assert len(read_photos([tmp_path / "found.json"]))


@pytest.mark.parametrize(("record", "wrap", "make"), CASES, ids=["flickr", "wikimedia", "mapillary"])
def test_answers_in_another_form_are_told(
    record: Callable[[int], dict[str, Any]],
    wrap: Callable[[list[Any]], Any],
    make: Callable[[WebClient], PhotoService],
) -> None:
    for path in paths(wrap([])):
        for value in VALUES[::2]:
            try:
                searched(make, changed(wrap([]), path, value))
            except SourceError as error:
                assert len(str(error)) < 500
    with pytest.raises(ServiceError, match=r"at most|unknown format"):
        searched(make, wrap([record(number) for number in range(1, 4002)]))


@pytest.mark.parametrize("body", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\0\0\0\0\x11\xaf" + bytes(200), b"<svg/>", b""])
def test_only_formats_of_photos_are_decoded(body: bytes) -> None:
    for decode in (shrink, decode_rgb):
        with pytest.raises(OSError, match="cannot identify it as one of JPEG"):
            decode(body)


def test_sixteen_bits_become_eight() -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("I").point(lambda grey: grey * 257).convert("I;16").save(file, "PNG")
    small = Image.open(io.BytesIO(shrink(file.getvalue())))
    assert small.getextrema()[0][0] < 10 and small.getextrema()[0][1] > 245


def test_a_pipe_is_no_photo(tmp_path: Path) -> None:
    (tmp_path / "photos.csv").write_text("path,lon,lat\npipe.jpg,9,48\n")
    os.mkfifo(tmp_path / "pipe.jpg")
    source = LocalPhotos(LocalPhotosRecipe(table=tmp_path / "photos.csv"))
    (photo,) = source.search(HERE)
    with pytest.raises(SourceError, match="must be a file"):
        source.picture(photo)
