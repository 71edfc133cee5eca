"""What was found: a table of objects, counts and areas by name, a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from geoglot.figures import choose_area_unit, format_area
from geoglot.geo import Grid
from geoglot.geodesy import geodesic_area_m2, geodesic_perimeter_m
from geoglot.lonlat import bound_in_lonlat
from geoglot.outputs.vector_files import to_map
from geoglot.scene.stream import describe_windows
from geoglot.scene.windows import WindowPlan
from geoglot.sources.read_ahead import FailedWindow
from geoglot.tasks.find.outline import Object
from geoglot.tasks.find.threshold import Threshold

_PATHS = ("output", "overlay", "manifest")


@dataclass(frozen=True, eq=False, repr=False)
class FindResult:
    """What was found, and where it was written."""

    model: str
    objects: gpd.GeoDataFrame
    """One row an object, from the top left: id, name, score, area_m2, perimeter_m, lon, lat (of the centroid), outline
    (what made it), window (which saw it best: row, col, height, width in pixels of the scene), and its polygon in the
    CRS of the scene's grid. Without a CRS coordinates are pixels, and what is measured on Earth is empty."""
    counts: Mapping[str, int]
    areas_m2: Mapping[str, float | None]
    thresholds: Mapping[str, Threshold]
    output: Path | None
    overlay: Path | None
    manifest: Path | None
    windows: int
    failed: tuple[FailedWindow, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    """What the user should know: no CRS, a name that matches everything."""

    def __repr__(self) -> str:
        return f"FindResult({self.summary!r})"

    @property
    def summary(self) -> str:
        """How many of what, in words."""
        unit, areas = choose_area_unit(self.areas_m2.values()), self.areas_m2
        sizes = {name: f" ({format_area(area, unit)})" if area is not None else "" for name, area in areas.items()}
        parts = [f"{count:,} of {name!r}{sizes[name]}" for name, count in self.counts.items() if count]
        none = [name for name, count in self.counts.items() if not count]
        found = f"Found {', '.join(parts)}" if parts else ""
        return (
            f"{found}; none of {_quoted(none)}." if found and none else f"{found or 'Found none of ' + _quoted(none)}."
        )

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot find --json`; bounds are west, south, east, north in degrees."""
        paths = {key: str(value) if (value := getattr(self, key)) else None for key in _PATHS}
        return {
            "model": self.model, **paths, "summary": self.summary,
            "counts": dict(self.counts), "areas_m2": dict(self.areas_m2),
            "thresholds": {name: threshold.to_json() for name, threshold in self.thresholds.items()},
            "objects": _records(self.objects),
            "windows": describe_windows(self.windows, self.failed),
            "seconds": self.seconds, "notes": list(self.notes),
        }  # fmt: skip


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _records(objects: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Rows as documents, empty numbers as None."""
    rows = objects.drop(columns="geometry").to_dict("records")
    bounds = _lonlat_bounds(objects)
    return [
        {key: None if value != value else value for key, value in row.items()} | {"bounds": box}
        for row, box in zip(rows, bounds, strict=True)
    ]


def _lonlat_bounds(objects: gpd.GeoDataFrame) -> list[list[float] | None]:
    """West, south, east, north of each; west > east across the antimeridian."""
    if objects.crs is None or objects.empty:
        return [None] * len(objects)
    boxes = bound_in_lonlat(objects.geometry.to_numpy(), objects.crs)
    return [[round(end, 7) for end in box] for box in boxes]


def tabulate(things: Sequence[Object], grid: Grid, plan: WindowPlan) -> gpd.GeoDataFrame:
    """The table of `FindResult.objects`, from the top left."""
    things = sorted(things, key=lambda one: (one.polygon.bounds[1], one.polygon.bounds[0], one.name))
    centres = shapely.get_coordinates([shapely.centroid(one.polygon) for one in things]).reshape(-1, 2)
    geometries = to_map([one.polygon for one in things], grid)
    unknown = np.full(len(things), np.nan)
    known = grid.crs is not None and bool(things)
    lon, lat = grid.to_lonlat(centres[:, 1], centres[:, 0]) if known else (unknown, unknown)
    columns = {
        "id": np.arange(1, len(things) + 1, dtype=np.int64),
        "name": np.array([one.name for one in things], object),
        "score": np.array([one.score for one in things], np.float64).round(4),
        "area_m2": geodesic_area_m2(geometries, grid.crs).round(2) if known and grid.crs else unknown,
        "perimeter_m": geodesic_perimeter_m(geometries, grid.crs).round(2) if known and grid.crs else unknown,
        "lon": lon.round(7),
        "lat": lat.round(7),
        "outline": np.array([one.how for one in things], object),
        "window": np.array([_best_window(plan, row, col) for col, row in centres], object),
    }
    return gpd.GeoDataFrame(columns, geometry=geometries, crs=grid.crs)


def _best_window(plan: WindowPlan, row: float, col: float) -> str:
    """The window whose centre is nearest."""
    first_row, first_col = (
        min(starts, key=lambda start: abs(start + plan.tile / 2 - place))
        for starts, place in ((plan.row_starts, row), (plan.col_starts, col))
    )
    return f"{first_row},{first_col},{plan.tile},{plan.tile}"
