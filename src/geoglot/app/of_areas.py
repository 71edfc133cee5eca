"""Areas: polygons that were drawn, or that lie in a file of the user. Runs in a child."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import shapely

from geoglot.app.child import Done, Report
from geoglot.errors import InputError
from geoglot.outputs.atomic import write_bytes
from geoglot.scene.vector_features import read_lonlat_area

_MOST_POINTS = 50_000  # of an area, which each request then carries


def write_area(area: dict[str, Any] | None, folder: Path) -> Path | None:
    """A polygon of a request as the file that the doors read."""
    if area is None:
        return None
    text = json.dumps(area)
    try:
        shape = shapely.from_geojson(text)
    except shapely.errors.GEOSException as error:
        raise InputError(f"the area must be a polygon of GeoJSON: {error}") from error
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise InputError(f"the area must be a polygon of GeoJSON, got {shape.geom_type}{' EMPTY' * shape.is_empty}")
    path = folder / "area.geojson"
    write_bytes(path, json.dumps({"type": "Feature", "properties": {}, "geometry": json.loads(text)}).encode())
    return path


def read_polygons(body: dict[str, Any], _: Report) -> Done:
    """The polygons of a vector file as one geometry in longitude and latitude; InputError if it holds none."""
    shape = read_lonlat_area(body["file"])
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise InputError(f"{body['file']} must hold polygons of an area, and nothing else")
    if (count := shapely.get_num_coordinates(shape)) > _MOST_POINTS:
        raise InputError(f"an area must have at most {_MOST_POINTS:,} corners, got {count:,}; simplify it")
    return {"area": json.loads(shapely.to_geojson(shape))}, b""
