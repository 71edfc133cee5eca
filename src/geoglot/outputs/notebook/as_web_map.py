"""A result as a map of folium.

Texts that others wrote end up in HTML and, before that, in a template that folium fills twice. So they are escaped for
both: no letter of theirs opens a tag or a brace.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from geoglot.crs import LONLAT, wrap_longitude
from geoglot.errors import InputError, MissingExtraError
from geoglot.lonlat import lonlat_bounds, project_to_lonlat
from geoglot.outputs.notebook.as_html import data_uri, safe
from geoglot.outputs.notebook.page import Drawing, Picture
from geoglot.outputs.palette import hex_of

if TYPE_CHECKING:
    import folium
    import geopandas as gpd

_MOST = 2000  # shapes
_ENTRIES, _LETTERS, _TITLE = 20, 80, 240  # entries of the legend, letters of a text and of the title
_LAST = 85.05  # degrees of latitude at which web maps end
_DEEPEST, _FINEST_TILES = 24, 19  # zooms; of the map, and of most base maps, which are enlarged beyond
_ALPHA = 4  # channels of a picture with transparency
Bounds = tuple[float, float, float, float]


def to_web_map(drawing: Drawing, title: str, tiles: str | None) -> folium.Map:
    """The map; InputError if nothing has a place on it."""
    module = _import_folium()
    flat = drawing.map if drawing.shapes is None else None
    pictures = [each for each in (*drawing.scenes, flat) if each and each.grid and each.grid.crs]
    shapes = _in_degrees(drawing.shapes)
    if not pictures and shapes is None:
        raise InputError("this result has no place on Earth, so no map can show it; plot() draws it")
    web: folium.Map = module.Map(tiles=None, control_scale=True, max_zoom=_DEEPEST)
    web.default_js, web.default_css = web.default_js[:1], web.default_css[:1]  # Leaflet; nothing here needs the others
    if tiles is not None:
        web.add_child(_base_map(module, tiles))
    boxes = list[Bounds]()
    for picture in pictures:
        west, south, east, north = box = _bounds(picture)
        image = module.raster_layers.ImageOverlay(
            data_uri(_warp(picture, box), "webp"),
            [[south, west], [north, east]],
            name=_inert(picture.title),
            pixelated=False,
        )
        web.add_child(image)
        boxes.append(box)
    if shapes is not None:
        shapes = _around(shapes, sum(boxes[0][::2]) / 2 if boxes else float(shapes.total_bounds[0]))
        boxes.append(tuple(shapes.total_bounds))
        web.add_child(_outlines(module, shapes))
    west, south, east, north = np.array(boxes).T
    web.fit_bounds([[float(south.min()), float(west.min())], [float(north.max()), float(east.max())]])
    web.add_child(module.LayerControl())
    left = 0 if drawing.shapes is None else len(drawing.shapes) - _MOST
    web.add_child(_legend(module, drawing, title, left))
    return web


def _import_folium() -> Any:
    try:
        import folium
    except ImportError as error:
        raise MissingExtraError("folium", "notebook") from error
    return folium


def _base_map(folium: Any, tiles: str) -> Any:
    """Tiles of a server, by a name that folium knows or by their address."""
    try:
        return folium.TileLayer(
            tiles, attr=_inert(tiles) if "://" in tiles else None, max_native_zoom=_FINEST_TILES, max_zoom=_DEEPEST
        )
    except ValueError as error:
        raise InputError(
            f'tiles must be a base map that folium knows, such as "OpenStreetMap", or an address with {{z}}, {{x}} and '
            f"{{y}}, got {tiles!r}"
        ) from error


def _inert(text: object, most: int = _LETTERS) -> str:
    """A text as HTML that no template takes for its own."""
    return safe(text, most).replace("{", "&#123;")


def _bounds(picture: Picture) -> Bounds:
    """Bounds in degrees, east > 180 across the antimeridian; InputError beyond the ends of web maps."""
    assert picture.grid is not None
    west, south, east, north = lonlat_bounds(picture.grid)
    if max(-south, north) > _LAST:
        raise InputError("web maps end at 85 degrees north and south, and this result lies beyond; plot() draws it")
    return west, south, east + 360 if east < west else east, north


def _warp(picture: Picture, box: Bounds) -> Image.Image:
    """A picture on a Mercator grid of as many pixels; what it does not cover is transparent."""
    grid, pixels = picture.grid, np.asarray(picture.image.convert("RGB"))
    assert grid is not None
    (rows, cols), (west, south, east, north) = grid.shape, box
    low, high = np.arcsinh(np.tan(np.radians([south, north])))
    lat = np.degrees(np.arctan(np.sinh(high - (np.arange(rows) + 0.5) / rows * (high - low))))
    lon = wrap_longitude(west + (np.arange(cols) + 0.5) / cols * (east - west))
    places = grid.from_lonlat(*np.meshgrid(lon, lat))
    row, col = (np.floor(np.nan_to_num(axis, nan=-1, posinf=-1, neginf=-1)).astype(np.int64) for axis in places)
    inside = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
    warped = np.zeros((rows, cols, _ALPHA), np.uint8)
    warped[inside, :3], warped[inside, 3] = pixels[row[inside], col[inside]], 255
    return Image.fromarray(warped)


def _in_degrees(shapes: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    """The first shapes in degrees; None if there are none, or no CRS."""
    if shapes is None or shapes.empty or shapes.crs is None:
        return None
    shapes = shapes.iloc[:_MOST]
    if shapes.crs == LONLAT:
        return shapes
    if (shapes.geom_type == "Point").all():
        return shapes.to_crs(LONLAT)
    return shapes.set_geometry(project_to_lonlat(shapes.geometry.to_numpy(), shapes.crs), crs=LONLAT)


def _around(shapes: gpd.GeoDataFrame, middle: float) -> gpd.GeoDataFrame:
    """Shapes less than half a turn from a longitude, so that both sides of the antimeridian are neighbours."""
    import shapely

    def turn(lonlat: np.ndarray) -> np.ndarray:
        return np.column_stack([middle + wrap_longitude(lonlat[:, 0] - middle), lonlat[:, 1]])

    return shapes.set_geometry(shapely.transform(shapes.geometry.to_numpy(), turn), crs=LONLAT)


def _outlines(folium: Any, shapes: gpd.GeoDataFrame) -> Any:
    facts = [name for name in shapes.columns if name not in ("colour", shapes.geometry.name)]
    told = shapes[["colour", shapes.geometry.name]].copy()
    fields = [f"fact{number}" for number in range(len(facts))]
    for field, name in zip(fields, facts, strict=True):
        told[field] = [_inert(value) for value in shapes[name]]
    return folium.GeoJson(
        json.loads(told.to_json()),
        name="outlines",
        style_function=lambda shape: {
            "color": shape["properties"]["colour"], "fillColor": shape["properties"]["colour"],
            "weight": 2, "fillOpacity": 0.25,
        },
        marker=folium.CircleMarker(radius=5),
        tooltip=folium.GeoJsonTooltip(fields, aliases=[_inert(name) for name in facts]) if fields else None,
    )  # fmt: skip


def _legend(folium: Any, drawing: Drawing, title: str, left: int) -> Any:
    """A box with the title and the legend."""
    from folium.template import Template

    lines = [f"<b>{_inert(title, _TITLE)}</b>"]
    lines += [
        f'<span style="background:{hex_of(colour)}">&emsp;</span> {_inert(text)}'
        for colour, text in drawing.entries[:_ENTRIES]
    ]
    more = len(drawing.entries) - _ENTRIES
    lines += [f"and {more:,} more"] if more > 0 else []
    lines += [f"{left:,} more outlines are left out"] if left > 0 else []
    box = folium.MacroElement()
    box._template = Template("{% macro html(this, kwargs) %}{{ this.content }}{% endmacro %}")
    box.content = (
        '<div style="position:fixed;bottom:56px;left:8px;z-index:1000;max-width:40%;padding:4px 8px;'
        f'background:rgba(255,255,255,.85);font:12px sans-serif">{"<br>".join(lines)}</div>'
    )
    return box
