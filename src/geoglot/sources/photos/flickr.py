"""Flickr: flickr.photos.search around a place (https://www.flickr.com/services/api/flickr.photos.search.html).

Of one search Flickr shows 250 a page and the first 4,000 in all. A search that finds more is split by when photos were
taken, again and again down to a second, then by when they were uploaded. The key travels in the body of a POST, as
Flickr's REST form allows, so that it stands in no url.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from annotated_types import Interval

from geoglot.errors import InputError, SourceError
from geoglot.sources.photos.decoding import SHORT_SIDE, picture_of
from geoglot.sources.photos.licences import FLICKR
from geoglot.sources.photos.photo import Photo, Query, once
from geoglot.web.client import SearchSession, WebClient
from geoglot.web.response import Response, RetryableError, json_of

CEILING = 4000
PER_PAGE = 250
_SIZES = "zcwnbhomlqst"
_EXTRAS = "geo,date_taken,date_upload,owner_name,license," + ",".join(f"url_{size}" for size in _SIZES)
#: Codes of flickr.photos.search and of all methods, by what is to be done
_KEY_CODES = frozenset({96, 97, 98, 99, 100})
_LATER_CODES = frozenset({0, 10, 18, 105, 106})
_FIRST_DAY, _FIRST_UPLOAD = datetime(1900, 1, 1), datetime(2004, 2, 1)  # Flickr opened in February 2004
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class FlickrRecipe:
    """Photos from the Flickr API; the key is taken from GEOGLOT_FLICKR_KEY."""

    accuracy: Annotated[int, Interval(ge=1, le=16)] = 16
    """Least level of the geotag: 16 is a street, as the paper says; its code asks 15."""
    url: str = "https://api.flickr.com/services/rest/"
    hosts: tuple[str, ...] = ("live.staticflickr.com", "*.staticflickr.com")
    """Where pictures may come from."""


@dataclass(frozen=True)
class Span:
    """Seconds from first to last, both in it."""

    first: datetime
    last: datetime

    def halves(self) -> tuple[Span, Span] | None:
        """Two spans that are this one together; None for a single second."""
        seconds = int((self.last - self.first).total_seconds())
        if seconds < 1:
            return None
        middle = self.first + timedelta(seconds=seconds // 2)
        return Span(self.first, middle), Span(middle + _SECOND, self.last)


@dataclass(frozen=True)
class _Search:
    """One query with the spans that it is split to."""

    query: Query
    asking: SearchSession
    taken: Span
    uploaded: Span | None = None

    def halves(self, now: datetime) -> list[_Search]:
        if found := self.taken.halves():
            return [replace(self, taken=half) for half in found]
        uploaded = self.uploaded or Span(_FIRST_UPLOAD, now)
        return [replace(self, uploaded=half) for half in uploaded.halves() or ()]

    def parameters(self) -> dict[str, str]:
        """Taken by the camera's clock, as text; uploaded by the world's, as seconds."""
        found = {"min_taken_date": f"{self.taken.first}", "max_taken_date": f"{self.taken.last}"}
        if self.uploaded:
            first, last = (
                int(end.replace(tzinfo=UTC).timestamp()) for end in (self.uploaded.first, self.uploaded.last)
            )
            found |= {"min_upload_date": str(first), "max_upload_date": str(last)}
        return found


class Flickr:
    """The service, asked with somebody's key."""

    name = "flickr"
    by_place = True

    def __init__(self, recipe: FlickrRecipe, key: str, web: WebClient) -> None:
        if not key:
            raise InputError(
                "Flickr wants a key: get one at https://www.flickr.com/services/api/misc.api_keys.html and set "
                "GEOGLOT_FLICKR_KEY to it"
            )
        self._recipe, self._key, self._web = recipe, key, web

    def identity(self) -> str:
        """Service and accuracy."""
        return f"{self.name} {self._recipe.url} {self._recipe.accuracy}"

    def unused(self) -> Sequence[str]:
        """Nothing that is worth a sentence."""
        return ()

    def search(self, query: Query) -> Iterator[Photo]:
        """Photos around a place, none twice."""
        now = datetime.now().replace(microsecond=0) + timedelta(days=1)  # of any time zone
        first = _start(query.after) if query.after else _FIRST_DAY
        last = _start(query.before) + timedelta(days=1) - _SECOND if query.before else now
        return once(self._search(_Search(query, SearchSession(self._web), Span(first, last)), now))

    def picture(self, photo: Photo) -> bytes:
        """The picture; the one that Flickr sends in place of a removed photo is none."""
        return self._web.fetch(photo.url, _picture, paced=False)

    def close(self) -> None:
        """Give back the connections."""
        self._web.close()

    def _search(self, search: _Search, now: datetime) -> Iterator[Photo]:
        page = self._page(search, 1)
        if page.total <= CEILING:
            yield from self._pages(search, page)
            return
        halves = search.halves(now)
        if not halves:
            raise SourceError(f"Flickr has {page.total} photos of one second at one place and shows {CEILING}")
        for half in halves:
            yield from self._search(half, now)

    def _pages(self, search: _Search, first: _Page) -> list[Photo]:
        """All pages; they are read once more while that finds what Flickr counts and has not shown."""
        photos, ids = dict(first.photos), set(first.ids)
        while True:
            before = len(ids)
            for number in range(2, math.ceil(min(first.total, CEILING) / PER_PAGE) + 1):
                page = self._page(search, number)
                photos, ids = photos | page.photos, ids | page.ids
            if len(ids) >= first.total or (before == len(ids) and first.total > PER_PAGE):
                return list(photos.values())
            first = self._page(search, 1)
            photos, again = photos | first.photos, ids | first.ids
            if first.total <= PER_PAGE and again == ids:
                return list(photos.values())
            ids = again

    def _page(self, search: _Search, number: int) -> _Page:
        query = search.query
        form = {
            "method": "flickr.photos.search", "format": "json", "nojsoncallback": "1", "api_key": self._key,
            "lat": f"{query.lat:.7f}", "lon": f"{query.lon:.7f}", "radius": f"{query.radius_m / 1000:g}",
            "radius_units": "km", "accuracy": str(self._recipe.accuracy), "content_type": "1", "media": "photos",
            "has_geo": "1", "sort": "date-posted-asc", "extras": _EXTRAS,
            "per_page": str(PER_PAGE), "page": str(number), **search.parameters(),
        }  # fmt: skip
        return search.asking.fetch(
            self._recipe.url, lambda response: _read_page(response, number), method="POST", data=form
        )


