"""Wikimedia Commons: files with coordinates (https://www.mediawiki.org/wiki/Extension:GeoData, list=geosearch).

A search shows at most 500 files and no second page, so a box with as many is searched in quarters. Author and licence
come from the file's extmetadata (https://www.mediawiki.org/wiki/Extension:CommonsMetadata).
"""

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from geoglot.errors import InputError, ServiceError, SourceError
from geoglot.sources.areas import Box, is_between, search_around
from geoglot.sources.photos.photo import Photo, PhotoService, Query, licence_name, read_records
from geoglot.web.client import SearchSession, WebClient
from geoglot.web.response import FORMAT_ERRORS, Response, RetryableError, json_of, known_format, plain

CEILING = 500
_MOST_PARTS = 500  # a file a part
_WIDTH = 500  # one of the widths that Wikimedia keeps ready
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?")


@dataclass(frozen=True)
class WikimediaRecipe:
    """Photos from Wikimedia Commons, which needs a contact but no key."""

    contact: str
    """Mail address or web page of the user; Wikimedia refuses programs that do not name one."""
    url: str = "https://commons.wikimedia.org/w/api.php"
    hosts: tuple[str, ...] = ("upload.wikimedia.org",)
    """Hosts of the pictures."""


class Wikimedia(PhotoService):
    """The service."""

    name = "wikimedia"

    def __init__(self, recipe: WikimediaRecipe, web: WebClient) -> None:
        if not recipe.contact.strip():
            raise InputError("Wikimedia needs a contact, such as your mail address: photos.wikimedia.contact")
        super().__init__(web)
        self._recipe = recipe

    def identity(self) -> str:
        return f"{self.name} {self._recipe.url}"

    def search(self, query: Query) -> Iterator[Photo]:
        session = SearchSession(self._web)

        def read(box: Box) -> list[Photo | None]:
            with known_format("Wikimedia"):
                return read_records(self._pages(box, session), _read_photo, 2 * CEILING)

        return (photo for photo in search_around(query, read, CEILING) if _is_on_days(photo, query))

    def _pages(self, box: Box, session: SearchSession) -> list[dict[str, Any]]:
        """Files in a box; `continue` asks for the rest of a response that was cut."""
        parameters = {
            "action": "query", "format": "json", "formatversion": "2", "maxlag": "5", "generator": "geosearch",
            "ggsbbox": f"{box.north:.7f}|{box.west:.7f}|{box.south:.7f}|{box.east:.7f}", "ggslimit": str(CEILING),
            "ggsnamespace": "6", "prop": "coordinates|imageinfo", "colimit": "max",
            "iiprop": "url|user|size|mime|extmetadata", "iiurlwidth": str(_WIDTH),
        }  # fmt: skip
        pages: dict[int, dict[str, Any]] = {}
        onward: dict[str, str] = {}
        for _ in range(_MOST_PARTS):
            document = session.fetch(self._recipe.url, _read_document, params=parameters | onward)
            shown = document.get("query", {}).get("pages", [])
            for page in shown:
                with suppress(*FORMAT_ERRORS):  # of one page among others
                    pages[int(page["pageid"])] = pages.get(int(page["pageid"]), {}) | page
            if shown and not pages:
                raise KeyError("pageid")
            following = document.get("continue", {})
            if not following or following == onward:
                return list(pages.values())
            onward = following
        raise ServiceError(f"Wikimedia has no end: an answer of {CEILING} files has more than {_MOST_PARTS} parts")


def _read_document(response: Response) -> dict[str, Any]:
    document = json_of(response)
    if not isinstance(document, dict):
        raise RetryableError("a response that is not MediaWiki's")
    if "error" in document:
        told = document["error"] if isinstance(document["error"], dict) else {}
        code, info = (plain(told.get(name, ""))[:200] for name in ("code", "info"))
        if code in ("maxlag", "ratelimited", "readonly") or code.startswith("internal_api_error"):
            raise RetryableError(f"Wikimedia says {code}: {info}")
        raise SourceError(f"Wikimedia refuses the search ({code}: {info})")
    return document


def _read_photo(page: dict[str, Any]) -> Photo | None:
    """The photo of a page; None unless it is a JPEG with a place."""
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
        time=_read_time(_strip_markup(facts.get("DateTimeOriginal", ""))),
        user=str(info.get("user", "")),
        author=_strip_markup(facts.get("Artist", "")),
        title=str(page.get("title", "")).removeprefix("File:"),
        licence=licence_name(_strip_markup(facts.get("LicenseShortName", ""))),
        page=str(info.get("descriptionurl", "")),
        url=str(url),
    )


def _strip_markup(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def _read_time(text: str) -> str:
    """The first date in a text as ISO 8601, at noon if it has no time of day; empty without a possible date."""
    match = _DAY.search(text)
    if not match:
        return ""
    try:
        return datetime.fromisoformat(f"{match[1]}-{match[2]}-{match[3]}T{match[4] or '12:00:00'}").isoformat()
    except ValueError:
        return ""


def _is_on_days(photo: Photo, query: Query) -> bool:
    """Whether the photo was taken within the query's dates; one without a date passes only a query without dates."""
    return is_between(photo.time, query.after, query.before) if photo.time else not (query.after or query.before)
