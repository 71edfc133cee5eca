"""Photos with their place, author and licence, and the protocol of their sources."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from typing import Any, Protocol, runtime_checkable

from geoglot.sources.photos.decoding import picture_of
from geoglot.web.client import WebClient
from geoglot.web.response import FORMAT_ERRORS, RetryableError, plain

_LONGEST_ID, _LONGEST_URL = 200, 4000
_FINEST = 16  # Flickr's accuracy of a street


@dataclass(frozen=True)
class Photo:
    """Facts of a photo, without its picture."""

    source: str
    id: str
    lon: float
    lat: float
    """Position of the camera, degrees on WGS 84."""
    time: str
    """When the photo was taken, ISO 8601 by the camera's clock; empty if unknown."""
    user: str
    """Id of the user who posted it."""
    author: str
    title: str
    licence: str
    """In the spelling of `licence_name`; empty if unknown."""
    page: str
    url: str
    """Address of the picture, without keys; a path for local photos."""
    accuracy: int = 0
    """Flickr's accuracy of the geotag, from 1 (world) to 16 (street); 0 for other sources."""
    state: str = ""
    """State of a local file; when it changes, the picture is another. Services never change a picture."""


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
    """True if it is searched place by place, False if one search gives all its photos."""

    def identity(self) -> str:
        """Everything that decides the results of a search, without secrets."""

    def unused(self) -> Sequence[str]:
        """A sentence for each input that no query can use."""

    def search(self, query: Query) -> Iterator[Photo]:
        """Photos around a place (all, if not `by_place`), each once; ServiceError if the service does not respond."""

    def picture(self, photo: Photo) -> bytes:
        """The complete encoded picture; SourceError if it does not exist, ServiceError if it cannot be read now."""

    def close(self) -> None: ...


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


def read_records(records: Any, read: Callable[[Any], Photo | None], most: int) -> list[Photo | None]:
    """The photo of each record of an answer; None for a record without one, or one that cannot be read.

    RetryableError if no record can be read, or if there are more than `most`.
    """
    if not isinstance(records, list) or len(records) > most:
        raise RetryableError(f"no list of at most {most:,} photos")
    photos, failed = list[Photo | None](), list[Exception]()
    for record in records:
        try:
            photo = read(record)
        except FORMAT_ERRORS as error:
            failed.append(error)
            photo = None
        photos.append(_tidy(photo) if photo else None)
    if failed and len(failed) == len(records):
        raise RetryableError(f"an answer in an unknown format ({type(failed[0]).__name__}: {plain(failed[0])[:200]})")
    return photos


def _tidy(photo: Photo) -> Photo | None:
    """The photo with plain texts; None if its id, address or place can be none."""
    named = 0 < len(photo.id) <= _LONGEST_ID and photo.id == plain(photo.id) and len(photo.url) <= _LONGEST_URL
    if not named or not photo.url.isprintable() or not (isfinite(photo.lon) and isfinite(photo.lat)):
        return None
    return replace(
        photo,
        time=plain(photo.time),
        user=plain(photo.user),
        author=plain(photo.author),
        title=plain(photo.title),
        licence=plain(photo.licence),
        page=plain(photo.page),
        accuracy=min(max(photo.accuracy, 0), _FINEST),
    )


def drop_repeated(photos: Iterable[Photo]) -> Iterator[Photo]:
    """Drop photos whose id came before."""
    seen: set[str] = set()
    for photo in photos:
        if photo.id not in seen:
            seen.add(photo.id)
            yield photo


def licence_name(text: str) -> str:
    """One spelling per licence, such as cc-by-sa for "CC BY-SA 4.0"; other texts in small letters with hyphens."""
    plain = re.sub(r"[\s_/-]+", "-", text.strip().lower()).strip("-")
    if by := re.match(r"(?:cc-)?(by(?:-nc)?(?:-sa|-nd)?)(?![a-z])", plain):
        return f"cc-{by[1]}"
    if re.match(r"cc-?0|cc-zero", plain):
        return "cc0"
    if re.match(r"pd\b|public-domain", plain):
        return "pd"
    return plain
