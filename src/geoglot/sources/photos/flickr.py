"""Flickr: flickr.photos.search around a place (https://www.flickr.com/services/api/flickr.photos.search.html).

Flickr shows 250 photos a page and the first 4,000 of a search. A search with more is split by the time when photos were
taken, down to a second, then by the time of upload. The key is sent in the body of a POST, as Flickr allows, so that no
url holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

from annotated_types import Interval

from geoglot.errors import InputError, SourceError
from geoglot.sources.photos.decoding import SHORT_SIDE, picture_of
from geoglot.sources.photos.photo import Photo, PhotoService, Query, drop_repeated, read_records
from geoglot.web.client import SearchSession, WebClient
from geoglot.web.response import FORMAT_ERRORS, Response, RetryableError, json_of, plain

CEILING = 4000
PER_PAGE = 250
_SIZES = "zcwnbhomlqst"
_EXTRAS = "geo,date_taken,date_upload,owner_name,license," + ",".join(f"url_{size}" for size in _SIZES)
_KEY_CODES = frozenset({96, 97, 98, 99, 100})  # the key is wrong
_LATER_CODES = frozenset({0, 10, 18, 105, 106})  # the service is down or busy
#: Ids of flickr.photos.licenses.getInfo: 1-6 are version 2.0, 11-16 version 4.0
_LICENCES = {
    0: "all-rights-reserved", 1: "cc-by-nc-sa", 2: "cc-by-nc", 3: "cc-by-nc-nd", 4: "cc-by", 5: "cc-by-sa",
    6: "cc-by-nd", 7: "no-known-copyright", 8: "us-government", 9: "cc0", 10: "pd", 11: "cc-by", 12: "cc-by-sa",
    13: "cc-by-nd", 14: "cc-by-nc", 15: "cc-by-nc-sa", 16: "cc-by-nc-nd",
}  # fmt: skip
_FIRST_DAY, _FIRST_UPLOAD = datetime(1900, 1, 1), datetime(2004, 2, 1)  # Flickr opened in February 2004
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class FlickrRecipe:
    """Photos from the Flickr API; the key is taken from GEOGLOT_FLICKR_KEY."""

    accuracy: Annotated[int, Interval(ge=1, le=16)] = 16
    """Lowest accuracy of the geotag: 16 is a street, as in the paper; the authors' code asks for 15."""
    url: str = "https://api.flickr.com/services/rest/"
    hosts: tuple[str, ...] = ("live.staticflickr.com", "*.staticflickr.com")
    """Hosts of the pictures."""


@dataclass(frozen=True)
class _Span:
    """Seconds from first to last, both included."""

    first: datetime
    last: datetime

    def halves(self) -> tuple[_Span, ...]:
        """Two spans that make up this one; none for a single second."""
        seconds = (self.last - self.first) // _SECOND
        if seconds < 1:
            return ()
        middle = self.first + seconds // 2 * _SECOND
        return _Span(self.first, middle), _Span(middle + _SECOND, self.last)


@dataclass(frozen=True)
class _Search:
    query: Query
    session: SearchSession
    taken: _Span
    uploaded: _Span
    by_upload: bool = False
    """Whether `uploaded` restricts the search."""

    def halves(self) -> list[_Search]:
        if halves := self.taken.halves():
            return [replace(self, taken=half) for half in halves]
        return [replace(self, uploaded=half, by_upload=True) for half in self.uploaded.halves()]

    def parameters(self) -> dict[str, str]:
        """Flickr wants the time of taking as text by the camera's clock, the time of upload in seconds of UTC."""
        form = {"min_taken_date": f"{self.taken.first}", "max_taken_date": f"{self.taken.last}"}
        if self.by_upload:
            ends = (self.uploaded.first, self.uploaded.last)
            first, last = (str(int(end.replace(tzinfo=UTC).timestamp())) for end in ends)
            form |= {"min_upload_date": first, "max_upload_date": last}
        return form


@dataclass(frozen=True)
class _Page:
    total: int
    photos: dict[str, Photo]
    ids: frozenset[str]
    """All records, also those without a picture or a place."""


