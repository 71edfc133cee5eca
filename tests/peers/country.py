"""The country that is made up (recipes/world) as services see it: people's photos, and scenes of the satellite."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
import shapely
from photos import photo_points, render_photo
from PIL import Image
from tiles import render_tile
from world import CLASSES, World

from geoglot.geo import Window
from peers.files import remote_files
from peers.flickr import Flickr, Record
from peers.http import Peer, peer
from peers.stac import StacPeer, item_of, stac_peer

SIDE_M = 512
NAIP = "naip"


@dataclass(eq=False)
class Country:
    """A world, its photos, its scene, and who serves them."""

    world: World
    records: list[Record]
    points: dict[str, tuple[int, int]]
    """Of each photo id, (row, col) of the world."""
    scene: np.ndarray
    """(band, row, col) of the newest scene."""
    flickr: Flickr | None = None
    photos: Peer | None = None
    files: Peer | None = None
    stac: StacPeer | None = None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        lon, lat = self.world.grid.to_lonlat(np.array([SIDE_M, 0]), np.array([0, SIDE_M]))
        return float(lon[0]), float(lat[0]), float(lon[1]), float(lat[1])

    @lru_cache(None)  # noqa: B019 there is one country
    def picture(self, record: Record) -> bytes:
        """What the camera saw, 96 px, the same at every request."""
        rng = np.random.default_rng(int(record.id))
        seen = Image.fromarray(render_photo(self.world, *self.points[record.id], rng).transpose(1, 2, 0))
        file = io.BytesIO()
        seen.resize((96, 96), Image.Resampling.BICUBIC).save(file, "JPEG", quality=92)
        return file.getvalue()


def make_country(count: int = 90, seed: int = 3) -> Country:
    """Photos all over it; every class is among them."""
    world, rng = World(seed, SIDE_M), np.random.default_rng(seed)
    records, points = [], {}
    for number, (row, col) in enumerate(photo_points(world, Window(0, 0, SIDE_M, SIDE_M), count, rng), 1):
        lon, lat = world.grid.to_lonlat(row + 0.5, col + 0.5)
        kind = CLASSES[world.truth(Window(row, col, 1, 1))[0, 0]]
        taken = f"20{10 + number % 10:02d}-{1 + number % 12:02d}-{1 + number % 28:02d} 12:{number % 60:02d}:00"
        identity = str(10_000 + number)
        records.append(
            Record(identity, round(float(lon), 7), round(float(lat), 7), taken, f"{number % 7}@N00", f"{kind} {number}",
                   uploaded=1_500_000_000 + number, licence=(4, 5, 9, 0)[number % 4])
        )  # fmt: skip
        points[identity] = (row, col)
    scene = render_tile(world, Window(0, 0, SIDE_M, SIDE_M), np.random.default_rng(7))
    return Country(world, records, points, scene)


def write_cog(path: Path, pixels: np.ndarray, transform: Any, epsg: int, block: int = 256, **tags: str) -> None:
    """A Cloud-Optimised GeoTIFF with its overviews."""
    profile = {"count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2], "dtype": pixels.dtype}
    options = {"driver": "COG", "blocksize": block, "compress": "DEFLATE", "overview_resampling": "average"}
    with rasterio.open(path, "w", crs=f"EPSG:{epsg}", transform=transform, **profile, **options) as dataset:
        dataset.write(pixels)
        dataset.update_tags(**tags)


@contextmanager
def served(country: Country, folder: Path, signed: bool = True) -> Iterator[Country]:
    """All peers of a country: Flickr, a STAC API with an old and a new NAIP scene, and their COGs."""
    folder.mkdir(exist_ok=True)
    grid = country.world.grid
    write_cog(folder / "new.tif", country.scene, grid.transform, 32632)
    write_cog(folder / "old.tif", 255 - country.scene, grid.transform, 32632)
    country.flickr = Flickr(country.records, country.picture)
    west, south, east, north = country.bounds
    outline = shapely.box(west - 0.001, south - 0.001, east + 0.001, north + 0.001)
    with peer(country.flickr) as photos, remote_files(folder, signed) as files:
        country.flickr.base = photos.url
        items = [
            item_of(name, NAIP, outline, f"{year}-07-01T16:00:00Z", {"image": f"{files.url}/{name}.tif?sig=theirs"})
            for name, year in (("old", 2015), ("new", 2021))
        ]
        with stac_peer(items, NAIP) as stac:
            country.photos, country.files, country.stac = photos, files, stac
            yield country


RECIPE = """
name = "country"
output = "{output}"
[places]
count = 12
seed = 1
bounds = {bounds}
[photos]
radius_m = 200.0
after = 2010-01-01
[photos.flickr]
url = "{flickr}/services/rest/"
hosts = ["127.0.0.1"]
[tiles]
side = 64
[imagery.stac]
preset = "naip"
url = "{stac}"
hosts = ["127.0.0.1"]
token_url = "{files}/token"
[split]
block_km = 0.15
validation = 0.2
test = 0.2
shard = 20
[web]
per_second = 2000.0
retries = 4
timeout_s = 0.4
wait_s = 0.01
parallel = 3
{more}
"""


def write_recipe(country: Country, folder: Path, output: str = "pairs", more: str = "") -> Path:
    """A recipe that asks the peers."""
    assert country.photos and country.stac and country.files
    path = folder / f"{output}.toml"
    urls = {"flickr": country.photos.url, "stac": country.stac.url, "files": country.files.url}
    path.write_text(RECIPE.format(output=output, bounds=list(country.bounds), more=more, **urls))
    return path


def geodesic_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    return float(pyproj.Geod(ellps="WGS84").inv(lon, lat, other_lon, other_lat)[2])
