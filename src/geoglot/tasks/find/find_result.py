"""The result of `find`: a table of objects with counts and areas by name, and the files that hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from geoglot.figures import choose_area_unit, format_area, format_some
from geoglot.geo import Grid
from geoglot.geodesy import geodesic_area_m2, geodesic_perimeter_m
from geoglot.lonlat import bound_in_lonlat, to_map
from geoglot.outputs.journal import work_of
from geoglot.outputs.legend import Legend
from geoglot.outputs.made import Made, named_by
from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.outputs.overlay import write_outlines
from geoglot.outputs.palette import hex_of
from geoglot.outputs.styles import make_style
from geoglot.outputs.vector_files import write_frames
from geoglot.outputs.vector_names import check_format
from geoglot.scene.absence import round_presence
from geoglot.scene.read import margin_of, write_picture
from geoglot.scene.stream import describe_windows
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow
from geoglot.sources.tile import Tile
from geoglot.tasks.find.find_page import count_lines, draw_objects, outlines_on, page_of_objects
from geoglot.tasks.find.instances import Threshold
from geoglot.tasks.find.outline import Object
from geoglot.tasks.find.refine_outlines import outlines_of

_PATHS = ("output", "overlay", "manifest")


@dataclass(frozen=True, eq=False, repr=False)
class FindResult(ShownOnMap):
    """The objects of a search, and the files that hold them."""

    model: str
    objects: gpd.GeoDataFrame
    """One row per object, from the top left: id, name, score, area_m2, perimeter_m, lon and lat of the centroid,
    outline (the name of the refiner), window (the nearest: row, col, height, width in pixels of the scene), and the
    polygon in the CRS of the scene's grid. Without a CRS, coordinates are pixels and measures on the ground are empty.
    """
    counts: Mapping[str, int]
    areas_m2: Mapping[str, float | None]
    thresholds: Mapping[str, Threshold]
    presence: Mapping[str, float]
    """The probability that a name is in the scene at all; empty for points and boxes."""
    output: Path | None
    overlay: Path | None
    manifest: Path | None
    windows: int
    failed: tuple[FailedWindow, ...]
    seconds: float
    scene: Raster
    """The raster as it was read, closed."""
    area: BaseGeometry | None
    """The area of interest in pixels of its grid."""
    why: Mapping[str, str] = field(default_factory=dict)
    """By name, why it was not looked for: the pixels of the scene cannot show it, or the model does not know them."""
    notes: tuple[str, ...] = ()
    """Sentences for the user, for example about a missing CRS or a name that matches everything."""

    def __repr__(self) -> str:
        return f"FindResult({self.summary!r})"

    @property
    def summary(self) -> str:
        """Counts and areas in a sentence."""
        unit, areas = choose_area_unit(self.areas_m2.values()), self.areas_m2
        sizes = {name: f" ({format_area(area, unit)})" if area is not None else "" for name, area in areas.items()}
        parts = [f"{count:,} of {name!r}{sizes[name]}" for name, count in self.counts.items() if count]
        missing = format_some([repr(name) for name, count in self.counts.items() if not count])
        return "Found " + "; ".join(filter(None, (format_some(parts), missing and f"none of {missing}"))) + "."

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot find --json`; bounds are west, south, east, north in degrees."""
        paths = {key: str(value) if (value := getattr(self, key)) else None for key in _PATHS}
        return {
            "model": self.model, **paths, "summary": self.summary,
            "counts": dict(self.counts), "areas_m2": dict(self.areas_m2),
            "thresholds": {name: threshold.to_json() for name, threshold in self.thresholds.items()},
            "presence": {name: round_presence(probability, 4) for name, probability in self.presence.items()},
            "why": dict(self.why), "objects": _records(self.objects),
            "windows": describe_windows(self.windows, self.failed),
            "seconds": self.seconds, "notes": list(self.notes),
        }  # fmt: skip

    def page(self) -> Page:
        return page_of_objects(self)

    def draw(self) -> Drawing:
        return draw_objects(self)


