"""A map of an area of interest: inside it is the map of the whole scene, outside it is no data and is not computed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from affine import Affine
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import PathLike
from geoglot.geo import Grid, Window
from geoglot.scene.area import Partial, covered, patches_within, read_area
from geoglot.scene.stream import Row
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import Readable


@dataclass(frozen=True)
class MapArea:
    """What of a scene is mapped."""

    area: BaseGeometry | None
    """In pixels; None is the whole scene."""

    @classmethod
    def of(cls, path: PathLike | None, grid: Grid) -> MapArea:
        """The polygons of a file; InputError if there are none, OutsideError if they do not touch the scene."""
        return cls(read_area(Path(path), grid) if path else None)

    def facts(self) -> dict[str, str]:
        """What decides the map."""
        return {"area": self.area.wkt} if self.area else {}

    def readable(self, raster: Raster, plan: WindowPlan) -> Readable:
        """The raster without the windows that decide no pixel of the area: one lies between up to four patches."""
        return Partial(raster, self.area.buffer(2 * plan.patch)) if self.area else raster

    def cut_row(self, row: Row, plan: WindowPlan) -> Row:
        """A row in which patches that do not touch the area, and pixels outside it, are unknown."""
        if self.area is None:
            return row
        above, beside = plan.inset
        corner = Affine.translation(-beside, row.first * plan.patch - above)
        patches = patches_within(self.area, plan, Window(row.first, 0, *row.values.shape[1:]))
        pixels = covered(self.area, (row.valid.shape[0], row.valid.shape[1]), corner)
        return replace(row, values=np.where(patches, row.values, np.float32(np.nan)), valid=row.valid & pixels)

    def cut_strip(self, row: int, classes: np.ndarray, confidence: np.ndarray, nodata: int) -> None:
        """Make the pixels of a strip outside the area no data, since its outlines may have been moved there."""
        if self.area is not None:
            outside = ~covered(self.area, (classes.shape[0], classes.shape[1]), Affine.translation(0, row))
            classes[outside], confidence[outside] = nodata, 0
