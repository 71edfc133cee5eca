"""The recipe of `geoglot pairs collect`.

[paper] marks values from GRAFT's paper or its authors' code (Mall et al., ICLR 2024; graft-data-collection).
"""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Interval

from geoglot.aliases import Amount, Count, Part, Positive, Weight
from geoglot.errors import InputError
from geoglot.sources.imagery.scene_folder import LocalImageryRecipe
from geoglot.sources.imagery.stac import StacRecipe
from geoglot.sources.photos.flickr import FlickrRecipe
from geoglot.sources.photos.local_photos import LocalPhotosRecipe
from geoglot.sources.photos.mapillary import MapillaryRecipe
from geoglot.sources.photos.wikimedia import WikimediaRecipe
from geoglot.web.client import RequestPolicy

Judged = Literal["indoor", "people", "text"]


@dataclass(frozen=True)
class PlacesRecipe:
    """Places around which photos are searched: points uniform over area, or as dense as a raster."""

    count: Count = 10_000
    """[paper] 10,000 in each run."""
    seed: Amount = 42
    """[paper] With the same seed, a larger count adds places and keeps the others."""
    bounds: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees; west > east crosses the antimeridian."""
    area: Path | None = None
    """A file of polygons (GeoPackage, GeoJSON, Shapefile, GeoParquet), such as countries."""
    column: str | None = None
    """Column of `area` that names its polygons; left out, all polygons are used."""
    names: tuple[str, ...] = ()
    """Names of the polygons to use."""
    density: Path | None = None
    """A raster, of population for example, to which the density of places is proportional; no data counts as 0."""


@dataclass(frozen=True)
class PhotosRecipe:
    """Which photos are collected; every source that has a table in the recipe is searched."""

    radius_m: Positive = 2000.0
    """[paper] Radius of the search around each place."""
    after: date | None = date(2013, 1, 1)
    """[paper] First day on which photos were taken."""
    before: date | None = None
    """Last day on which photos were taken."""
    licences: tuple[str, ...] = ()
    """Accepted licences, such as cc0, pd, cc-by, cc-by-sa; left out, all are accepted."""
    flickr: FlickrRecipe | None = None
    wikimedia: WikimediaRecipe | None = None
    mapillary: MapillaryRecipe | None = None
    local: LocalPhotosRecipe | None = None


@dataclass(frozen=True)
class FiltersRecipe:
    """Rules by which photos are left out."""

    decimals: Amount = 3
    """Decimals that longitude or latitude must have: 3 is 100 m. Rounded coordinates belong to a town, not a camera."""
    accuracy: Annotated[int, Interval(ge=0, le=16)] = 15
    """Lowest accepted accuracy of Flickr's geotags; other sources have none."""
    same_look: Annotated[int, Interval(ge=-1, le=32)] = 4
    """Neighbouring photos look the same if their perceptual hashes differ in so many of 64 bits at most; -1: never."""
    per_user: Amount = 0
    """Photos per user and spot (a square of the tiles' spacing), drawn at random; [paper] 0, which is no limit."""
    judge: str | None = None
    """Name or folder of a CLIP that classifies photos for `without`."""
    classifier: Path | None = None
    """Folder of an image classifier that decides "indoor" in place of the judge's prompts. [paper] one of SUN397."""
    indoor: Path | None = None
    """File with the classes of the classifier that are indoor; see `classifier.py`."""
    without: tuple[Judged, ...] = ("indoor",)
    """Kinds of photos to leave out. [paper] indoor; the authors saw no clear difference."""
    sure: Part = 0.5
    """Lowest probability at which the judge leaves a photo out."""
    seed: Amount = 0

    def __post_init__(self) -> None:
        if (self.classifier is None) != (self.indoor is None):
            raise InputError("filters.classifier and filters.indoor belong together: a model, and which classes count")


@dataclass(frozen=True)
class TilesRecipe:
    """Squares of ground around photos."""

    side: Count = 224
    """Pixels. [paper] 224; 448 leaves room to crop and rotate."""
    resolution: Positive = 1.0
    """Metres per pixel. [paper] 1 (NAIP) or 10 (Sentinel-2)."""
    spacing: Amount = 0
    """Smallest distance in pixels between two centres, along at least one axis; 0 is half the side, as in [paper]."""
    rule: Literal["metres", "degrees"] = "metres"
    """How centres and their photos are chosen: by metres everywhere, or as [paper] by degrees within bins."""
    most_photos: Count = 25
    """Largest number of photos in a tile. [paper] 25."""
    draw: Literal["random", "first"] = "random"
    """Which photos stay if there are more: drawn at random, or as [paper] the first in stored order."""
    seed: Amount = 0

    @property
    def spacing_m(self) -> float:
        return (self.spacing or self.side / 2) * self.resolution

    @property
    def side_m(self) -> float:
        return self.side * self.resolution


@dataclass(frozen=True)
class ImageryRecipe:
    """The source of the scenes that tiles are cut from, exactly one, and how scenes are chosen."""

    days: Amount = 30
    """Largest number of days between photos and scene, if scenes are chosen by time. [paper] the nearest scene."""
    after: date | None = None
    before: date | None = None
    """First and last day of the scenes."""
    most_cloud: Part = 0.01
    """[paper] Largest share of a tile that may be cloud."""
    most_nodata: Part = 0.0
    """Largest share of a tile that may be no data."""
    tries: Count = 8
    """Number of scenes that are tried, the best first, before a tile is left out."""
    stac: StacRecipe | None = None
    local: LocalImageryRecipe | None = None


@dataclass(frozen=True)
class SplitRecipe:
    """Division of the ground into train, validation and test; tiles on a border are left out."""

    block_km: Positive = 20.0
    """Side of a block; each block goes to one set as a whole."""
    validation: Part = 0.05
    test: Part = 0.05
    gap_m: Weight = 0.0
    """Width of the strip that is left out along a border."""
    shard: Count = 1000
    """Tiles per shard."""
    seed: Amount = 0


@dataclass(frozen=True)
class PairsRecipe:
    """A whole collection."""

    name: str
    output: Path
    """Folder of the collection; the pair sets are its subfolders train, validation and test."""
    places: PlacesRecipe | None = None
    photos: PhotosRecipe = field(default_factory=PhotosRecipe)
    filters: FiltersRecipe = field(default_factory=FiltersRecipe)
    tiles: TilesRecipe = field(default_factory=TilesRecipe)
    imagery: ImageryRecipe = field(default_factory=ImageryRecipe)
    split: SplitRecipe = field(default_factory=SplitRecipe)
    web: RequestPolicy = field(default_factory=RequestPolicy)
