"""Rows of the tables of an archive: where the chips of a part lie, on Earth and in their source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import shapely

from geoglot.crs import wrap_longitude
from geoglot.index.build.chips import ChipPlace
from geoglot.index.build.stac_scenes import StacScene
from geoglot.index.build.units import Part
from geoglot.index.store.chip_table import BOX, WINDOW, geometry_columns
from geoglot.lonlat import bound_geometries, outline_boxes
from geoglot.sources.raster import Raster
from geoglot.sources.resample import Resampler


@dataclass(frozen=True)
class Found:
    """A part whose source is open."""

    scene: Raster | StacScene
    """Its grid is the one that chips are read on."""
    part: Part
    scale_m: float | None
    """None for a picture without coordinates."""
    time: datetime | None


class Shares(NamedTuple):
    """Shares of a chip, 0..1."""

    nodata: float
    cloud: float | None


def chip_rows(found: Found, places: Sequence[ChipPlace], shares: Sequence[Shares]) -> list[dict[str, Any]]:
    """A row per chip, with the columns of `CHIPS` but `part`."""
    scene, count = found.scene, len(places)
    windows = _native_windows(scene, places)
    crs = scene.native.crs
    same = {
        "source": found.part.source.uri, "source_sha": found.part.source.sha,
        "crs": None if crs is None else crs.srs if crs.to_epsg() is None else f"EPSG:{crs.to_epsg()}",
        "resolution_m": scene.native.resolution_m, "scale_m": found.scale_m, "time": found.time,
    }  # fmt: skip
    outlines: list[dict[str, Any]] = [{}] * count
    if scene.grid.crs is not None and count:
        row, col, height, width = np.array([place.window for place in places]).T
        footprints = outline_boxes(np.stack([row, col, row + height, col + width], axis=1), scene.grid)
        outlines = pa.table(geometry_columns(footprints)).to_pylist()
    return [
        {
            **same, "cell": None if place.cell is None else str(place.cell), **outline, **share._asdict(),
            **dict(zip(WINDOW, window, strict=True)),
        }
        for place, outline, share, window in zip(places, outlines, shares, windows.tolist(), strict=True)
    ]  # fmt: skip


def source_row(found: Found, chips: Sequence[dict[str, Any]], missing: tuple[int, int, str]) -> dict[str, Any]:
    """The row of a part in the table of sources but `reading`.

    `missing`: how many places were not seen, how many failed, and the reason.
    """
    part = found.part
    unseen, failed, why = missing
    return {
        "source": part.source.uri, "source_sha": part.source.sha, "asked": part.asked, "state": part.source.state,
        "scale_m": found.scale_m, "part": part.number, "parts": part.parts, "chips": len(chips),
        "unseen": unseen, "failed": failed, "why": why or None, "bbox": _bound(chips), "time": found.time,
    }  # fmt: skip


def _native_windows(scene: Raster | StacScene, places: Sequence[ChipPlace]) -> np.ndarray:
    """The pixels of the source in which each chip lies, as (row, col, height, width)."""
    windows = np.array([place.window for place in places], np.int64).reshape(-1, 4)
    if scene.grid is scene.native:
        first, last = windows[:, :2], windows[:, :2] + windows[:, 2:]
    else:
        steps = np.linspace(0, 1, 5)
        rows = windows[:, :1] + windows[:, 2:3] * np.repeat(steps, 5)
        cols = windows[:, 1:2] + windows[:, 3:] * np.tile(steps, 5)
        down, across = Resampler(scene.native, scene.grid).to_source(rows, cols)
        first = np.column_stack([np.floor(axis.min(1) + 1e-6) for axis in (down, across)])
        last = np.column_stack([np.ceil(axis.max(1) - 1e-6) for axis in (down, across)])
    shape = np.array(scene.native.shape)
    first, last = np.clip(first, 0, shape - 1), np.clip(last, 1, shape)
    return np.hstack([first, np.maximum(1, last - first)]).astype(np.int64)


def _bound(chips: Sequence[dict[str, Any]]) -> dict[str, float] | None:
    """Bounds of all chips in degrees, xmin > xmax across the antimeridian; None without coordinates."""
    outlines = [outline for chip in chips if (outline := chip.get("geometry"))]
    if not outlines:
        return None
    shapes = list(shapely.from_wkb(outlines))
    points = shapely.get_coordinates(shapes)
    near = points[0, 0] + wrap_longitude(points[:, 0] - points[0, 0])  # the short way round from the first
    west, east = (float(wrap_longitude(edge)) for edge in (near.min(), near.max()))
    south, north = float(points[:, 1].min()), float(points[:, 1].max())
    if np.ptp(near) > 180:  # more than half around, such as about a pole
        west, south, east, north = bound_geometries(shapes) or (west, south, east, north)
    return dict(zip(BOX, (west, south, east, north), strict=True))
