"""Scenes of a STAC API (https://api.stacspec.org): found by pystac-client, read window by window from COGs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import shapely
from annotated_types import Interval

from geoglot.errors import InputError, MissingExtraError, ReadError, ServiceError, SourceError
from geoglot.geo import Grid
from geoglot.sources.areas import Box
from geoglot.sources.bands.sensors import SENTINEL2_OFFSET, SENTINEL2_OFFSET_BASELINE, WHITE_REFLECTANCE
from geoglot.sources.imagery.catalogues import CATALOGUES, Catalogue, CatalogueName
from geoglot.sources.imagery.ranges import opened
from geoglot.sources.imagery.scene import Scene
from geoglot.sources.imagery.window import read_classes, read_window
from geoglot.sources.pixels.radiometry import FULL_RANGE, Radiometry
from geoglot.sources.tile import Tile
from geoglot.web.client import RequestPolicy, WebClient
from geoglot.web.redaction import unsigned
from geoglot.web.response import HTTPStatusError, Response, RetryableError, json_of

T = TypeVar("T")
_PAGE = 100
_MOST_ITEMS = 20_000  # of one search: decades of Sentinel-2 over a neighbourhood
_ATTEMPTS = 2
_GONE = (404, 410)
_RENEW_S = 120.0  # before a token ends


@dataclass(frozen=True)
class StacRecipe:
    """Scenes of a STAC API."""

    preset: CatalogueName
    url: str | None = None
    """Another service that has the preset's collection in the same form."""
    token_url: str | None = None
    """Where that service signs urls."""
    hosts: tuple[str, ...] = ()
    """Where its pixels lie; those of the preset if left out."""
    most_cloud: Annotated[float, Interval(ge=0, le=100)] = 1.0
    """Percent of the scene; [paper] under 1."""


