"""Write frames of features to vector tiles for a web page (PMTiles)."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio

from geoglot.crs import LONLAT
from geoglot.lonlat import bound_geometries, project_to_lonlat, width_of
from geoglot.outputs.vector_writers import Frames, write_flatgeobuf
from geoglot.silence import ignore_library_warnings

_TILES_ACROSS, _ZOOMS = 64, (8, 16)  # at the deepest zoom, and its bounds
_WORLD = (-1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000)  # in 10⁻⁷ degrees


def write_pmtiles(path: Path, layer: str, frames: Frames, _style: str) -> None:
    """Vector tiles, deep enough to show what a scene of some hundred thousand pixels a side shows.

    The widest frame says how large a scene is: scenes of one layer may lie far apart.
    """
    stored, widest = path.with_suffix(".fgb"), 1e-9

    def tell(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        nonlocal widest
        widest = max(widest, _side(frame.geometry.to_numpy()))
        return frame

    write_flatgeobuf(stored, layer, map(tell, _in_lonlat(frames)), "")
    if not pyogrio.read_info(stored, force_feature_count=True)["features"]:
        stored.unlink()
        path.write_bytes(_tiles_of_nothing(layer))
        return
    deepest = int(np.clip(np.log2(_TILES_ACROSS / (widest / 360)), *_ZOOMS))
    with ignore_library_warnings(), pyogrio.open_arrow(stored) as (facts, reader):
        pyogrio.write_arrow(
            reader, path, layer=layer, driver="PMTiles", geometry_type="Unknown", crs="EPSG:4326",
            geometry_name=facts["geometry_name"] or "wkb_geometry",
            dataset_options={"MINZOOM": 0, "MAXZOOM": deepest, "NAME": layer},
        )  # fmt: skip
    stored.unlink()


def _side(places: np.ndarray) -> float:
    """The longer side in degrees of what polygons cover, the short way around the Earth."""
    if (bounds := bound_geometries(places)) is None:
        return 0.0
    west, south, east, north = bounds
    return max(width_of(west, east), north - south)


def _in_lonlat(frames: Frames) -> Frames:
    """Frames in degrees with a row for each part, since what 180 degrees cut in two would span all tiles between."""
    for frame in frames:
        places = project_to_lonlat(frame.geometry.to_numpy(), frame.crs)
        whole = frame.set_geometry(gpd.GeoSeries(places, index=frame.index, crs=LONLAT))
        yield whole.explode(ignore_index=True)


def _tiles_of_nothing(layer: str) -> bytes:
    """PMTiles 3 with one tile, the whole Earth, whose layer has no features; GDAL does not write such a file."""
    name = layer.encode()[:100]
    named = bytes([0x0A, len(name)]) + name + bytes([0x28, 0x80, 0x20, 0x78, 2])  # extent 4096, version 2
    tile = bytes([0x1A, len(named)]) + named
    facts = json.dumps({"name": layer, "vector_layers": [{"id": layer, "fields": {}, "minzoom": 0, "maxzoom": 0}]})
    root, text = bytes([1, 0, 1, len(tile), 1]), facts.encode()
    places, start = list[int](), 127
    for part in (root, text, b"", tile):
        places += [start, len(part)]
        start += len(part)
    numbers = struct.pack("<11Q6B4iB2i", *places, 1, 1, 1, 1, 1, 1, 1, 0, 0, *_WORLD, 0, 0, 0)
    return b"PMTiles\x03" + numbers + root + text + tile
