"""The files of one search: objects, a picture, a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd

from geoglot.errors import ReadError
from geoglot.outputs.journal import work_of
from geoglot.outputs.legend import Legend
from geoglot.outputs.made import Made, named_by
from geoglot.outputs.overlay import SIDE, write_outlines
from geoglot.outputs.vector_files import check_format, to_pixels, write_frames
from geoglot.sources.raster import Raster
from geoglot.tasks.find.outline_journal import outlines_of


@dataclass(frozen=True)
class FindFiles:
    """Where a search is written."""

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

    def draw(self, raster: Raster, objects: gpd.GeoDataFrame, names: Sequence[str]) -> tuple[str, ...]:
        """Write the picture, unless the scene is too damaged for one; returns notes."""
        if not self.overlay:
            return ()
        try:
            thumbnail = raster.thumbnail(SIDE)
        except ReadError as error:
            self.made.remove(self.overlay)  # of an earlier run: it would show other objects
            return (f"no picture was made: {error}",)
        polygons = to_pixels(objects.geometry.to_numpy(), thumbnail.grid)
        outlines = list(zip(objects["name"], polygons, strict=True))
        counts = objects["name"].value_counts()
        lines = [f"{name}  {counts.get(name, 0)}" for name in names]
        with self.made.writing(self.overlay) as draft:
            return write_outlines(thumbnail.pixels[:3], outlines, Legend(tuple(names)), lines, draft)

    def write(self, objects: gpd.GeoDataFrame, document: dict[str, Any]) -> None:
        """Write the objects, then the manifest, which says that they are complete."""
        with self.made.writing(self.objects) as draft:
            write_frames([objects], draft, "objects")
        self.made.finish(document)
