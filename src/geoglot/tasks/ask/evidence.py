"""The evidence of an answer as GeoJSON or another vector file, and as a picture."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from jaxtyping import Float

from geoglot.crs import LONLAT
from geoglot.geo import Grid
from geoglot.lonlat import orient_rings, project_to_lonlat, to_pixels
from geoglot.outputs.atomic import write_bytes
from geoglot.outputs.legend import Legend
from geoglot.outputs.made import Made
from geoglot.outputs.margin import Margin
from geoglot.outputs.overlay import SIDE, write_outlines
from geoglot.outputs.palette import hex_of
from geoglot.outputs.styles import make_style, write_style
from geoglot.outputs.vector_files import write_frames
from geoglot.outputs.vector_names import check_format
from geoglot.tasks.ask.ground import Ground
from geoglot.tasks.ask.scene_things import Region, SceneObject

_MOST = 2000  # objects in one document; the number in the answer counts all
#: The role of a region, and its label in pictures
REGION = "region"
_JSON = ".json"
_COLUMNS = ["role", "id", "name", "score", "when", "area_m2", "colour"]
#: What an object or region is called in the legend, for QGIS
_LABEL = """CASE WHEN "role" = 'region' THEN "role" WHEN "when" IS NULL THEN "name" ELSE "name" || ', ' || "when" END"""


@runtime_checkable
class Pictured(Protocol):
    """A scene that can be drawn."""

    @property
    def grid(self) -> Grid:
        """The grid whose map coordinates geometries have."""

    @property
    def uri(self) -> str:
        """Where its pixels come from."""

    @property
    def day(self) -> date | None:
        """When it was taken."""

    def picture(self, side: int) -> tuple[Float[np.ndarray, "3 rows cols"], Grid]:
        """Pixels of the scene, at most `side` a side, and their grid."""


def collection(things: Sequence[SceneObject], regions: Sequence[Region], ground: Ground) -> dict[str, Any]:
    """A FeatureCollection in longitude and latitude (RFC 7946), or in pixels if the scene has no CRS."""
    kept = list(things)[:_MOST]
    shapes = [thing.geometry for thing in kept] + [region.outline for region in regions]
    in_metres = ground.grid.crs is not None or ground.pixel_m is not None
    areas = ground.areas(shapes).round(2).tolist() if in_metres and shapes else [None] * len(shapes)
    properties: list[dict[str, Any]] = [
        {
            "role": "object",
            "id": thing.id,
            "name": thing.name,
            "score": round(thing.score, 4),
            "when": thing.when or None,
        }
        for thing in kept
    ] + [{"role": REGION, "name": region.name, "when": region.when or None} for region in regions]
    crs, geometries = ground.grid.crs, np.array(shapes, object)
    lonlat = orient_rings(geometries) if crs is None else project_to_lonlat(shapes, crs) if shapes else geometries
    features = [
        {"type": "Feature", "properties": facts | {"area_m2": area}, "geometry": json.loads(geometry)}
        for facts, area, geometry in zip(properties, areas, shapely.to_geojson(lonlat).tolist(), strict=True)
    ]
    left_out = len(things) - len(kept)
    return {"type": "FeatureCollection", "features": features} | ({"left_out": left_out} if left_out else {})


def check_evidence(path: Path) -> None:
    """InputError unless the name of the file ends as a vector file does."""
    check_format(path, _JSON)


@dataclass(frozen=True)
class EvidenceOutlines:
    """A `collection` in pixels of a picture."""

    labels: tuple[str, ...]
    """Of each feature: its name with its date, or `REGION`."""
    outlines: tuple[tuple[str, shapely.Polygon], ...]
    """Labels and outlines; regions come first, since they lie below objects."""
    names: tuple[str, ...]
    """The labels that there are, in this order."""
    lines: tuple[str, ...]
    """Of the legend: one for each name, and how many objects were left out."""


def outline_evidence(document: Mapping[str, Any], grid: Grid) -> EvidenceOutlines:
    """The objects and regions of a `collection` in pixels of a grid of its scene."""
    shapes = _shapes(document["features"])
    if grid.crs is not None:
        shapes = gpd.GeoSeries(shapes, crs=4326).to_crs(grid.crs)
    properties = [feature["properties"] for feature in document["features"]]
    labels = tuple(
        REGION if facts["role"] == REGION else ", ".join(filter(None, [facts["name"], facts["when"]]))
        for facts in properties
    )
    named = sorted(zip(labels, shapes, strict=True), key=lambda pair: pair[0] != REGION)
    outlines = tuple(
        (name, part)
        for name, shape in named
        for part in shapely.get_parts(to_pixels([shape], grid))
        if isinstance(part, shapely.Polygon) and not part.is_empty
    )
    names = tuple(dict.fromkeys(name for name, _ in named)) or ("nothing found",)
    lines = [f"{name}  {labels.count(name)}" if name != REGION else name for name in names]
    lines += [f"and {document['left_out']:,} more"] if document.get("left_out") else []
    return EvidenceOutlines(labels, outlines, names, tuple(lines))


def _shapes(features: Sequence[Mapping[str, Any]]) -> Any:
    return shapely.from_geojson([json.dumps(feature["geometry"]) for feature in features])


def _frame(features: Sequence[Mapping[str, Any]], grid: Grid) -> gpd.GeoDataFrame:
    facts = pd.DataFrame([feature["properties"] for feature in features], columns=_COLUMNS)
    parts = [shapely.multipolygons(shapely.get_parts([shape])) for shape in _shapes(features)]  # one type for all
    return gpd.GeoDataFrame(facts, geometry=parts, crs=None if grid.crs is None else LONLAT)


def write_evidence(made: Made, document: Mapping[str, Any], scene: Pictured, text: str) -> tuple[Path, Path]:
    """Write a `collection` to a vector file, and beside it a PNG of the scene with its objects and regions."""
    path, picture = made.output, made.output.with_suffix(".png")
    pixels, grid = scene.picture(SIDE)
    drawn = outline_evidence(document, grid)
    legend, margin = Legend(drawn.names), Margin(grid, [(scene.uri, scene.day)])
    with made.writing(picture) as draft:
        lines = [text, *drawn.lines]
        notes = write_outlines(pixels, drawn.outlines, legend, lines, draft, margin, hollow=(REGION,))
    features = [
        feature | {"properties": feature["properties"] | {"colour": hex_of(legend.colour_of(label))}}
        for feature, label in zip(document["features"], drawn.labels, strict=True)
    ]
    document = dict(document) | {"features": features} | ({"notes": list(notes)} if notes else {})
    style = make_style(legend, range(1, len(legend.names) + 1), _LABEL, hollow=(REGION,))
    with made.writing(path) as draft:
        if path.suffix.lower() in (".geojson", _JSON):
            write_bytes(draft, json.dumps(document, ensure_ascii=False).encode())
            if path.suffix.lower() == ".geojson":  # QGIS looks for no style beside .json
                write_style(draft, style)
        else:
            write_frames([_frame(features, grid)], draft, "evidence", style)
    made.finish({"text": text, "picture": picture.name})
    return path, picture
