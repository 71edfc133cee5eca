"""What a photo source is, and the value that it gives: a photo that is known by its place, author and licence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Photo:
    """What is known of a photo before it is seen."""

    source: str
    id: str
    lon: float
    lat: float
    """Where the camera stood, degrees on WGS 84."""
    time: str
    """When it was taken, ISO 8601 by the camera's clock; empty where that is not known."""
    user: str
    """Who put it there, by the service's id."""
    author: str
    title: str
    licence: str
    """As `licences.py` calls it; empty where it is not known."""
    page: str
    """For people."""
    url: str
    """Of the picture; never with a key in it. A path for photos on this machine."""
    accuracy: int = 0
    """Flickr's level of the geotag, 1 the world to 16 a street; 0 where the source has no such thing."""
    state: str = ""
    """Of a file on this machine, which may change: another state is another picture. Services keep theirs."""


@dataclass(frozen=True)
class Query:
    """Photos around a place."""

    lon: float
    lat: float
    radius_m: float
    after: date | None = None
    before: date | None = None
    """Days on which the oldest and the newest may be taken."""


@runtime_checkable
class PhotoSource(Protocol):
    """Something that knows photos by their place."""

    name: str
    by_place: bool
    """Whether it is asked place by place; else it has all its photos at once."""

    def identity(self) -> str:
        """All that decides what is found, as text without secrets."""

    def unused(self) -> Sequence[str]:
        """What of the source is of no use whatever is asked, a sentence each."""

    def search(self, query: Query) -> Iterator[Photo]:
        """Photos around a place (all photos if not `by_place`), none twice; ServiceError where it does not answer."""

    def picture(self, photo: Photo) -> bytes:
        """The encoded picture, whole; SourceError where there is none, ServiceError where there is none now."""

    def close(self) -> None:
        """Give back what is held."""


def once(photos: Iterable[Photo]) -> Iterator[Photo]:
    """Photos of one source, the first of each id."""
    seen: set[str] = set()
    for photo in photos:
        if photo.id not in seen:
            seen.add(photo.id)
            yield photo
