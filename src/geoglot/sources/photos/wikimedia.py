"""Wikimedia Commons: files with coordinates (https://www.mediawiki.org/wiki/Extension:GeoData, list=geosearch).

A search shows at most 500 files and no second page, so a box that finds as many is asked in quarters. Author and
licence come from the file's extmetadata (https://www.mediawiki.org/wiki/Extension:CommonsMetadata).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from geoglot.errors import InputError, SourceError
from geoglot.sources.areas import Box, boxes_around, is_near
from geoglot.sources.photos.decoding import picture_of
from geoglot.sources.photos.licences import licence_name
from geoglot.sources.photos.photo import Photo, Query, once
from geoglot.web.client import SearchSession, WebClient
from geoglot.web.response import Response, RetryableError, json_of, known_format

CEILING = 500
_WIDTH = 500  # one of the widths that Wikimedia keeps ready
_SMALLEST = 1e-5  # degrees: what is closer cannot be told apart
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?")


@dataclass(frozen=True)
class WikimediaRecipe:
    """Photos from Wikimedia Commons, which needs no key and wants to know who asks."""

    contact: str
    """A mail address or page of whoever collects; Wikimedia refuses programs that do not name one."""
    url: str = "https://commons.wikimedia.org/w/api.php"
    hosts: tuple[str, ...] = ("upload.wikimedia.org",)


class Wikimedia:
    """The service."""

    name = "wikimedia"
    by_place = True

    def __init__(self, recipe: WikimediaRecipe, web: WebClient) -> None:
        if not recipe.contact.strip():
            raise InputError("Wikimedia wants to know who asks; give a mail address: photos.wikimedia.contact")
        self._recipe, self._web = recipe, web

    def identity(self) -> str:
        """The service."""
        return f"{self.name} {self._recipe.url}"

    def unused(self) -> Sequence[str]:
        """Nothing that is worth a sentence."""
        return ()

    def search(self, query: Query) -> Iterator[Photo]:
        """Photos around a place, none twice."""
        asking = SearchSession(self._web)
        found = (photo for box in boxes_around(query) for photo in self._box(box, asking))
        return once(photo for photo in found if is_near(query, photo.lon, photo.lat) and _on_days(photo, query))

    def picture(self, photo: Photo) -> bytes:
        """The picture."""
        return self._web.fetch(photo.url, picture_of, paced=False)

    def close(self) -> None:
        """Give back the connections."""
        self._web.close()

    def _box(self, box: Box, asking: SearchSession) -> Iterator[Photo]:
        with known_format("Wikimedia"):
            pages = self._pages(box, asking)
            photos = [photo for page in pages if (photo := _photo(page))]
        if len(pages) >= CEILING and box.north - box.south > _SMALLEST:
            for quarter in box.quarters():
                yield from self._box(quarter, asking)
            return
        yield from photos

    def _pages(self, box: Box, asking: SearchSession) -> list[dict[str, Any]]:
        """Files of a box; what does not fit into one answer is asked for by `continue`."""
        asked = {
            "action": "query", "format": "json", "formatversion": "2", "maxlag": "5", "generator": "geosearch",
            "ggsbbox": f"{box.north:.7f}|{box.west:.7f}|{box.south:.7f}|{box.east:.7f}", "ggslimit": str(CEILING),
            "ggsnamespace": "6", "prop": "coordinates|imageinfo", "colimit": "max",
            "iiprop": "url|user|size|mime|extmetadata", "iiurlwidth": str(_WIDTH),
        }  # fmt: skip
        pages: dict[int, dict[str, Any]] = {}
        onward: dict[str, str] = {}
        while True:
            answer = asking.fetch(self._recipe.url, _read, params=asked | onward)
            for page in answer.get("query", {}).get("pages", []):
                pages[int(page["pageid"])] = pages.get(int(page["pageid"]), {}) | page
            following = answer.get("continue", {})
            if not following or following == onward:
                return list(pages.values())
            onward = following


def _read(response: Response) -> dict[str, Any]:
    document = json_of(response)
    if not isinstance(document, dict):
        raise RetryableError("an answer that is none of MediaWiki's")
    if "error" in document:
        code, info = document["error"].get("code", ""), document["error"].get("info", "")
        if code in ("maxlag", "ratelimited", "readonly") or code.startswith("internal_api_error"):
            raise RetryableError(f"Wikimedia says {code}: {info}")
        raise SourceError(f"Wikimedia refuses the search ({code}: {info})")
    return document


def _photo(page: dict[str, Any]) -> Photo | None:
    """None for what is no JPEG photo with a place."""
    if not page.get("imageinfo") or not page.get("coordinates"):
        return None
    info, place = page["imageinfo"][0], page["coordinates"][0]
    url = info.get("thumburl") or info.get("url", "")
    if info.get("mime") != "image/jpeg" or not url:
        return None
    facts = {name: str(fact.get("value", "")) for name, fact in info.get("extmetadata", {}).items()}
    return Photo(
        source=Wikimedia.name,
        id=str(page["pageid"]),
        lon=float(place["lon"]),
        lat=float(place["lat"]),
        time=_time(_plain(facts.get("DateTimeOriginal", ""))),
        user=str(info.get("user", "")),
        author=_plain(facts.get("Artist", "")),
        title=str(page.get("title", "")).removeprefix("File:"),
        licence=licence_name(_plain(facts.get("LicenseShortName", ""))),
        page=str(info.get("descriptionurl", "")),
        url=str(url),
    )


def _plain(text: str) -> str:
    """Without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def _time(text: str) -> str:
    """ISO 8601 of what people write for a date, empty where that cannot be told."""
    found = _DAY.search(text)
    if not found:
        return ""
    try:
        return datetime.fromisoformat(f"{found[1]}-{found[2]}-{found[3]}T{found[4] or '12:00:00'}").isoformat()
    except ValueError:
        return ""


def _on_days(photo: Photo, query: Query) -> bool:
    """Whether it was taken when it should be; photos of unknown time are, unless days are asked for."""
    day = photo.time[:10]
    if not day:
        return query.after is None and query.before is None
    return not ((query.after and day < query.after.isoformat()) or (query.before and day > query.before.isoformat()))
