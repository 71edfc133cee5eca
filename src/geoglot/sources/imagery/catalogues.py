"""Public STAC catalogues: collections, assets of the bands, and what their numbers mean.

Earth Search (Element 84, https://earth-search.aws.element84.com/v1) has Sentinel-2 L2A as open COGs; the Planetary
Computer (https://planetarycomputer.microsoft.com/docs) has NAIP and Sentinel-2, with urls that are signed by a token
which anyone may get. Written from their documents; neither could be reached for a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CatalogueName = Literal["sentinel2-l2a", "sentinel2-l2a-planetary", "naip"]
#: Scene classification of Sentinel-2 L2A: 0 no data, 8 and 9 cloud of medium and high probability, 10 thin cirrus
SCL_CLOUD = (8, 9, 10)


@dataclass(frozen=True)
class Band:
    """A band of a tile: an asset of the item and the number of the band in that file."""

    name: str
    asset: str
    index: int = 1


@dataclass(frozen=True)
class Catalogue:
    """A collection of a service."""

    url: str
    collection: str
    hosts: tuple[str, ...]
    """Hosts of the pixels."""
    bands: tuple[Band, ...]
    newest: bool
    """Prefer the newest scene, not the nearest in time. NAIP has one in two or three years, Sentinel-2 in five days."""
    reflectance: bool = False
    """Numbers are reflectances, else brightness 0..255."""
    classes: str | None = None
    """Asset with classes, some of which are cloud."""
    cloud_classes: tuple[int, ...] = ()
    token: str | None = None
    """Address of the token that signs urls."""


_PLANETARY = "https://planetarycomputer.microsoft.com/api"

CATALOGUES: dict[CatalogueName, Catalogue] = {
    "sentinel2-l2a": Catalogue(
        "https://earth-search.aws.element84.com/v1",
        "sentinel-2-l2a",
        ("sentinel-cogs.s3.us-west-2.amazonaws.com",),
        (Band("red", "red"), Band("green", "green"), Band("blue", "blue")),
        newest=False,
        reflectance=True,
        classes="scl",
        cloud_classes=SCL_CLOUD,
    ),
    "sentinel2-l2a-planetary": Catalogue(
        f"{_PLANETARY}/stac/v1",
        "sentinel-2-l2a",
        ("sentinel2l2a01.blob.core.windows.net",),
        (Band("red", "B04"), Band("green", "B03"), Band("blue", "B02")),
        newest=False,
        reflectance=True,
        classes="SCL",
        cloud_classes=SCL_CLOUD,
        token=f"{_PLANETARY}/sas/v1/token/sentinel-2-l2a",
    ),
    "naip": Catalogue(
        f"{_PLANETARY}/stac/v1",
        "naip",
        ("naipeuwest.blob.core.windows.net",),
        (Band("red", "image", 1), Band("green", "image", 2), Band("blue", "image", 3)),
        newest=True,
        token=f"{_PLANETARY}/sas/v1/token/naip",
    ),
}
