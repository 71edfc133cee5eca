"""Scenes of a STAC API (https://api.stacspec.org), searched with pystac-client and read window by window from COGs."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any

import numpy as np
import shapely
from annotated_types import Interval

from geoglot.errors import InputError, MissingExtraError, ServiceError, SourceError
from geoglot.geo import Grid
from geoglot.sources.areas import Box
from geoglot.sources.bands.sensors import SENTINEL2_OFFSET, SENTINEL2_OFFSET_BASELINE, WHITE_REFLECTANCE
from geoglot.sources.imagery.catalogues import CATALOGUES, Catalogue, CatalogueName
from geoglot.sources.imagery.ranges import SignedFiles
from geoglot.sources.imagery.scene import Imagery, Scene
from geoglot.sources.imagery.window import grid_of, read_classes, read_window
from geoglot.sources.pixels.radiometry import FULL_RANGE, Radiometry
from geoglot.sources.tile import Tile
from geoglot.times import to_utc
from geoglot.web.client import RequestPolicy, WebClient, host_of
from geoglot.web.redaction import unsigned
from geoglot.web.response import FORMAT_ERRORS, Response, json_of, plain

_PAGE = 100
_MOST_CORNERS = 10_000  # of the outline of a scene
_MOST_ITEMS = 20_000  # decades of Sentinel-2 over a neighbourhood


@dataclass(frozen=True)
class StacRecipe:
    """Scenes of a STAC API."""

    preset: CatalogueName
    url: str | None = None
    """Another service that has the preset's collection in the same form."""
    token_url: str | None = None
    """Address of that service's tokens for signed urls."""
    hosts: tuple[str, ...] = ()
    """Hosts of the pixels; left out, the hosts of the preset."""
    most_cloud: Annotated[float, Interval(ge=0, le=100)] = 1.0
    """Largest cloud cover of a scene in percent; [paper] under 1."""


class Stac(Imagery):
    """One collection of one service."""

    def __init__(self, recipe: StacRecipe, web: WebClient) -> None:
        self._most_cloud, self._web = recipe.most_cloud, web
        self._client: Any = None
        self._catalogue = catalogue_of(recipe)
        self._files = SignedFiles(web, self._catalogue.token)
        self.newest = self._catalogue.newest
        self.bands = tuple(band.name for band in self._catalogue.bands)

    def identity(self) -> str:
        return f"stac {self._catalogue} {self._most_cloud}"

    def scenes(self, box: Box, first: date | None, last: date | None) -> Sequence[Scene]:
        try:
            from pystac import STACError
            from pystac_client.errors import ClientTypeError
            from pystac_client.exceptions import APIError
            from pystac_client.warnings import DoesNotConformTo
        except ImportError as error:
            raise MissingExtraError("pystac-client", "pairs") from error
        url, has_classes = self._catalogue.url, self._catalogue.classes is not None
        parameters: dict[str, Any] = {
            "collections": [self._catalogue.collection], "bbox": [box.west, box.south, box.east, box.north],
            "datetime": f"{first or '..'}/{last or '..'}" if first or last else None, "limit": _PAGE,
        }  # fmt: skip
        if has_classes:
            parameters["query"] = {"eo:cloud_cover": {"lt": self._most_cloud}}
        try:
            self._client = self._client or _open_client(url, self._web)
            scenes = self._read_items(self._client.search(**parameters).items_as_dicts())
        except APIError as error:
            raise SourceError(self._web.clean(f"{url} refuses the search: {plain(error)}")) from error
        except (STACError, ClientTypeError, DoesNotConformTo, *FORMAT_ERRORS) as error:
            why = f"{url} does not respond in the form of STAC ({plain(error)}); run the same again later"
            raise ServiceError(self._web.clean(why)) from error
        # Services without the extension `query` ignore it.
        return [scene for scene in scenes if not has_classes or (scene.cloud or 0.0) < self._most_cloud]

    def read_cloud(self, scene: Scene, grid: Grid) -> float | None:
        catalogue = self._catalogue
        if catalogue.classes is None or catalogue.classes not in scene.assets:
            return None
        classes = self._files.read(scene.assets[catalogue.classes], lambda dataset: read_classes(dataset, grid))
        seen = classes > 0
        return float(np.isin(classes, catalogue.cloud_classes)[seen].mean()) if seen.any() else 0.0

    def read(self, scene: Scene, grid: Grid) -> Tile:
        """Read a scene asset by asset; a pixel is valid if it is valid in every asset."""
        by_asset: dict[str, list[int]] = {}
        for band in self._catalogue.bands:
            by_asset.setdefault(band.asset, []).append(band.index)
        parts = [
            self._files.read(scene.assets[asset], partial(read_window, indexes=indexes, grid=grid))
            for asset, indexes in by_asset.items()
        ]
        values = np.concatenate([values for values, _ in parts])
        valid = np.logical_and.reduce([valid for _, valid in parts])
        pixels = self._radiometry(scene).apply(values, valid)
        return Tile(pixels, valid, grid, self.bands, scene.moment, scene.id)

    def grid_of(self, scene: Scene) -> Grid:
        """The grid of the first band of a scene."""
        return self._files.read(scene.assets[self._catalogue.bands[0].asset], grid_of)

    def close(self) -> None:
        self._web.close()

    def _radiometry(self, scene: Scene) -> Radiometry:
        bands = len(self.bands)
        if not self._catalogue.reflectance:
            return Radiometry((0.0,) * bands, (255.0,) * bands, FULL_RANGE)
        low, high = ((value - scene.offset) / scene.scale for value in (0.0, WHITE_REFLECTANCE))
        return Radiometry((low,) * bands, (high,) * bands, "reflectance")

    def _read_items(self, items: Iterable[Any]) -> list[Scene]:
        """The scenes of items, without those that cannot be read; the last error if none can, ServiceError if many."""
        scenes, failed = list[Scene](), list[Exception]()
        for number, item in enumerate(items, 1):
            if number > _MOST_ITEMS:
                url = self._catalogue.url
                raise ServiceError(f"{url} has no end: one search found more than {_MOST_ITEMS:,} scenes")
            try:
                scene = self._read_item(item)
            except FORMAT_ERRORS as error:
                failed[:] = [error]
            else:
                scenes += [scene] if scene else []
        if failed and not scenes:
            raise failed[0]
        return scenes

    def _read_item(self, item: Mapping[str, Any]) -> Scene | None:
        """The scene of an item; None if it lacks a band, a place or a time."""
        catalogue, facts = self._catalogue, item["properties"]
        wanted = {band.asset for band in catalogue.bands}
        moment = str(facts.get("datetime") or facts.get("start_datetime") or "")
        if not wanted <= set(item["assets"]) or not _is_usable(item.get("geometry"), moment):
            return None
        names = [*wanted, *([catalogue.classes] if catalogue.classes in item["assets"] else [])]
        scale, offset = _reflectance(facts) if catalogue.reflectance else (1.0, 0.0)
        return Scene(
            id=plain(item["id"]),
            time=moment,
            cloud=None if facts.get("eo:cloud_cover") is None else float(facts["eo:cloud_cover"]),
            outline=item["geometry"],
            assets={str(name): unsigned(item["assets"][name]["href"]) for name in sorted(map(str, names))},
            scale=scale,
            offset=offset,
        )