@dataclass(frozen=True)
class _Page:
    total: int
    photos: dict[str, Photo]
    ids: frozenset[str]
    """Of all records, also those without a picture or a place."""


def _read_page(response: Response, number: int) -> _Page:
    document = json_of(response)
    try:
        if document["stat"] != "ok":
            _refuse(int(document.get("code", 0)), str(document.get("message", "")))
        page = document["photos"]
        records = page["photo"]
        if int(page["page"]) != number:
            raise RetryableError(f"page {page['page']} in place of page {number}")
        photos = {photo.id: photo for record in records if (photo := _photo(record))}
        return _Page(int(page["total"]), photos, frozenset(str(record["id"]) for record in records))
    except (ValueError, KeyError, TypeError) as error:
        raise RetryableError(f"an answer that is none of Flickr's ({type(error).__name__}: {error})") from error


def _refuse(code: int, message: str) -> None:
    """Flickr says what is wrong in an answer of status 200."""
    if code in _KEY_CODES:
        raise InputError(f"Flickr does not take the key ({code}: {message}); set GEOGLOT_FLICKR_KEY to a valid one")
    if code in _LATER_CODES:
        raise RetryableError(f"Flickr says {code}: {message}")
    raise SourceError(f"Flickr refuses the search ({code}: {message})")


def _photo(record: dict[str, Any]) -> Photo | None:
    """None for a record without a picture or a place."""
    url = _best_url(record)
    lon, lat = float(record.get("longitude", 0)), float(record.get("latitude", 0))
    if not url or (lon == 0 and lat == 0):
        return None
    identity, owner = str(record["id"]), str(record["owner"])
    # datetakenunknown is 1 where Flickr put the time of upload in its place.
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
        licence=FLICKR.get(int(record.get("license", -1)), f"flickr-{record.get('license', 'unknown')}"),
        page=f"https://www.flickr.com/photos/{owner}/{identity}",
        url=url,
        accuracy=int(record.get("accuracy", 0)),
    )


def _best_url(record: dict[str, Any]) -> str:
    """The smallest size that is large enough, else the largest there is."""
    sizes = [
        (min(int(record[f"width_{size}"]), int(record[f"height_{size}"])), str(record[f"url_{size}"]))
        for size in _SIZES
        if record.get(f"url_{size}") and f"width_{size}" in record and f"height_{size}" in record
    ]
    enough = [one for one in sizes if one[0] >= SHORT_SIDE]
    return min(enough)[1] if enough else max(sizes, default=(0, ""))[1]


def _picture(response: Response) -> bytes:
    if "photo_unavailable" in response.url:
        raise SourceError("Flickr has the photo no more")
    return picture_of(response)


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
