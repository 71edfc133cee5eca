"""What changed between the two dates of a question: the comparison of `geoglot change`, a name at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from geoglot.errors import AnswerError, GeoglotError
from geoglot.models.zoo import Model
from geoglot.options import ChangeOptions
from geoglot.tasks.ask.compared import Compared
from geoglot.tasks.ask.scene_things import SceneObject
from geoglot.tasks.ask.scenes import RasterScene, SceneOptions
from geoglot.tasks.change.change import change
from geoglot.tasks.change.result import ChangeResult


class TwoDates:
    """Two rasters of one place. Each name is compared once."""

    def __init__(self, before: RasterScene, after: RasterScene, model: Model, options: SceneOptions) -> None:
        self._dates, self._model, self._options = (before, after), model, options
        self._known: dict[tuple[str, bytes], Compared] = {}
        self.notes: list[str] = []

    def compare(self, name: str, part: shapely.Geometry | None = None) -> Compared:
        """Compare a name; AnswerError if the dates cannot be compared, or cannot show it."""
        key = name, b"" if part is None else part.wkb
        if key not in self._known:
            with tempfile.TemporaryDirectory(prefix="geoglot-") as scratch:
                result = self._run(name, part, Path(scratch))
            self.notes += [note for note in result.notes if note not in self.notes]
            self._known[key] = self._read(name, result)
        return self._known[key]

    def _run(self, name: str, part: shapely.Geometry | None, scratch: Path) -> ChangeResult:
        find = self._options.find
        area = find.area
        if part is None and (encoded := [scene.outline for scene in self._dates if scene.is_encoded_in_part]):
            part = shapely.intersection_all(encoded)
        if part is not None:
            area = scratch / "part.gpkg"
            gpd.GeoDataFrame(geometry=[part], crs=self._dates[1].grid.crs).to_file(area)
        options = ChangeOptions(
            background=find.background, area=area, templates=find.templates, evidence=find.evidence, overlay=False
        )
        sources = [scene.uri for scene in self._dates]
        try:
            return change(
                sources, {name: [name]}, model=self._model, read=self._options.read, options=options,
                progress=self._options.progress,
            )  # fmt: skip
        except GeoglotError as error:
            raise AnswerError(str(error)) from error

    def _read(self, name: str, result: ChangeResult) -> Compared:
        if not result.known:
            raise AnswerError("no ground can be seen on both dates, so nothing can be compared")
        own = next(each for each in result.classes if each.name == name)
        total = sum(each.pixels[0] for each in result.classes)
        table = result.changes
        assert table is not None, "a comparison without an output has its polygons"
        gained, lost = table[table["to"] == name], table[table["from"] == name]
        return Compared(
            shares=(own.pixels[0] / total, own.pixels[-1] / total),
            areas_m2=(own.area_m2[0], own.area_m2[-1]),
            appeared=self._things(gained[gained["gain"] == "appeared"], name, "after"),
            disappeared=self._things(lost[lost["loss"] == "gone"], name, "before"),
            changed=(*self._things(gained, name, "after"), *self._things(lost, name, "before")),
        )

    def _things(self, rows: Any, name: str, when: str) -> tuple[SceneObject, ...]:
        crs = self._dates[1].grid.crs
        places: Sequence[Any] = rows.geometry if crs is None or rows.crs is None else rows.geometry.to_crs(crs)
        return tuple(
            SceneObject(int(number), name, float(score), shape, when)
            for number, score, shape in zip(rows["id"], rows["score"], np.asarray(places, object), strict=True)
        )
