"""Public STAC catalogues as data: which collection, which asset is red, green and blue, what the numbers mean.

Earth Search (Element 84, https://earth-search.aws.element84.com/v1) has Sentinel-2 L2A as open COGs; the Planetary
Computer (https://planetarycomputer.microsoft.com/docs) has NAIP and Sentinel-2, whose urls a token signs that anyone
may ask for. Written down from their documents; neither could be reached where this was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CatalogueName = Literal["sentinel2-l2a", "sentinel2-l2a-planetary", "naip"]
#: Scene classification of Sentinel-2 L2A: 0 no data, 8 and 9 cloud of medium and high probability, 10 thin cirrus
SCL_CLOUD = (8, 9, 10)


@dataclass(frozen=True)
class Band:
    """One band of a tile: an asset of the item, and which band of that file."""

    name: str
    asset: str
    index: int = 1


@dataclass(frozen=True)
class Catalogue:
    """One collection of one service."""

    url: str
    collection: str
    hosts: tuple[str, ...]
    """Where pixels lie."""
    bands: tuple[Band, ...]
    newest: bool
    """NAIP flies every second or third year: the newest. Sentinel-2 every five days: the nearest in time."""
    reflectance: bool = False
    """Whether numbers are reflectances; else they are brightness 0..255."""
    classes: str | None = None
    """Asset that says which pixels are cloud."""
    cloud_classes: tuple[int, ...] = ()
    token: str | None = None
    """Where a token is had that signs urls."""


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
