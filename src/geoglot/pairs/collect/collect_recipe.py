"""What a collection is made of: the recipe of `geoglot pairs collect`.

[paper]: as GRAFT's paper or its authors' code has it (Mall et al., ICLR 2024; graft-data-collection).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Interval

from geoglot.aliases import Amount, Count, Part, Positive, Weight
from geoglot.sources.imagery.scene_folder import LocalImageryRecipe
from geoglot.sources.imagery.stac import StacRecipe
from geoglot.sources.photos.flickr import FlickrRecipe
from geoglot.sources.photos.mapillary import MapillaryRecipe
from geoglot.sources.photos.photo_folder import LocalPhotosRecipe
from geoglot.sources.photos.wikimedia import WikimediaRecipe
from geoglot.web.client import RequestPolicy

Judged = Literal["indoor", "people", "text"]


@dataclass(frozen=True)
class PlacesRecipe:
    """Where photos are looked for: points that are uniform over area, or as dense as a raster says."""

    count: Count = 10_000
    """[paper] 10,000 a run."""
    seed: Amount = 42
    """[paper]. The first places of a seed are the same however many there are."""
    bounds: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees; west > east crosses the antimeridian."""
    area: Path | None = None
    """A file of polygons (GeoPackage, GeoJSON, Shapefile, GeoParquet): a country set."""
    column: str | None = None
    """Of `area`: which of its polygons, by the values of this column ..."""
    names: tuple[str, ...] = ()
    """... that are among these."""
    density: Path | None = None
    """A raster to whose numbers places are proportional, of people or of photos; nothing where it has no data."""


@dataclass(frozen=True)
class PhotosRecipe:
    """Which photos, and from where; each source that has a table is asked."""

    radius_m: Positive = 2000.0
    """[paper] Around each place."""
    after: date | None = date(2013, 1, 1)
    """[paper] First day."""
    before: date | None = None
    """Last day."""
    licences: tuple[str, ...] = ()
    """Which may be kept, such as cc0, pd, cc-by, cc-by-sa; all if left out."""
    flickr: FlickrRecipe | None = None
    wikimedia: WikimediaRecipe | None = None
    mapillary: MapillaryRecipe | None = None
    local: LocalPhotosRecipe | None = None


@dataclass(frozen=True)
class FiltersRecipe:
    """Which photos are left out."""

    decimals: Amount = 3
    """Longitude or latitude must have at least so many: 3 is 100 m. A rounded place is a town's, not a camera's."""
    accuracy: Annotated[int, Interval(ge=0, le=16)] = 15
    """Least level of Flickr's geotags, where there is one."""
    same_look: Annotated[int, Interval(ge=-1, le=32)] = 4
    """Photos near each other whose perceptual hashes differ in so few of 64 bits are one; -1 keeps them all."""
    per_user: Amount = 0
    """Most photos of a user at one spot (a square of the tiles' spacing), drawn at random; [paper] 0, no limit."""
    judge: str | None = None
    """A CLIP, by name or folder, that leaves out what `without` says."""
    without: tuple[Judged, ...] = ("indoor",)
    """[paper] indoor; the authors saw no clear difference."""
    sure: Part = 0.5
    """Least probability by which the judge leaves a photo out."""
    seed: Amount = 0


@dataclass(frozen=True)
class TilesRecipe:
    """Squares of ground with a photo in their middle."""

    side: Count = 224
    """Pixels. [paper] 224; 448 leaves room to crop and turn."""
    resolution: Positive = 1.0
    """Metres a pixel. [paper] 1 (NAIP) or 10 (Sentinel-2)."""
    spacing: Amount = 0
    """Pixels, at least, between two centres along one of the axes; 0 is half the side, as [paper]."""
    most_photos: Count = 25
    """[paper] 25 a tile; the first 25 there, drawn at random here."""
    seed: Amount = 0

    @property
    def spacing_m(self) -> float:
        """Metres between centres."""
        return (self.spacing or self.side / 2) * self.resolution

    @property
    def side_m(self) -> float:
        """Metres along a side."""
        return self.side * self.resolution


@dataclass(frozen=True)
class ImageryRecipe:
    """Which scenes; one source."""

    days: Amount = 30
    """Farthest from the photos, for what is chosen by time; [paper] the nearest."""
    after: date | None = None
    before: date | None = None
    """First and last day of scenes."""
    most_cloud: Part = 0.01
    """[paper] Share of a tile that may be cloud."""
    most_nodata: Part = 0.0
    """Share of a tile that may have no data."""
    tries: Count = 8
    """Scenes looked at, the best first, before a tile is given up."""
    stac: StacRecipe | None = None
    local: LocalImageryRecipe | None = None


@dataclass(frozen=True)
class SplitRecipe:
    """Which ground is for what. Tiles on the border of two parts are left out."""

    block_km: Positive = 20.0
    """Side of the squares that are drawn."""
    validation: Part = 0.05
    test: Part = 0.05
    gap_m: Weight = 0.0
    """Ground left out along the borders."""
    shard: Count = 1000
    """Tiles a shard."""
    seed: Amount = 0


@dataclass(frozen=True)
class PairsRecipe:
    """Everything that decides a collection."""

    name: str
    output: Path
    """Folder of all stages; the pair sets are its subfolders train, validation and test."""
    places: PlacesRecipe | None = None
    photos: PhotosRecipe = field(default_factory=PhotosRecipe)
    filters: FiltersRecipe = field(default_factory=FiltersRecipe)
    tiles: TilesRecipe = field(default_factory=TilesRecipe)
    imagery: ImageryRecipe = field(default_factory=ImageryRecipe)
    split: SplitRecipe = field(default_factory=SplitRecipe)
    web: RequestPolicy = field(default_factory=RequestPolicy)