class Stac:
    """One collection of one service."""

    def __init__(self, recipe: StacRecipe, web: WebClient) -> None:
        self._most_cloud, self._web = recipe.most_cloud, web
        self._catalogue = catalogue_of(recipe)
        self._token, self._token_until, self._lock = "", 0.0, threading.Lock()
        self._client: Any = None
        self.newest = self._catalogue.newest
        self.bands = tuple(band.name for band in self._catalogue.bands)

    def identity(self) -> str:
        """Service, collection and rules."""
        return f"stac {self._catalogue} {self._most_cloud}"

    def failed(self) -> Sequence[str]:
        """Nothing: what a search cannot find is told by the search."""
        return ()

    def unused(self) -> Sequence[str]:
        """Nothing that is worth a sentence."""
        return ()

    def scenes(self, box: Box, first: date | None, last: date | None) -> Sequence[Scene]:
        """Those that touch a box, with few clouds where clouds are told; ServiceError where it does not answer."""
        days = f"{first or '..'}/{last or '..'}" if first or last else None
        asked: dict[str, Any] = {
            "collections": [self._catalogue.collection], "bbox": [box.west, box.south, box.east, box.north],
            "datetime": days, "limit": _PAGE,
        }  # fmt: skip
        if self._catalogue.classes is not None:
            asked["query"] = {"eo:cloud_cover": {"lt": self._most_cloud}}
        from pystac import STACError
        from pystac_client.errors import ClientTypeError
        from pystac_client.exceptions import APIError

        try:
            items = list(islice(self._open().search(**asked).items_as_dicts(), _MOST_ITEMS + 1))
            found = [scene for item in items if (scene := self._scene(item))]
        except APIError as error:
            raise SourceError(self._web.clean(f"{self._catalogue.url} refuses the search: {error}")) from error
        except (AttributeError, KeyError, TypeError, ValueError, STACError, ClientTypeError) as error:
            raise ServiceError(
                self._web.clean(f"{self._catalogue.url} answers what is no STAC ({error}); run the same again later")
            ) from error
        if len(items) > _MOST_ITEMS:
            raise ServiceError(f"{self._catalogue.url} has no end: one search found more than {_MOST_ITEMS:,} scenes")
        # Services that do not know the extension `query` answer as if there had been none.
        return [one for one in found if not self._catalogue.classes or (one.cloud or 0.0) < self._most_cloud]

    def read_cloud(self, scene: Scene, grid: Grid) -> float | None:
        """Share of the classified pixels of a grid that are cloud; None for a scene without classes."""
        catalogue = self._catalogue
        if catalogue.classes is None or catalogue.classes not in scene.assets:
            return None
        classes = self._read(scene.assets[catalogue.classes], lambda dataset: read_classes(dataset, grid))
        seen = classes > 0
        return float(np.isin(classes, catalogue.cloud_classes)[seen].mean()) if seen.any() else 0.0

    def read(self, scene: Scene, grid: Grid) -> Tile:
        """Read the scene on a grid, asset by asset; a pixel is valid where it is in every asset."""
        by_asset: dict[str, list[int]] = {}
        for band in self._catalogue.bands:
            by_asset.setdefault(band.asset, []).append(band.index)
        parts = [self._window(scene.assets[asset], indexes, grid) for asset, indexes in by_asset.items()]
        values, valid = np.concatenate([one for one, _ in parts]), np.logical_and.reduce([mask for _, mask in parts])
        radiometry = _radiometry(scene, len(self.bands), self._catalogue.reflectance)
        pixels = radiometry.apply(values, valid)
        return Tile(pixels, valid, grid, self.bands, scene.moment, scene.id)

    def close(self) -> None:
        """Give back the connections."""
        self._web.close()

    def _open(self) -> Any:
        if self._client is None:
            self._client = _client(self._catalogue.url, self._web)
        return self._client

    def _scene(self, item: Mapping[str, Any]) -> Scene | None:
        """None for an item that lacks a band, a place or a time."""
        catalogue, facts = self._catalogue, item["properties"]
        wanted = {band.asset for band in catalogue.bands}
        moment = str(facts.get("datetime") or facts.get("start_datetime") or "")
        if not wanted <= set(item["assets"]) or not _is_place(item.get("geometry")) or not _is_time(moment):
            return None
        names = [*wanted, *([catalogue.classes] if catalogue.classes in item["assets"] else [])]
        scale, offset = _reflectance(facts) if catalogue.reflectance else (1.0, 0.0)
        return Scene(
            id=str(item["id"]),
            time=moment,
            cloud=None if facts.get("eo:cloud_cover") is None else float(facts["eo:cloud_cover"]),
            outline=item["geometry"],
            assets={str(name): unsigned(item["assets"][name]["href"]) for name in sorted(map(str, names))},
            scale=scale,
            offset=offset,
        )

    def _window(self, uri: str, indexes: list[int], grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        return self._read(uri, lambda dataset: read_window(dataset, indexes, grid))

    def _read(self, uri: str, read: Callable[[Any], T]) -> T:
        """Read a file by its signed url. A refused url is signed anew once; no message shows the signature.

        SourceError for a file that is gone, ReadError for one that is refused or damaged while the service answers
        (object stores refuse with 403 what is gone, where they do not list), ServiceError where it does not answer.
        """
        if not self._web.allows(uri):
            raise ServiceError(f"the recipe names no host for {uri}; add it to imagery.stac.hosts if it is to be read")
        for _ in range(_ATTEMPTS):
            try:
                with opened(self._signed(uri), self._web) as dataset:
                    return read(dataset)
            except ServiceError as error:
                raise ServiceError(self._clean(str(error))) from None
            except SourceError as error:
                failed = self._clean(str(error))
                if isinstance(error, HTTPStatusError) and error.status in _GONE:
                    raise SourceError(failed) from None
            self._token_until = 0.0  # it may have ended by the service's clock, which is not ours
        raise ReadError(f"{failed}; run the same again later") from None

    def _signed(self, uri: str) -> str:
        if self._catalogue.token is None:
            return uri
        with self._lock:
            if time.time() > self._token_until - _RENEW_S:
                self._token, self._token_until = self._new_token(self._catalogue.token)
            return f"{uri}{'&' if '?' in uri else '?'}{self._token}"

    def _new_token(self, url: str) -> tuple[str, float]:
        try:
            return self._web.fetch(url, _read_token)
        except HTTPStatusError as error:  # of all files, whatever the status: none of them is gone for that
            raise ServiceError(f"{error}; run the same again later") from None

    def _clean(self, text: str) -> str:
        return self._web.clean(text.replace(self._token, "***") if self._token else text)


def _is_place(geometry: Any) -> bool:
    try:
        return not shapely.geometry.shape(geometry).is_empty
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError):
        return False