class Flickr(PhotoService):
    """The service, with a key."""

    name = "flickr"

    def __init__(self, recipe: FlickrRecipe, key: str, web: WebClient) -> None:
        if not key:
            raise InputError(
                "Flickr needs a key: get one at https://www.flickr.com/services/api/misc.api_keys.html and set "
                "GEOGLOT_FLICKR_KEY to it"
            )
        super().__init__(web)
        self._recipe, self._key = recipe, key

    def identity(self) -> str:
        return f"{self.name} {self._recipe.url} {self._recipe.accuracy}"

    def search(self, query: Query) -> Iterator[Photo]:
        now = datetime.now().replace(microsecond=0) + timedelta(days=1)  # in any time zone
        first = datetime.combine(query.after, time.min) if query.after else _FIRST_DAY
        last = datetime.combine(query.before, time(23, 59, 59)) if query.before else now
        search = _Search(query, SearchSession(self._web), _Span(first, last), _Span(_FIRST_UPLOAD, now))
        return drop_repeated(self._search(search))

    def picture(self, photo: Photo) -> bytes:
        return self._web.fetch(photo.url, _read_picture, paced=False)

    def _search(self, search: _Search) -> Iterator[Photo]:
        page = self._page(search, 1)
        if page.total <= CEILING:
            yield from self._pages(search, page)
            return
        if not (halves := search.halves()):
            raise SourceError(f"Flickr has {page.total} photos of one second at one place and shows {CEILING}")
        for half in halves:
            yield from self._search(half)

    def _pages(self, search: _Search, first: _Page) -> list[Photo]:
        """Read all pages, and again as long as that finds photos which Flickr counts but did not show."""
        photos, ids = dict[str, Photo](), set[str]()
        while True:
            before = len(ids)
            last = math.ceil(min(first.total, CEILING) / PER_PAGE)
            for page in (first, *(self._page(search, number) for number in range(2, last + 1))):
                photos, ids = photos | page.photos, ids | page.ids
            if len(ids) >= first.total or len(ids) == before:
                return list(photos.values())
            first = self._page(search, 1)

    def _page(self, search: _Search, number: int) -> _Page:
        query = search.query
        form = {
            "method": "flickr.photos.search", "format": "json", "nojsoncallback": "1", "api_key": self._key,
            "lat": f"{query.lat:.7f}", "lon": f"{query.lon:.7f}", "radius": f"{query.radius_m / 1000:g}",
            "radius_units": "km", "accuracy": str(self._recipe.accuracy), "content_type": "1", "media": "photos",
            "has_geo": "1", "sort": "date-posted-asc", "extras": _EXTRAS,
            "per_page": str(PER_PAGE), "page": str(number), **search.parameters(),
        }  # fmt: skip
        return search.session.fetch(
            self._recipe.url, lambda response: _read_page(response, number), method="POST", data=form
        )


def _read_page(response: Response, number: int) -> _Page:
    document = json_of(response)
    try:
        if document["stat"] != "ok":  # with HTTP status 200
            code, message = int(document.get("code", 0)), plain(document.get("message", ""))[:200]
            message = f"{code}: {message}"
            if code in _KEY_CODES:
                raise InputError(f"Flickr does not take the key ({message}); set GEOGLOT_FLICKR_KEY to a valid one")
            if code in _LATER_CODES:
                raise RetryableError(f"Flickr says {message}")
            raise SourceError(f"Flickr refuses the search ({message})")
        page = document["photos"]
        records = page["photo"]
        if int(page["page"]) != number:
            raise RetryableError(f"page {page['page']} in place of page {number}")
        photos = {photo.id: photo for photo in read_records(records, _read_photo, 2 * PER_PAGE) if photo}
        ids = frozenset(str(record.get("id"))[:99] for record in records if isinstance(record, dict))
        return _Page(int(page["total"]), photos, ids)
    except FORMAT_ERRORS as error:
        raise RetryableError(f"a response that is not Flickr's ({type(error).__name__}: {error})") from error


def _read_photo(record: dict[str, Any]) -> Photo | None:
    """None for a record without a picture or a place."""
    url = _best_url(record)
    lon, lat = float(record.get("longitude", 0)), float(record.get("latitude", 0))
    if not url or (lon == 0 and lat == 0):
        return None
    identity, owner = str(record["id"]), str(record["owner"])
    # With datetakenunknown = 1 the time is that of the upload.
    known = str(record.get("datetakenunknown", "0")) == "0"
    return Photo(
        source=Flickr.name,
        id=identity,
        lon=lon,
        lat=lat,
        time=str(record.get("datetaken", "")).replace(" ", "T") if known else "",
        user=owner,
        author=str(record.get("ownername", "")),
        title=str(record.get("title", "")),
        licence=_LICENCES.get(int(record.get("license", -1)), f"flickr-{record.get('license', 'unknown')}"),
        page=f"https://www.flickr.com/photos/{owner}/{identity}",
        url=url,
        accuracy=int(record.get("accuracy", 0)),
    )


def _best_url(record: dict[str, Any]) -> str:
    """The smallest size that is large enough, else the largest."""
    sizes = [
        (min(int(record[f"width_{size}"]), int(record[f"height_{size}"])), str(record[f"url_{size}"]))
        for size in _SIZES
        if record.get(f"url_{size}") and f"width_{size}" in record and f"height_{size}" in record
    ]
    enough = [size for size in sizes if size[0] >= SHORT_SIDE]
    return min(enough)[1] if enough else max(sizes, default=(0, ""))[1]


def _read_picture(response: Response) -> bytes:
    if "photo_unavailable" in response.url:  # the placeholder of a removed photo
        raise SourceError("Flickr has removed the photo")
    return picture_of(response)
