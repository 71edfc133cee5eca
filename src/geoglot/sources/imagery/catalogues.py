"""Public STAC catalogues: collections, assets of their bands, and the meaning of the stored numbers.

Earth Search (Element 84, https://earth-search.aws.element84.com/v1) has Sentinel-2 L2A as open COGs. The Planetary
Computer (https://planetarycomputer.microsoft.com/docs) has NAIP and Sentinel-2 at urls that need a signature, a token
that anyone may get. The presets follow the documentation and were not tested against the services.
"""

from dataclasses import dataclass, replace
from typing import Literal

CatalogueName = Literal["sentinel2-l2a", "sentinel2-l2a-planetary", "naip"]
#: Scene classification of Sentinel-2 L2A: 0 no data, 8 and 9 cloud of medium and high probability, 10 thin cirrus
SCL_CLOUD = (8, 9, 10)


@dataclass(frozen=True)
class Band:
    """A band of a tile: the asset of an item that holds it, and its number in that file, from 1."""

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
    """Prefer the newest scene to the nearest in time. NAIP has a scene every 2 or 3 years, Sentinel-2 every 5 days."""
    reflectance: bool = False
    """Whether stored numbers are reflectances, or else brightness 0..255."""
    classes: str | None = None
    """Asset with a classification of the pixels."""
    cloud_classes: tuple[int, ...] = ()
    """Classes that are cloud."""
    token: str | None = None
    """Address of the token that signs urls; None if they need no signature."""


_PLANETARY = "https://planetarycomputer.microsoft.com/api"
_EARTH_SEARCH = Catalogue(
    "https://earth-search.aws.element84.com/v1",
    "sentinel-2-l2a",
    ("sentinel-cogs.s3.us-west-2.amazonaws.com",),
    (Band("red", "red"), Band("green", "green"), Band("blue", "blue")),
    newest=False,
    reflectance=True,
    classes="scl",
    cloud_classes=SCL_CLOUD,
)
CATALOGUES: dict[CatalogueName, Catalogue] = {
    "sentinel2-l2a": _EARTH_SEARCH,
    "sentinel2-l2a-planetary": replace(
        _EARTH_SEARCH,
        url=f"{_PLANETARY}/stac/v1",
        hosts=("sentinel2l2a01.blob.core.windows.net",),
        bands=(Band("red", "B04"), Band("green", "B03"), Band("blue", "B02")),
        classes="SCL",
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
