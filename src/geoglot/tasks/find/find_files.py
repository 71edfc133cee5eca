"""The files of one search: objects, a picture, a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd

from geoglot.aliases import PathLike
from geoglot.errors import ReadError
from geoglot.options import FindOptions
from geoglot.outputs.journal import work_of
from geoglot.outputs.legend import Legend
from geoglot.outputs.made import Made, named_by
from geoglot.outputs.overlay import SIDE, write_outlines
from geoglot.outputs.vector_files import check_format, to_pixels, write_frames
from geoglot.sources.raster import Raster
from geoglot.tasks.find.outline_journal import outlines_of


@dataclass(frozen=True)
class Files:
    """Where a search is written; nowhere, if no output was asked for."""

    objects: Path | None = None
    overlay: Path | None = None
    made: Made | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, output: Path, options: FindOptions) -> Files:
        """Names beside `output`; raises, before any work, for a folder that is not there or a type that is unknown."""
        check_format(output)
        named = named_by("find", output)
        overlay = named.with_name(f"{named.name}.overlay.png")
        files, stale = ([overlay], []) if options.overlay else ([], [overlay])
        made = Made("find", output, files, stale, [work_of(output), work_of(outlines_of(output))])
        return cls(output, overlay if options.overlay else None, made)

    @property
    def manifest(self) -> Path | None:
        """The record of the run, beside the objects."""
        return self.made.record if self.made else None

    def check(self, *inputs: PathLike | None) -> None:
        """Refuse, before any work, names that cannot be, and to write over what is read: the scene, points, an area."""
        if self.made:
            self.made.check(*inputs)

    def start(self, run: str, overwrite: bool) -> None:
        """Refuse to take the place of another result, unless that may be."""
        if self.made:
            self.made.start(run, overwrite)

    def draw(self, raster: Raster, objects: gpd.GeoDataFrame, names: Sequence[str]) -> tuple[str, ...]:
        """The picture; a note instead where the scene is too damaged for one."""
        if not self.overlay or not self.made:
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

    def write(self, objects: gpd.GeoDataFrame, document: Mapping[str, Any]) -> None:
        """Objects first, then the manifest, which says that they are complete."""
        if self.objects and self.made:
            with self.made.writing(self.objects) as draft:
                write_frames([objects], draft, "objects")
            self.made.finish(document)
