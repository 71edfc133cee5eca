"""Polygons with an attribute `class`, in any reference system, as the labels of an image."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj.exceptions import ProjError

from geoglot.crs import with_x_first
from geoglot.datasets.image_files import grid_of
from geoglot.datasets.labels import NONE, LabelMap, Labels
from geoglot.errors import InputError, SourceError
from geoglot.geo import Grid

SUFFIXES = frozenset({".geojson", ".json", ".gpkg", ".shp", ".parquet", ".fgb", ".kml"})
_CLASS = "class"
CLASS_COLUMNS = (_CLASS, "class_name", "classname", "label", "category", "landcover", "landuse", "type")
"""Attributes that name the class, in order of preference."""
_NOT_AREAS = "lines or points passed over: only polygons are labels"
_MENDED = "polygons that cross themselves, mended"
_OUTSIDE = "polygons outside their image"


@dataclass(frozen=True)
class Polygons(Labels):
    """A file of polygons; where polygons overlap, the last is on top."""

    path: Path
    names: Mapping[str, int]
    """Class index by name."""
    rest: int = NONE
    """The class of ground outside all polygons."""

    def read_stored(self) -> LabelMap:
        """Rasterize the polygons on the image's pixels; SourceError if none lies on it."""
        grid, shapes, remarks = grid_of(self.image), *read_polygons(self.path)
        if unknown := sorted(set(shapes[_CLASS]) - set(self.names)):
            raise SourceError(f"{self.path} has the class {unknown[0]!r}, which the class table does not have")
        placed = _to_grid(shapes, grid, self.path, self.image)
        rows, cols = grid.shape
        corners = grid.to_map(np.array([0, 0, rows, rows]), np.array([0, cols, cols, 0]))
        inside = shapely.intersects(placed, shapely.Polygon(np.transpose(corners)))
        if len(placed) and not inside.any():
            raise SourceError(
                f"none of the {len(placed)} polygons of {self.path} lies on {self.image}; are they of another image, "
                "or in another reference system than the file says?"
            )
        remarks[_OUTSIDE] += int((~inside).sum())
        return LabelMap(_paint(placed, [self.names[name] for name in shapes[_CLASS]], grid, self.rest), remarks)


@dataclass(frozen=True, eq=False)
class Coverage(Labels):
    """Polygons that lie over many images, each of which shows some or none of them."""

    path: Path
    shapes: Any = field(repr=False)
    """A GeoDataFrame as `read_polygons` gives it."""
    names: Mapping[str, int]
    """Class index by name."""
    rest: int
    """The class of ground outside all polygons."""

    def read_stored(self) -> LabelMap:
        """Rasterize the polygons that reach the image; SourceError for an image without a place on Earth."""
        grid = grid_of(self.image)
        if grid.crs is None and grid.transform.is_identity:
            raise SourceError(
                f"{self.image} does not say where on Earth it lies, so no polygon of {self.path} can be laid over it; "
                "give images a georeference, or give each a file of polygons of its own name"
            )
        placed = _to_grid(self.shapes, grid, self.path, self.image)
        rows, cols = grid.shape
        corners = grid.to_map(np.array([0, 0, rows, rows]), np.array([0, cols, cols, 0]))
        near = np.flatnonzero(shapely.intersects(placed, shapely.Polygon(np.transpose(corners))))
        classes = [self.names[name] for name in self.shapes[_CLASS].iloc[near]]
        return LabelMap(_paint(placed[near], classes, grid, self.rest))


def _paint(placed: np.ndarray, classes: Sequence[int], grid: Grid, rest: int) -> np.ndarray:
    """Class ids of the pixels of a grid."""
    from rasterio.features import rasterize

    ids = np.full(grid.shape, rest, np.int32)
    if len(placed):
        rasterize(zip(placed, classes, strict=True), out=ids, transform=grid.transform)
    return ids


def read_polygons(path: Path) -> tuple[Any, Counter[str]]:
    """A GeoDataFrame of polygons with their `class`, and remarks on repairs and other shapes."""
    from geoglot.sources.mending import mend
    from geoglot.sources.vectors import read_vectors

    try:
        shapes = read_vectors(path)
        areas = shapes[shapely.get_dimensions(shapes.geometry.to_numpy()) == 2]
        mended = mend(areas.geometry.to_numpy(), "structure")
    except InputError as error:
        raise SourceError(f"no polygons can be read: {error}") from error
    lowered = columns_by_name(shapes)
    column = next((lowered[name] for name in CLASS_COLUMNS if name in lowered), None)
    if column is None and not len(shapes):
        return shapes.assign(**{_CLASS: []}), Counter()  # an image on which nothing was drawn
    if column is None:
        names = ", ".join(map(str, shapes.columns.drop(shapes.geometry.name))) or "none"
        raise SourceError(f"{path} has no attribute class; it has {names}")
    if nameless := int(areas[column].isna().sum()):
        raise SourceError(f"{path} has {nameless} polygons whose attribute {column} is empty; name or remove them")
    crossed = int((~areas.geometry.is_valid).sum())
    named = areas.set_geometry(mended, crs=areas.crs).assign(**{_CLASS: areas[column].map(class_text)})
    return named, Counter({_NOT_AREAS: len(shapes) - len(areas), _MENDED: crossed})


def columns_by_name(shapes: Any) -> dict[str, str]:
    """The columns of a GeoDataFrame by their names in small letters, of two alike the first, without the geometry."""
    return {str(name).lower(): name for name in reversed(shapes.columns.drop(shapes.geometry.name))}


def class_text(value: object) -> str:
    """The class as text: 3.0 becomes 3, since numbers beside empty cells are stored as floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _to_grid(shapes: Any, grid: Grid, path: Path, image: Path) -> np.ndarray:
    """The polygons in the map coordinates of an image."""
    if grid.crs is None and shapes.crs is not None:
        raise SourceError(
            f"{path} is in {shapes.crs.name}, but {image} does not say where on Earth it lies; give the image its "
            "place, or save the polygons in pixels without a CRS (in GeoPackage, or Shapefile without .prj)"
        )
    if shapes.crs is None or grid.crs is None:
        return np.asarray(shapes.geometry.to_numpy())
    try:
        alike = shapes.set_crs(with_x_first(shapes.crs, grid.crs), allow_override=True)
        moved = alike.to_crs(grid.crs).geometry.to_numpy()
    except ProjError as error:
        raise SourceError(f"the polygons {path} have no place in {grid.crs.name}, that of {image}: {error}") from error
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise SourceError(f"polygons of {path} have no place in {grid.crs.name}, that of {image}; is their CRS right?")
    return np.asarray(moved)