def _is_usable(geometry: Any, moment: str) -> bool:
    try:
        to_utc(datetime.fromisoformat(moment))
        outline = shapely.geometry.shape(geometry)
        return bool(np.isfinite(outline.bounds).all() and shapely.get_num_coordinates(outline) <= _MOST_CORNERS)
    except (shapely.errors.ShapelyError, *FORMAT_ERRORS):
        return False


def _reflectance(facts: Mapping[str, Any]) -> tuple[float, float]:
    """Scale and offset of Sentinel-2 L2A.

    Since processing baseline 04.00 stored numbers have an offset (sources/bands/sensors.py). Earth Search removed it
    where `earthsearch:boa_offset_applied` is set, whatever `raster:bands` of the asset says.
    """
    baseline = facts.get("s2:processing_baseline") or facts.get("processing:version") or "0"
    applied = bool(facts.get("earthsearch:boa_offset_applied", False))
    has_offset = float(baseline) >= SENTINEL2_OFFSET_BASELINE and not applied
    return 1e-4, SENTINEL2_OFFSET if has_offset else 0.0


def web_of(recipe: StacRecipe, policy: RequestPolicy) -> WebClient:
    """A web client for the hosts of a catalogue."""
    catalogue = catalogue_of(recipe)
    named = {host_of(catalogue.url, "imagery.stac.url")}
    named |= {host_of(catalogue.token, "imagery.stac.token_url")} if catalogue.token else set()
    return WebClient({*named, *catalogue.hosts}, policy)


def catalogue_of(recipe: StacRecipe) -> Catalogue:
    """The preset, or the same collection at the recipe's address."""
    preset = CATALOGUES[recipe.preset]
    if recipe.url is None:
        if recipe.token_url is not None:
            raise InputError("imagery.stac.token_url is of another service; name that too: imagery.stac.url")
        return replace(preset, hosts=recipe.hosts or preset.hosts)
    if not recipe.hosts:
        raise InputError(f"imagery.stac.hosts is missing: on which hosts lie the pixels of {recipe.url}?")
    return replace(preset, url=recipe.url, hosts=recipe.hosts, token=recipe.token_url)


def _open_client(url: str, web: WebClient) -> Any:
    """A pystac-client whose requests go through `web`: the same hosts, pace, retries and redaction."""
    import pystac_client
    from pystac import Link
    from pystac_client.stac_api_io import StacApiIO

    logging.getLogger("pystac_client").setLevel(logging.WARNING)

    class ThroughWeb(StacApiIO):
        def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
            # The original opens an address that is no url as a file of this machine.
            is_link = isinstance(source, Link)
            return super().read_text(source, *args, **kwargs) if is_link else self.request(str(source), *args, **kwargs)

        def request(self, href: str, method: str | None = None, headers: Any = None, parameters: Any = None) -> str:
            # An answer may name headers for its next page, but not another host.
            headers = {name: text for name, text in (headers or {}).items() if name.lower() != "host"}
            if (method or "GET").upper() == "POST":
                return web.fetch(href, _read_text, method="POST", json=parameters or {}, headers=headers)
            return web.fetch(href, _read_text, params=parameters or None, headers=headers)

    return pystac_client.Client.open(url, stac_io=ThroughWeb())


def _read_text(response: Response) -> str:
    json_of(response)  # raises for a retry if it is not JSON
    return response.body.decode("utf-8")
