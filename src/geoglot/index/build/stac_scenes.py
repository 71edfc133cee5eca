"""Scenes of STAC as sources of an archive: searches of a service, and catalogues in files.

A search is written as `stac:PRESET?bbox=W,S,E,N&datetime=2022-05-01/2022-09-30&cloud=10`, with the presets of
`sources/imagery/catalogues.py`; url, token_url and hosts name another service with the same collection. A catalogue in
files is an item, an item collection, or a collection with its items, whose rasters lie on this machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl

import numpy as np

from geoglot.errors import InputError, ReadError, SourceError
from geoglot.geo import Grid, Window
from geoglot.index.build.units import PREFIX
from geoglot.sources.areas import boxes_between
from geoglot.sources.imagery.catalogues import CatalogueName
from geoglot.sources.imagery.scene import Scene
from geoglot.sources.imagery.stac import Stac, StacRecipe, web_of
from geoglot.sources.raster_guard import is_local
from geoglot.sources.tile import Tile
from geoglot.tables import parse_json, read_text
from geoglot.times import to_utc
from geoglot.web.client import RequestPolicy

_KEYS = {"bbox", "datetime", "cloud", "url", "token_url", "hosts"}
_IMAGES = ("visual", "image", "data")  # assets that are taken first
_DEEPEST = 8  # of catalogues in catalogues


@dataclass(frozen=True)
class StacScene:
    """An open scene of a service, with what is read of a Raster."""

    imagery: Stac
    scene: Scene
    native: Grid
    grid: Grid
    uri: str
    warnings: tuple[str, ...] = ()
    time: datetime | None = None

    def read(self, window: Window) -> Tile:
        """Read a window of `grid`, mirrored beyond it; ReadError if a file is damaged."""
        inside = window.intersection(self.grid.whole) or Window(0, 0, 1, 1)
        tile = self.imagery.read(self.scene, self.grid.window(inside))
        rims = window.rims(inside)
        pixels = np.pad(tile.pixels, [(0, 0), *rims], mode="symmetric")
        return replace(tile, pixels=pixels, valid=np.pad(tile.valid, rims), grid=self.grid.window(window))

    def cloud(self, window: Window) -> float | None:
        """Share of cloud in a window, 0..1, by the mask of the scene; None without one."""
        try:
            return self.imagery.read_cloud(self.scene, self.grid.window(window))
        except ReadError:
            return None

    def check_unchanged(self) -> None:
        """A scene of a service keeps its content."""


@contextmanager
def open_scene_of(found: Mapping[str, Any]) -> Iterator[StacScene]:
    """Open a scene as `search_scenes` found it; its services may be asked now."""
    recipe = StacRecipe(**{**found["recipe"], "hosts": tuple(found["recipe"]["hosts"])})
    scene = Scene(**found["scene"])
    with closing(Stac(recipe, web_of(recipe, RequestPolicy()))) as imagery:
        grid = imagery.grid_of(scene)
        yield StacScene(imagery, scene, grid, grid, next(iter(scene.assets.values())))


def search_scenes(query: str) -> Iterator[tuple[dict[str, Any], Scene]]:
    """Search a service; yields each scene with what `open_scene_of` takes. InputError for an unreadable query."""
    preset, _, text = query.removeprefix(PREFIX).partition("?")
    asked = dict(parse_qsl(text))
    if preset not in get_args(CatalogueName) or "bbox" not in asked or not asked.keys() <= _KEYS:
        presets = ", ".join(get_args(CatalogueName))
        raise InputError(
            f"a search must be stac:PRESET?bbox=W,S,E,N with {', '.join(sorted(_KEYS - {'bbox'}))} if wanted, and a "
            f"preset of {presets}, got {query!r}"
        )
    try:
        west, south, east, north = (float(edge) for edge in asked["bbox"].split(","))
        first, _, last = asked.get("datetime", "").partition("/")
        days = [date.fromisoformat(day) if day.strip(".") else None for day in (first, last or first)]
        cloud = float(asked.get("cloud", StacRecipe("naip").most_cloud))
    except ValueError as error:
        raise InputError(f"{query!r} cannot be read: {error}") from None
    hosts = tuple(host for host in asked.get("hosts", "").split(",") if host)
    recipe = StacRecipe(preset, asked.get("url"), asked.get("token_url"), hosts, cloud)  # type: ignore[arg-type]
    seen = set[str]()
    with closing(Stac(recipe, web_of(recipe, RequestPolicy()))) as imagery:
        for box in boxes_between(west, south, east + (360 if west > east else 0), north):
            for scene in imagery.scenes(box, *days):
                if scene.id not in seen:
                    seen.add(scene.id)
                    yield {"recipe": asdict(recipe), "scene": asdict(scene)}, scene


def scene_sha(found: Mapping[str, Any]) -> str:
    """What stands for the content of a scene of a service: its id and the addresses of its files."""
    facts = {key: found["scene"][key] for key in ("id", "assets", "scale", "offset")}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def read_catalogue(path: Path, depth: int = 0) -> Iterator[tuple[str, str | None, float | None]]:
    """(raster, time in UTC, share of cloud) of the items of a catalogue in files; SourceError if it is none."""
    try:
        document = parse_json(read_text(path).body)
        kind = document["type"]
        if kind in ("Feature", "FeatureCollection"):
            for item in document["features"] if kind == "FeatureCollection" else [document]:
                yield _read_item(item, path)
            return
        links = [str(link["href"]) for link in document["links"] if link["rel"] in ("item", "child")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path} is not a catalogue of STAC ({error!r}); give items or a collection") from error
    if depth >= _DEEPEST:
        raise SourceError(f"{path} lies more than {_DEEPEST} catalogues deep")
    for link in links:
        yield from read_catalogue(Path(_local(link, path)), depth + 1)


def _read_item(item: Mapping[str, Any], path: Path) -> tuple[str, str | None, float | None]:
    facts, assets = item["properties"], item["assets"]
    rasters = [name for name, asset in assets.items() if "tiff" in str(asset.get("type", "image/tiff"))]
    name = next((name for name in _IMAGES if name in rasters), rasters[0] if len(rasters) == 1 else None)
    if name is None:
        raise SourceError(
            f"the item {item['id']!r} of {path} must have one raster, or one called visual, image or data"
        )
    moment, cloud = facts.get("datetime") or facts.get("start_datetime"), facts.get("eo:cloud_cover")
    time = to_utc(datetime.fromisoformat(moment)).isoformat() if moment else None
    return _local(str(assets[name]["href"]), path), time, None if cloud is None else float(cloud) / 100


def _local(href: str, path: Path) -> str:
    if not is_local(href):
        raise SourceError(
            f"{path} names {href}, which is not on this machine; search its service by stac:PRESET?bbox=..."
        )
    return str(path.parent / href)
