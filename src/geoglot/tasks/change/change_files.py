"""The files of a change run: maps, polygons, table, pictures, manifest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.options import ChangeOptions
from geoglot.outputs.atomic import check_folder
from geoglot.outputs.chart import Chart
from geoglot.outputs.cog import Layer, check_map, class_tags, write_cog
from geoglot.outputs.journal import work_of
from geoglot.outputs.made import Made, made_before, named_by
from geoglot.outputs.overlay import MOST_LINES, SIDE, write_overlay
from geoglot.outputs.styles import make_style
from geoglot.outputs.vector_files import write_frames
from geoglot.outputs.vector_names import check_format, explain_format
from geoglot.scene.read import margin_of, write_picture
from geoglot.sources.tile import Tile
from geoglot.tasks.change.align.align import Aligned
from geoglot.tasks.change.history import History, Strip
from geoglot.tasks.change.legends import GAINED, LOST, STAYS, ChangeLegend, class_legend, states_of, transition_legend
from geoglot.tasks.change.polygons import Polygons
from geoglot.tasks.change.posterior import Transitions

_PLAIN = re.compile(r"[^a-z0-9]+")
_Values = Callable[[Strip], Integer[np.ndarray, "rows cols"]]


@dataclass(frozen=True)
class ChangeFiles:
    """Every file of one run; None or nothing for a file that is not asked for."""

    map: Path
    steps: tuple[Path, ...]
    """With three or more dates a map of each step; the map itself is then that of the first date against the last."""
    by_class: tuple[Path, ...]
    polygons: Path | None
    table: Path | None
    overlay: Path | None
    charts: tuple[Path, ...]
    """A PNG and an SVG."""
    legend: ChangeLegend = field(repr=False)
    """Of the map of changes."""
    made: Made = field(repr=False, compare=False)

    @classmethod
    def of(
        cls,
        output: Path,
        polygons: Path | None,
        table: Path | None,
        options: ChangeOptions,
        dates: int,
        names: Sequence[str],
    ) -> ChangeFiles:
        """Name the files beside `output` and check them before any work; OutputError, InputError."""
        check_map(output)
        if table and table.suffix.lower() != ".csv":
            raise InputError(f"the table must end in .csv, got {table.name!r}")
        for path in filter(None, (polygons, table)):
            check_folder(path)
        if polygons:
            check_format(polygons)
        named = named_by("change", output)
        ends = [f"step{step}.tif" for step in range(1, dates)] if dates > 2 else []
        steps, by_class = (
            tuple(named.with_name(f"{named.name}.{end}") for end in each)
            for each in (ends, [_class_file(number, name) for number, name in enumerate(names, 1)])
        )
        drawn = tuple(named.with_name(f"{named.name}.{end}") for end in ("overlay.png", "chart.png", "chart.svg"))
        optional = dict.fromkeys(by_class, options.by_class) | dict.fromkeys(drawn, options.overlay)
        files = [
            *steps,
            *([polygons] if polygons else []),
            *([table] if table else []),
            *(path for path, asked in optional.items() if asked),
        ]
        stale = [path for path, asked in optional.items() if not asked]
        own = {output, *files}  # what follows are maps of more dates, or of other classes
        stale += [path for path in made_before("change", output) if path.suffix == ".tif" and path not in own]
        made = Made("change", output, files, stale, [work_of(output)])
        return cls(
            output,
            steps,
            by_class if options.by_class else (),
            polygons,
            table,
            drawn[0] if options.overlay else None,
            drawn[1:] if options.overlay else (),
            transition_legend(states_of(names)),
            made,
        )

    def write_maps(self, history: History, grid: Grid, states: Sequence[str], dates: Sequence[str], style: str) -> None:
        """Write the map of changes, with three or more dates that of each step, and that of each class."""
        pairs = Transitions(len(states))
        spans = [(0, len(dates) - 1), *(pairwise(range(len(dates))) if self.steps else ())]
        for path, (first, last) in zip((self.map, *self.steps), spans, strict=True):

            def changed(strip: Strip, first: int = first, last: int = last) -> Integer[np.ndarray, "rows cols"]:
                return pairs.number(strip.states[first], strip.states[last])

            self._write(path, history, changed, _layer(grid, self.legend, f"{dates[first]} to {dates[last]}", style))
        for state, path in enumerate(self.by_class, 1):

            def of_class(strip: Strip, state: int = state) -> Integer[np.ndarray, "rows cols"]:
                before, after = strip.states[0] == state, strip.states[-1] == state
                return np.where(before, np.where(after, STAYS, LOST), np.where(after, GAINED, 0))

            legend, period = class_legend(states[state]), f"{states[state]}, {dates[0]} to {dates[-1]}"
            own = make_style(legend, (STAYS, GAINED, LOST))
            self._write(path, history, of_class, _layer(grid, legend, period, own))

    def _write(self, path: Path, history: History, values: _Values, layer: Layer) -> None:
        for strip in history.strips("maps"):
            history.add("map", strip, np.where(strip.known, values(strip), layer.nodata).astype(layer.dtype))
        with self.made.writing(path) as draft:
            write_cog(history.journal.strips("map"), layer, draft)

    def style(self, numbers: Iterable[int]) -> str:
        """How the map and the polygons look, with these changes."""
        return make_style(self.legend, numbers, '"from" || \' to \' || "to"')

    def write_polygons(self, polygons: Polygons, style: str) -> tuple[str, ...]:
        """Write the outlines of all changes, in the colours of the map; returns notes on what the format cuts."""
        if self.polygons:
            with self.made.writing(self.polygons) as draft:
                write_frames(polygons.frames(), draft, "changes", style)
        return explain_format(self.polygons, texts=polygons.states)

    def write_series(self, table: str, chart: Chart) -> tuple[str, ...]:
        """Write the areas of all dates as a table and as a chart; returns notes."""
        if self.table:
            with self.made.writing(self.table) as draft:
                draft.write_text(table, "utf-8")
        if not self.charts:
            return ()
        png, svg = self.charts
        with self.made.writing(png) as picture, self.made.writing(svg) as drawing:
            return chart.write(picture, drawing)

    def draw(
        self,
        aligned: Aligned,
        dates: Sequence[str],
        pixels: Integer[np.ndarray, " transition"],
    ) -> tuple[str, ...]:
        """Write the picture: the first and the last date, and the change from one to the other; returns notes.

        It names the largest changes; `pixels` are those of each from the first date to the last.
        """
        order = np.argsort(-pixels[1:], kind="stable")[:MOST_LINES]
        names = [self.legend.names[place] for place in order.tolist() if pixels[place + 1]]
        title = f"{dates[0]}, {dates[-1]}, and what changed" + ("" if names else ": nothing")

        def overlay(thumbnail: Tile, draft: Path) -> tuple[str, ...]:
            before = aligned.dates[0].thumbnail(SIDE)
            margin = margin_of([before, thumbnail], aligned.common.area, aligned.grid)
            panels = thumbnail.pixels[:3], self.map, self.legend
            return write_overlay(*panels, [title, *names], draft, margin, before.pixels[:3])

        return write_picture(aligned.dates[-1], self.made, self.overlay, overlay)

    def named(self) -> dict[str, Path]:
        """The files that were written, by what they are."""
        named = {"map": self.map, "polygons": self.polygons, "table": self.table, "picture": self.overlay}
        named |= {f"step {index}": path for index, path in enumerate(self.steps, 1)}
        named |= {f"class {index}": path for index, path in enumerate(self.by_class, 1)}
        named |= {f"chart {path.suffix[1:]}": path for path in self.charts}
        return {what: path for what, path in named.items() if path and path.exists()} | {"manifest": self.made.record}


def _layer(grid: Grid, legend: ChangeLegend, title: str, style: str) -> Layer:
    return Layer(grid, legend.dtype, legend.nodata, (title,), legend, class_tags(legend), style)


def _class_file(number: int, name: str) -> str:
    """The end of the file name of the map of a class."""
    plain = _PLAIN.sub("-", name.lower()).strip("-")[:40]
    return f"{number}-{plain}.tif" if plain else f"{number}.tif"
