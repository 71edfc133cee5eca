"""A Flickr that answers flickr.photos.search as documented: pages, ceiling, dates, accuracy, errors of status 200."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyproj

from peers.http import Reply, Request

KEY = "0123456789abcdef-a-secret-of-the-test"
_WGS84 = pyproj.Geod(ellps="WGS84")
_ALL_PAGES = 4000
REST, PICTURES = "/services/rest/", "/pictures/"


@dataclass(frozen=True)
class Record:
    """A photo as the service knows it."""

    id: str
    lon: float
    lat: float
    taken: str
    """YYYY-MM-DD HH:MM:SS."""
    owner: str = "12345@N00"
    title: str = ""
    licence: int = 4
    accuracy: int = 16
    uploaded: int = 1_600_000_000
    side: int = 300


class Flickr:
    """Answers; `picture` gives the file of a record."""

    def __init__(self, records: Sequence[Record], picture: Callable[[Record], bytes]) -> None:
        self.records = {record.id: record for record in sorted(records, key=lambda one: (one.uploaded, one.id))}
        self._places = np.array([(record.lon, record.lat) for record in self.records.values()]).T
        self.picture = picture
        self.base = ""
        self.page_faults: list[str] = []
        """For the next searches: "duplicate page" shows page 1 again under its own number, "wrong page" another."""
        self.error: tuple[int, str] | None = None

    def __call__(self, request: Request) -> Reply:
        if request.path.startswith(PICTURES):
            record = self.records.get(request.path.removeprefix(PICTURES).partition(".")[0])
            if record is None:
                return Reply(b"gone", "text/plain", 404)
            return Reply(self.picture(record), "image/jpeg")
        if request.path != REST:
            return Reply(b"", status=404)
        return Reply(json.dumps(self._search(request.query)).encode())

    def _search(self, asked: dict[str, str]) -> dict[str, object]:
        if asked.get("api_key") != KEY:
            return {"stat": "fail", "code": 100, "message": "Invalid API Key (Key has invalid format)"}
        if self.error:
            code, message = self.error
            self.error = None
            return {"stat": "fail", "code": code, "message": message}
        near = self._metres(float(asked["lon"]), float(asked["lat"])) <= 1000 * float(asked["radius"])
        found = [record for record, is_near in zip(self.records.values(), near, strict=True) if is_near]
        found = [record for record in found if _fits(record, asked)]
        each, page = min(250, int(asked["per_page"])), int(asked["page"])
        if page > 1 and self.page_faults:
            fault = self.page_faults.pop(0)
            shown, told = (1, page) if fault == "duplicate page" else (page - 1, page - 1)
        else:
            shown = told = page
        shown = min(shown, _ALL_PAGES // each)  # beyond the ceiling the last page is shown again and again
        part = found[(shown - 1) * each : shown * each]
        pages = -(-len(found) // each)
        photos = {"page": told, "pages": pages, "perpage": each, "total": str(len(found))}
        return {"photos": photos | {"photo": [self._record(one) for one in part]}, "stat": "ok"}

    @lru_cache(16)  # noqa: B019 a peer lives as long as its test
    def _metres(self, lon: float, lat: float) -> np.ndarray:
        count = self._places.shape[1]
        return np.asarray(_WGS84.inv(np.full(count, lon), np.full(count, lat), *self._places)[2])

    def _record(self, record: Record) -> dict[str, object]:
        url = f"{self.base}{PICTURES}{record.id}.jpg"
        return {
            "id": record.id, "owner": record.owner, "secret": "abc", "server": "65535", "farm": 66,
            "title": record.title, "ispublic": 1, "license": str(record.licence),
            "ownername": f"Name of {record.owner}",
            "datetaken": record.taken, "datetakengranularity": "0", "datetakenunknown": "0",
            "latitude": str(record.lat), "longitude": str(record.lon), "accuracy": str(record.accuracy), "context": 0,
            "url_z": url, "height_z": record.side, "width_z": record.side,
            "url_l": url + "?large", "height_l": "1024", "width_l": "1024",
            "url_sq": url + "?sq", "height_sq": 75, "width_sq": 75,
        }  # fmt: skip


def _fits(record: Record, asked: dict[str, str]) -> bool:
    taken = record.taken
    return (
        record.accuracy >= int(asked.get("accuracy", 1))
        and asked.get("min_taken_date", "") <= taken <= asked.get("max_taken_date", "9")
        and int(asked.get("min_upload_date", 0)) <= record.uploaded <= int(asked.get("max_upload_date", 1 << 40))
    )
