"""Photos with their place, author and licence, and the protocol of the sources that know them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

from geoglot.sources.photos.decoding import picture_of
from geoglot.web.client import WebClient


@dataclass(frozen=True)
class Photo:
    """What a source knows of a photo, without its picture."""

    source: str
    id: str
    lon: float
    lat: float
    """Where the camera stood, degrees on WGS 84."""
    time: str
    """When it was taken, ISO 8601 by the camera's clock; empty if unknown."""
    user: str
    """Id of who posted it."""
    author: str
    title: str
    licence: str
    """As `licence_name` spells it; empty if unknown."""
    page: str
    """Web page of the photo."""
    url: str
    """Address of the picture, without keys; a path for local photos."""
    accuracy: int = 0
    """Flickr's accuracy of the geotag, from 1 (world) to 16 (street); 0 for other sources."""
    state: str = ""
    """State of a local file: with another state it is another picture. Services never change a picture."""


@dataclass(frozen=True)
class Query:
    """A search for photos around a place."""

    lon: float
    lat: float
    radius_m: float
    after: date | None = None
    before: date | None = None
    """First and last day on which photos were taken."""


@runtime_checkable
class PhotoSource(Protocol):
    """A collection of photos with places."""

    name: str
    by_place: bool
    """True if it is searched place by place, False if it gives all its photos at once."""

    def identity(self) -> str:
        """Everything that decides the results of a search, without secrets."""

    def unused(self) -> Sequence[str]:
        """A sentence for each input that is of no use for any query."""

    def search(self, query: Query) -> Iterator[Photo]:
        """Photos around a place (all, if not `by_place`), each once; ServiceError if the service does not answer."""

    def picture(self, photo: Photo) -> bytes:
        """The encoded picture, complete; SourceError if there is none, ServiceError if there is none for now."""

    def close(self) -> None:
        """Release connections and files."""


class PhotoService(PhotoSource):
    """A service on the network that is searched place by place."""

    by_place = True

    def __init__(self, web: WebClient) -> None:
        self._web = web

    def unused(self) -> Sequence[str]:
        return ()

    def picture(self, photo: Photo) -> bytes:
        return self._web.fetch(photo.url, picture_of, paced=False)

    def close(self) -> None:
        self._web.close()


def once(photos: Iterable[Photo]) -> Iterator[Photo]:
    """The first photo of each id."""
    seen: set[str] = set()
    for photo in photos:
        if photo.id not in seen:
            seen.add(photo.id)
            yield photo


def licence_name(text: str) -> str:
    """One spelling per licence: cc0, pd, cc-by, cc-by-nc-sa, ... for "CC BY-SA 4.0", "Public domain" and the like.

    Other texts are lower-cased.
    """
    plain = re.sub(r"[\s_/-]+", "-", text.strip().lower()).strip("-")
    if by := re.match(r"(?:cc-)?(by(?:-nc)?(?:-sa|-nd)?)(?![a-z])", plain):
        return f"cc-{by[1]}"
    if re.match(r"cc-?0|cc-zero", plain):
        return "cc0"
    if re.match(r"pd\b|public-domain", plain):
        return "pd"
    return plain
