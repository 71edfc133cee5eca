"""The files of a change run: maps, polygons, table, pictures, manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.options import ChangeOptions
from geoglot.outputs.atomic import check_folder
from geoglot.outputs.cog import Layer, write_cog
from geoglot.outputs.journal import work_of
from geoglot.outputs.made import Made, named_by
from geoglot.outputs.overlay import MOST_LINES, SIDE, write_overlay
from geoglot.outputs.vector_files import check_format, write_frames
from geoglot.scene.read import write_picture
from geoglot.sources.raster import Raster
from geoglot.sources.tile import Tile
from geoglot.tasks.change.history import History
from geoglot.tasks.change.legends import transition_legend
from geoglot.tasks.change.polygons import Polygons
from geoglot.tasks.change.posterior import Transitions
from geoglot.tasks.change.result import Transition

_MOST_TAGS = 10_000  # GDAL takes n² time for n tags


@dataclass(frozen=True)
class ChangeFiles:
    """Every file of one run; None for a file that is not asked for."""

    map: Path
    steps: tuple[Path, ...]
    """With three or more dates a map of each step; the map itself is then that of the first date against the last."""
    polygons: Path | None
    overlay: Path | None
    made: Made = field(repr=False, compare=False)

    @classmethod
    def of(cls, output: Path, polygons: Path | None, options: ChangeOptions, dates: int) -> ChangeFiles:
        """Name the files beside `output` and check them before any work; OutputError, InputError."""
        if output.suffix.lower() not in (".tif", ".tiff"):
            raise InputError(f"the output must end in .tif, since the map is a GeoTIFF, got {output.name!r}")
        check_folder(output)
        if polygons:
            check_folder(polygons)
            check_format(polygons)
        named = named_by("change", output)
        steps, overlay = (
            tuple(_beside(named, f"step{step}.tif") for step in range(1, dates)) if dates > 2 else (),
            _beside(named, "overlay.png"),
        )
        asked = options.overlay
        files = [*steps, *([polygons] if polygons else []), *([overlay] if asked else [])]
        made = Made("change", output, files, [] if asked else [overlay], [work_of(output)])
        return cls(output, steps, polygons, overlay if asked else None, made)

    def write_maps(self, history: History, grid: Grid, states: Sequence[str], dates: Sequence[str]) -> None:
        """Write the map of changes, and with three or more dates that of each step."""
        pairs, legend = Transitions(len(states)), transition_legend(states)
        spans = [(0, len(dates) - 1), *(pairwise(range(len(dates))) if self.steps else ())]
        for path, (first, last) in zip((self.map, *self.steps), spans, strict=True):
            for strip in history.strips("map"):
                numbers = pairs.number(strip.states[first], strip.states[last])
                history.add("map", strip, np.where(strip.known, numbers, legend.nodata).astype(legend.dtype))
            tags = enumerate((legend.rest, *legend.names)) if len(legend.names) <= _MOST_TAGS else ()
            named = tuple((f"CLASS_{number}", name) for number, name in tags)
            period = f"{dates[first]} to {dates[last]}"
            layer = Layer(grid, legend.dtype, legend.nodata, (period,), legend, named)
            with self.made.writing(path) as draft:
                write_cog(history.journal.strips("map"), layer, draft)

    def write_polygons(self, polygons: Polygons) -> None:
        """Write the outlines of all changes."""
        if self.polygons:
            with self.made.writing(self.polygons) as draft:
                write_frames(polygons.frames(), draft, "changes")

    def draw(
        self,
        first: Raster,
        last: Raster,
        dates: Sequence[str],
        transitions: Sequence[Transition],
        states: Sequence[str],
    ) -> tuple[str, ...]:
        """Write the picture: the first and the last date, and the change from one to the other; returns notes."""
        largest = sorted(transitions, key=lambda each: -each.pixels)[:MOST_LINES]
        names = dict.fromkeys(f"{each.source} to {each.target}" for each in largest)
        title = f"{dates[0]}, {dates[-1]}, and what changed" + ("" if names else ": nothing")

        def overlay(thumbnail: Tile, draft: Path) -> tuple[str, ...]:
            before = first.thumbnail(SIDE).pixels[:3]
            legend = transition_legend(states)
            return write_overlay(thumbnail.pixels[:3], self.map, legend, [title, *names], draft, before)

        return write_picture(last, self.made, self.overlay, overlay)

    def named(self) -> dict[str, Path]:
        """The files that were written, by what they are."""
        named = {"map": self.map, "polygons": self.polygons, "overlay": self.overlay, "manifest": self.made.record}
        named |= {f"step{index}": path for index, path in enumerate(self.steps, 1)}
        return {what: path for what, path in named.items() if path and (path.exists() or what == "manifest")}


def _beside(named: Path, end: str) -> Path:
    return named.with_name(f"{named.name}.{end}")
