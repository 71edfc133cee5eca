"""Regions of change as polygons with attributes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np

from geoglot.geo import Grid
from geoglot.geodesy import geodesic_area_m2
from geoglot.lonlat import to_map
from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import hex_of
from geoglot.outputs.shapes import ClassStrip, Shape, outlines, trace
from geoglot.outputs.vector_files import in_frames
from geoglot.tasks.change.history import SCORE_STEPS, History
from geoglot.tasks.change.objects import GAINS, LOSSES, Kinds
from geoglot.tasks.change.posterior import Transitions

_KINDS = 9  # pairs of a kind of gain and a kind of loss


@dataclass(frozen=True)
class Polygons:
    """The polygons of all steps: what was there, what is there, and whether it is new or an object grew."""

    history: History
    kinds: Sequence[Kinds]
    """One a step."""
    states: Sequence[str]
    dates: Sequence[str]
    legend: Legend
    grid: Grid

    def frames(self) -> Iterator[gpd.GeoDataFrame]:
        """All polygons, some thousand at a time; one frame at least, which may be empty."""
        shapes = (
            (step, shape) for step in range(len(self.kinds)) for shape in trace(self._strips(step), frozenset({0}))
        )
        return in_frames(shapes, self._frame)

    def _strips(self, step: int) -> Iterator[ClassStrip]:
        pairs = Transitions(len(self.states))
        for index, strip in enumerate(self.history.strips("polygons")):
            number = pairs.number(*strip.states[step : step + 2])
            values = np.where(number, number * _KINDS + self.kinds[step].paint(index, strip, step), 0)
            yield ClassStrip(strip.row, values.astype(np.int32), strip.scores[step])

    def _frame(self, batch: list[tuple[int, Shape]], first_id: int) -> gpd.GeoDataFrame:
        steps, shapes = [step for step, _ in batch], [shape for _, shape in batch]
        places = to_map(outlines(shapes), self.grid)
        pairs, crs = Transitions(len(self.states)), self.grid.crs
        numbers, kinds = divmod(np.array([shape.value for shape in shapes], np.int64), _KINDS)
        sides = [pairs.pair(number) for number in numbers.tolist()]
        days = list(pairwise(self.dates))
        columns = {
            "id": np.arange(first_id, first_id + len(shapes), dtype=np.int64),
            "before": np.array([days[step][0] for step in steps], object),
            "after": np.array([days[step][1] for step in steps], object),
            "from": np.array([self.states[before] for before, _ in sides], object),
            "to": np.array([self.states[after] for _, after in sides], object),
            "gain": np.array([GAINS[kind % 3] for kind in kinds.tolist()], object),
            "loss": np.array([LOSSES[kind // 3] for kind in kinds.tolist()], object),
            "score": np.array([shape.confidence / shape.pixels / SCORE_STEPS for shape in shapes], np.float64).round(4),
            "area_m2": geodesic_area_m2(places, crs).round(2) if crs else np.full(len(shapes), np.nan),
            "colour": np.array([hex_of(self.legend.colours[number - 1]) for number in numbers.tolist()], object),
        }
        return gpd.GeoDataFrame(columns, geometry=places, crs=crs)