def _is_time(text: str) -> bool:
    try:
        return bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def web_of(recipe: StacRecipe, policy: RequestPolicy) -> WebClient:
    """What a catalogue may ask."""
    catalogue = catalogue_of(recipe)
    urls = (catalogue.url, *([catalogue.token] if catalogue.token else []))
    return WebClient({*(str(urlsplit(url).hostname) for url in urls), *catalogue.hosts}, policy)


def catalogue_of(recipe: StacRecipe) -> Catalogue:
    """The preset, at another address if the recipe says so."""
    preset = CATALOGUES[recipe.preset]
    if recipe.url is None:
        if recipe.token_url is not None:
            raise InputError("imagery.stac.token_url is of another service; name that too: imagery.stac.url")
        return replace(preset, hosts=recipe.hosts or preset.hosts)
    if not recipe.hosts:
        raise InputError(f"imagery.stac.hosts is missing: on which hosts lie the pixels of {recipe.url}?")
    return replace(preset, url=recipe.url, hosts=recipe.hosts, token=recipe.token_url)


def _client(url: str, web: WebClient) -> Any:
    """pystac-client, whose requests go through `web`: the same hosts, pace, retries and silence."""
    try:
        import pystac_client
        from pystac_client.stac_api_io import StacApiIO
    except ImportError as error:
        raise MissingExtraError("pystac-client", "pairs") from error
    logging.getLogger("pystac_client").setLevel(logging.WARNING)

    class ThroughWeb(StacApiIO):
        """Reads what pystac-client asks for."""

        def request(self, href: str, method: str | None = None, headers: Any = None, parameters: Any = None) -> str:
            """The text of an answer."""
            if (method or "GET").upper() == "POST":
                return web.fetch(href, _text, method="POST", json=parameters or {}, headers=headers or {})
            return web.fetch(href, _text, params=parameters or None, headers=headers or {})

    return pystac_client.Client.open(url, stac_io=ThroughWeb())


def _text(response: Response) -> str:
    json_of(response)  # a text that is none is asked for again
    return response.body.decode("utf-8")


def _read_token(response: Response) -> tuple[str, float]:
    document = json_of(response)
    try:
        until = datetime.fromisoformat(str(document["msft:expiry"]).replace("Z", "+00:00"))
        return str(document["token"]), until.timestamp()
    except (ValueError, KeyError, TypeError) as error:
        raise RetryableError(f"an answer that is no token ({type(error).__name__})") from None


def _reflectance(facts: Mapping[str, Any]) -> tuple[float, float]:
    """Scale and offset of Sentinel-2 L2A.

    From processing baseline 04.00 on numbers carry an offset (bands/sensors.py). Earth Search has taken it off where
    it says `earthsearch:boa_offset_applied`, whatever the asset's own `raster:bands` say.
    """
    baseline = facts.get("s2:processing_baseline") or facts.get("processing:version") or "0"
    applied = bool(facts.get("earthsearch:boa_offset_applied", False))
    has_offset = float(baseline) >= SENTINEL2_OFFSET_BASELINE and not applied
    return 1e-4, SENTINEL2_OFFSET if has_offset else 0.0


def _radiometry(scene: Scene, bands: int, reflectance: bool) -> Radiometry:
    if not reflectance:
        return Radiometry((0.0,) * bands, (255.0,) * bands, FULL_RANGE)
    low, high = ((value - scene.offset) / scene.scale for value in (0.0, WHITE_REFLECTANCE))
    return Radiometry((low,) * bands, (high,) * bands, "reflectance")
