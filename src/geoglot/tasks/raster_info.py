"""What `inspect_raster` tells of a raster."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.scene.scene_page import draw_scene
from geoglot.scene.visible import Shown
from geoglot.sources.raster import Raster
from geoglot.tasks.inspected_area import InspectedArea
from geoglot.tasks.raster_page import page_of_raster

SAME_RESOLUTION = 1.05
"""Ratio up to which the resolutions of a raster and a model count as the same."""


@dataclass(frozen=True)
class BandInfo:
    """One band of the file."""

    index: int
    """Counted from 1."""
    name: str
    """Its description in the file, lower case; empty if there is none."""
    colour: str | None
    """red, green, blue, nir, ..., if the file or the sensor preset says it."""
    wavelength_um: float | None
    type: str
    nodata: float | str | None
    """A number, "nan", or None if the file states none."""
    low: float | None
    """2nd percentile of its stored numbers, from an overview; None without a valid pixel, or if there are too many."""
    high: float | None
    """98th percentile."""


@dataclass(frozen=True)
class Fit:
    """How a model would read the raster."""

    model: str
    understands_m: tuple[float, float]
    """Metres a pixel, finest and coarsest."""
    read_at_m: float | None
    """Metres per pixel at which it would be read; None without a CRS, since it is read in its own pixels."""
    shape: tuple[int, int]
    """Rows and columns of the grid that would be read."""
    fits: bool | None
    """True if the model understands the raster's own resolution; None if that is unknown."""
    says: str
    """The same as a sentence."""


@dataclass(frozen=True)
class RasterInfo(ShownOnMap):
    """What `geoglot info` prints."""

    source: str
    driver: str
    shape: tuple[int, int]
    bands: tuple[BandInfo, ...]
    crs: str | None
    resolution_m: float | None
    bounds: tuple[float, float, float, float] | None
    """West, south, east, north in degrees; west > east across the antimeridian."""
    area_m2: float | None
    """Area of the whole grid, no data included."""
    time: str | None
    sensor: str | None
    """The sensor that its name, its tags, its band numbers or the preset indicate."""
    shown: tuple[int, ...]
    """Indices of red, green and blue, and of any more bands that were asked for."""
    why: str
    """The end of the sentence "these are red, green, blue ..."."""
    guessed: bool
    """True if they are the first three bands because nothing indicates others."""
    radiometry: dict[str, Any]
    overviews: tuple[int, ...]
    fit: Fit
    shows: Shown | None
    """Common things that its pixels show one by one, and others; None if the size of its pixels is unknown."""
    notes: tuple[str, ...]
    area: InspectedArea | None
    """What lies in the area of interest, if one was given."""
    picture: Path | None
    """The picture of the bands."""
    scene: Raster = field(repr=False, compare=False)
    """The raster as it would be read, closed."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot info --json` and `geoglot bands --json`."""
        document = asdict(self) | {"picture": str(self.picture) if self.picture else None}
        del document["scene"]
        return document

    def page(self) -> Page:
        return page_of_raster(self)

    def draw(self) -> Drawing:
        return draw_scene(self.scene, self.source)
