"""The files of a map (classes, polygons, scores, picture), and the result that names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shapely.geometry.base import BaseGeometry

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.options import SegmentOptions
from geoglot.outputs.atomic import check_folder
from geoglot.outputs.cog import Layer, check_map, class_tags, write_cog
from geoglot.outputs.journal import work_of
from geoglot.outputs.legend import Legend
from geoglot.outputs.made import Made, named_by
from geoglot.outputs.notebook.page import Drawing, Page, WrittenFile
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.outputs.overlay import write_overlay
from geoglot.outputs.shapes import ClassStrip, trace
from geoglot.outputs.vector_names import check_format, explain_format
from geoglot.scene.classmap import CONFIDENCE_STEPS, OTHER
from geoglot.scene.read import margin_of, write_picture
from geoglot.scene.stream import describe_windows
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow
from geoglot.sources.tile import Tile
from geoglot.tasks.segment.map_page import draw_map, legend_lines, page_of_map
from geoglot.tasks.segment.shares import ClassShare

#: Largest number of classes whose scores are computed and written side by side
MOST_SCORES = 1000


@dataclass(frozen=True)
class Outputs:
    """Every file of one run; None for a file that is not asked for."""

    classes: Path
    polygons: Path | None
    scores: Path | None
    overlay: Path | None
    made: Made = field(repr=False, compare=False)

    @classmethod
    def of(cls, output: Path, polygons: Path | None, options: SegmentOptions) -> Outputs:
        """Name the files beside `output` and check them before any work; OutputError, InputError."""
        check_map(output)
        if polygons:
            check_folder(polygons)
            check_format(polygons)
        named = named_by("segment", output)
        scores, overlay = (named.with_name(f"{named.name}.{kind}") for kind in ("scores.tif", "overlay.png"))
        asked = {scores: options.scores, overlay: options.overlay}
        files = [path for path, wanted in asked.items() if wanted] + ([polygons] if polygons else [])
        stale = [path for path, wanted in asked.items() if not wanted]
        made = Made("segment", output, files, stale, [work_of(output)])
        return cls(output, polygons, scores if options.scores else None, overlay if options.overlay else None, made)

    def check_scores(self, classes: int) -> None:
        """InputError, before any work, for scores of more classes than a file may have bands."""
        if self.scores and classes > MOST_SCORES:
            raise InputError(
                f"the scores of a map have a band for each class, at most {MOST_SCORES:,}, got {classes:,} classes; "
                "leave --scores out (in Python scores=False), or give fewer"
            )

    def write_classes(self, strips: Sequence[Path], grid: Grid, legend: Legend, style: str) -> None:
        """Write the class map, from strips of class ids."""
        layer = Layer(grid, legend.dtype, legend.nodata, ("class",), legend, class_tags(legend), style)
        with self.made.writing(self.classes) as draft:
            write_cog(strips, layer, draft)

    def write_scores(self, strips: Sequence[Path], lattice: Grid, legend: Legend) -> None:
        """Write the probability of each class, from strips of the patch lattice."""
        if self.scores:
            with self.made.writing(self.scores) as draft:
                write_cog(strips, Layer(lattice, "float32", float("nan"), legend.names), draft)

    def write_polygons(
        self, strips: Iterator[ClassStrip], raster: Raster, legend: Legend, style: str
    ) -> tuple[str, ...]:
        """Write the outlines of all regions; returns notes on what the format cuts."""
        if self.polygons:
            from geoglot.outputs.vector_files import write_polygons

            shapes = trace(strips, frozenset({OTHER, legend.nodata}))
            with self.made.writing(self.polygons) as draft:
                write_polygons(shapes, raster.grid, legend, CONFIDENCE_STEPS, draft, raster.footprint, style)
        return explain_format(self.polygons, texts=legend.names)

    def draw(
        self, raster: Raster, shares: tuple[ClassShare, ...], legend: Legend, area: BaseGeometry | None
    ) -> tuple[str, ...]:
        """Write the picture, which names the largest classes if there are many; returns notes."""
        lines = [line for _, line in legend_lines(shares)]

        def overlay(thumbnail: Tile, draft: Path) -> tuple[str, ...]:
            margin = margin_of([thumbnail], area, raster.grid)
            return write_overlay(thumbnail.pixels[:3], self.classes, legend, lines, draft, margin)

        return write_picture(raster, self.made, self.overlay, overlay)


_PATHS = ("output", "polygons", "scores", "overlay", "manifest")


@dataclass(frozen=True)
class SegmentResult(ShownOnMap):
    """The shares of the classes, and the files that were written."""

    model: str
    output: Path
    polygons: Path | None
    scores: Path | None
    overlay: Path | None
    manifest: Path
    classes: tuple[ClassShare, ...]
    windows: int
    failed: tuple[FailedWindow, ...]
    seconds: float
    legend: Legend = field(repr=False)
    scene: Raster = field(repr=False, compare=False)
    """The raster as it was read, closed."""
    map: WrittenFile = field(repr=False, compare=False)
    area: BaseGeometry | None = field(repr=False)
    """The area of interest in pixels of the scene's grid."""
    why: Mapping[str, str] = field(default_factory=dict)
    """By name of a class, why the scene cannot show it, so that pixels like it are left as "other"."""
    notes: tuple[str, ...] = ()
    """Sentences for the user, such as on a missing CRS or how pixels were stretched."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot segment --json`."""
        paths = {key: str(value) if (value := getattr(self, key)) else None for key in _PATHS}
        classes = [asdict(share) for share in self.classes]
        return {
            "model": self.model, **paths, "classes": classes, "why": dict(self.why),
            "windows": describe_windows(self.windows, self.failed),
            "seconds": self.seconds, "notes": list(self.notes),
        }  # fmt: skip

    def page(self) -> Page:
        return page_of_map(self)

    def draw(self) -> Drawing:
        return draw_map(self)
