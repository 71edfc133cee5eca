"""The files of one search: objects, a picture, a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd

from geoglot.errors import InputError, ReadError
from geoglot.outputs.files import check_folder
from geoglot.outputs.legend import Legend
from geoglot.outputs.manifest import write_json
from geoglot.outputs.overlay import SIDE, write_outlines
from geoglot.outputs.vectors import check_format, to_pixels, write_frames
from geoglot.sources.raster import Raster
from geoglot.tasks.objects.options import FindOptions
from geoglot.types import PathLike


@dataclass(frozen=True)
class Files:
    """Where a search is written; nowhere, if no output was asked for."""

    objects: Path | None = None
    overlay: Path | None = None

    @classmethod
    def of(cls, output: Path, options: FindOptions) -> Files:
        """Names beside `output`; raises, before any work, for a folder that is not there or a type that is unknown."""
        check_format(output)
        check_folder(output)
        return cls(output, output.with_name(f"{output.stem}.overlay.png") if options.overlay else None)

    @property
    def manifest(self) -> Path | None:
        """The record of the run, beside the objects."""
        return self.objects.with_name(f"{self.objects.stem}.manifest.json") if self.objects else None

    def check_inputs(self, *inputs: PathLike | None) -> None:
        """Refuse to write over what is read: the scene, points, an area."""
        there = [Path(one) for one in inputs if one is not None and Path(one).exists()]
        for path in (self.objects, self.overlay, self.manifest):
            if path and path.exists() and any(path.samefile(one) for one in there):
                raise InputError(f"{path} is what is read; give the output another name")

    def draw(self, raster: Raster, objects: gpd.GeoDataFrame, names: Sequence[str]) -> tuple[str, ...]:
        """The picture; a note instead where the scene is too damaged for one."""
        if self.manifest:  # of an earlier run: from here on it would tell of other objects
            self.manifest.unlink(missing_ok=True)
        if self.objects and not self.overlay:  # of an earlier run: it would show other objects
            self.objects.with_name(f"{self.objects.stem}.overlay.png").unlink(missing_ok=True)
        if not self.overlay:
            return ()
        try:
            thumbnail = raster.thumbnail(SIDE)
        except ReadError as error:
            self.overlay.unlink(missing_ok=True)
            return (f"no picture was made: {error}",)
        polygons = to_pixels(objects.geometry.to_numpy(), thumbnail.grid)
        outlines = list(zip(objects["name"], polygons, strict=True))
        counts = objects["name"].value_counts()
        lines = [f"{name}  {counts.get(name, 0)}" for name in names]
        write_outlines(thumbnail.pixels[:3], outlines, Legend(tuple(names)), lines, self.overlay)
        return ()

    def write(self, objects: gpd.GeoDataFrame, document: Mapping[str, Any]) -> None:
        """Objects first, then the manifest, which says that they are complete."""
        if self.objects and self.manifest:
            write_frames([objects], self.objects, "objects")
            write_json(self.manifest, document)