def _records(objects: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Rows as documents, with bounds in degrees and None for missing numbers."""
    rows = objects.drop(columns="geometry").to_dict("records")
    bounds: list[list[float] | None] = [None] * len(rows)
    if objects.crs is not None and rows:
        boxes = bound_in_lonlat(objects.geometry.to_numpy(), objects.crs)
        bounds = [[round(edge, 7) for edge in box] for box in boxes]
    return [
        {key: None if value != value else value for key, value in row.items()} | {"bounds": box}
        for row, box in zip(rows, bounds, strict=True)
    ]


def tabulate(objects: Sequence[Object], grid: Grid, plan: WindowPlan) -> gpd.GeoDataFrame:
    """Make the table of `FindResult.objects`."""
    objects = sorted(objects, key=lambda each: (each.polygon.bounds[1], each.polygon.bounds[0], each.name))
    centres = shapely.get_coordinates([shapely.centroid(each.polygon) for each in objects]).reshape(-1, 2)
    geometries = to_map([each.polygon for each in objects], grid)
    unknown = np.full(len(objects), np.nan)
    crs = grid.crs if objects else None
    lon, lat = grid.to_lonlat(centres[:, 1], centres[:, 0]) if crs else (unknown, unknown)
    columns = {
        "id": np.arange(1, len(objects) + 1, dtype=np.int64),
        "name": np.array([each.name for each in objects], object),
        "score": np.array([each.score for each in objects], np.float64).round(4),
        "area_m2": geodesic_area_m2(geometries, crs).round(2) if crs else unknown,
        "perimeter_m": geodesic_perimeter_m(geometries, crs).round(2) if crs else unknown,
        "lon": lon.round(7),
        "lat": lat.round(7),
        "outline": np.array([each.how for each in objects], object),
        "window": np.array(_nearest_windows(plan, centres), object),
    }
    return gpd.GeoDataFrame(columns, geometry=geometries, crs=grid.crs)


def _nearest_windows(plan: WindowPlan, centres: Float[np.ndarray, "object 2"]) -> list[str]:
    """The window whose centre is nearest to each point (x, y)."""
    (cols, left), (rows, top) = (
        (np.searchsorted((middles[1:] + middles[:-1]) / 2, places).tolist(), spans)
        for spans, places in ((plan.col_spans, centres[:, 0]), (plan.row_spans, centres[:, 1]))
        for middles in (np.mean(spans, axis=1),)
    )
    return [
        f"{first},{start},{last - first},{end - start}"
        for (first, last), (start, end) in zip((top[row] for row in rows), (left[col] for col in cols), strict=True)
    ]


@dataclass(frozen=True)
class FindFiles:
    """The files that a search writes."""

    objects: Path
    overlay: Path | None
    made: Made

    @classmethod
    def of(cls, output: Path, overlay: bool) -> FindFiles:
        """Name the files beside `output`; InputError for an unknown type."""
        check_format(output)
        named = named_by("find", output)
        picture = named.with_name(f"{named.name}.overlay.png")
        files, stale = ([picture], []) if overlay else ([], [picture])
        made = Made("find", output, files, stale, [work_of(output), work_of(outlines_of(output))])
        return cls(output, picture if overlay else None, made)

    def draw(
        self, raster: Raster, objects: gpd.GeoDataFrame, legend: Legend, area: BaseGeometry | None
    ) -> tuple[str, ...]:
        """Write the picture, unless the scene is too damaged for one; returns notes."""

        def outline(thumbnail: Tile, draft: Path) -> tuple[str, ...]:
            outlines, lines = outlines_on(objects, thumbnail.grid), count_lines(objects, legend.names)
            margin = margin_of([thumbnail], area, raster.grid)
            return write_outlines(thumbnail.pixels[:3], outlines, legend, lines, draft, margin)

        return write_picture(raster, self.made, self.overlay, outline)

    def write(self, objects: gpd.GeoDataFrame, legend: Legend, document: dict[str, Any]) -> None:
        """Write the objects in the colours of their names, then the manifest, which makes them complete."""
        colours = dict(zip(legend.names, map(hex_of, legend.colours), strict=True))
        coloured = objects.assign(colour=objects["name"].map(colours).astype(object))
        found = set(objects["name"])
        style = make_style(legend, (number for number, name in enumerate(legend.names, 1) if name in found))
        with self.made.writing(self.objects) as draft:
            write_frames([coloured], draft, "objects", style)
        self.made.finish(document)
