"""Mapillary: pictures taken along streets (https://www.mapillary.com/developer/api-documentation, version 4).

A search is a box of at most 0.01 square degrees and shows at most 2,000 pictures, so larger and fuller boxes are
searched in quarters. The token is sent in a header. Addresses of pictures expire, so they are fetched only when needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from geoglot.errors import InputError
from geoglot.sources.areas import Box, search_around
from geoglot.sources.photos.decoding import picture_of
from geoglot.sources.photos.photo import Photo, PhotoService, Query, read_records
from geoglot.web.client import SearchSession, WebClient
from geoglot.web.response import Response, RetryableError, json_of

CEILING = 2000
_MOST_SQUARE_DEGREES = 0.01
_FIELDS = "id,computed_geometry,geometry,captured_at,creator,is_pano"


@dataclass(frozen=True)
class MapillaryRecipe:
    """Pictures from Mapillary; the token is taken from GEOGLOT_MAPILLARY_TOKEN."""

    panoramas: bool = False
    url: str = "https://graph.mapillary.com"
    hosts: tuple[str, ...] = ("*.fbcdn.net",)
    """Hosts of the pictures."""


class Mapillary(PhotoService):
    """The service, with a token."""

    name = "mapillary"

    def __init__(self, recipe: MapillaryRecipe, token: str, web: WebClient) -> None:
        if not token:
            raise InputError(
                "Mapillary needs a token: get one at https://www.mapillary.com/dashboard/developers and set "
                "GEOGLOT_MAPILLARY_TOKEN to it"
            )
        super().__init__(web)
        self._recipe, self._headers = recipe, {"Authorization": f"OAuth {token}"}

    def identity(self) -> str:
        return f"{self.name} {self._recipe.url} {self._recipe.panoramas}"

    def search(self, query: Query) -> Iterator[Photo]:
        session = SearchSession(self._web)

        def read(box: Box) -> list[Photo | None]:
            return self._read_box(box, query, session)

        return search_around(query, read, CEILING, _MOST_SQUARE_DEGREES)

    def picture(self, photo: Photo) -> bytes:
        address = self._web.fetch(photo.url, _address, params={"fields": "thumb_1024_url"}, headers=self._headers)
        return self._web.fetch(address, picture_of, paced=False)

    def _read_box(self, box: Box, query: Query, session: SearchSession) -> list[Photo | None]:
        parameters = {
            "fields": _FIELDS, "limit": str(CEILING),
            "bbox": f"{box.west:.7f},{box.south:.7f},{box.east:.7f},{box.north:.7f}",
        }  # fmt: skip
        parameters |= {"start_captured_at": f"{query.after}T00:00:00Z"} if query.after else {}
        parameters |= {"end_captured_at": f"{query.before}T23:59:59Z"} if query.before else {}

        def read(response: Response) -> list[Photo | None]:
            return read_records(_document(response).get("data", ()), self._read_photo, 2 * CEILING)

        return session.fetch(f"{self._recipe.url}/images", read, params=parameters, headers=self._headers)

    def _read_photo(self, record: dict[str, Any]) -> Photo | None:
        place = record.get("computed_geometry") or record.get("geometry")
        if not place or (record.get("is_pano") and not self._recipe.panoramas):
            return None
        creator = record.get("creator") or {}
        identity = str(record["id"])
        taken = datetime.fromtimestamp(int(record.get("captured_at", 0)) / 1000, UTC)
        return Photo(
            source=self.name,
            id=identity,
            lon=float(place["coordinates"][0]),
            lat=float(place["coordinates"][1]),
            time=taken.strftime("%Y-%m-%dT%H:%M:%S") if record.get("captured_at") else "",
            user=str(creator.get("id", "")),
            author=str(creator.get("username", "")),
            title="",
            licence="cc-by-sa",  # for everything on Mapillary
            page=f"https://www.mapillary.com/app/?pKey={identity}",
            url=f"{self._recipe.url}/{identity}",
        )


def _document(response: Response) -> dict[str, Any]:
    document = json_of(response)
    if not isinstance(document, dict):
        raise RetryableError("a response that is not Mapillary's")
    return document


def _address(response: Response) -> str:
    address = _document(response).get("thumb_1024_url")
    if not isinstance(address, str):
        raise RetryableError("a response without the address of a picture")
    return address
