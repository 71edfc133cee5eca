"""The files of heat: a band of scores for each name, and a picture; each strip is written as it is computed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from geoglot.aliases import PathLike, Progress
from geoglot.errors import EmptyError
from geoglot.figures import format_number
from geoglot.geo import Grid, Window
from geoglot.hashing import fingerprint
from geoglot.options import FindOptions, ReadOptions
from geoglot.outputs.atomic import write_bytes
from geoglot.outputs.cog import Layer, check_map, write_cog
from geoglot.outputs.heat_picture import encode_heat
from geoglot.outputs.journal import work_of
from geoglot.outputs.made import Made, named_by
from geoglot.outputs.notebook.page import Page, Table
from geoglot.outputs.notebook.shown import Shown
from geoglot.outputs.strips import encode_strip
from geoglot.scene.area import covered
from geoglot.scene.dense import Dense
from geoglot.scene.encoded_scene import EncodedScene, encode_scene
from geoglot.scene.read import reading_notes, write_picture
from geoglot.scene.score_field import ScoreField
from geoglot.scene.stream import describe_windows
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow
from geoglot.sources.tile import Tile
from geoglot.tasks.find.heat import heat_grid
from geoglot.tasks.find.heat_map import rows_at_once

_LIKELY = 0.5  # the score at which a name and the rest are equally probable


@dataclass(frozen=True)
class Warmth:
    """The heat of one name in figures."""

    name: str
    highest: float
    """The highest score of the scene; NaN if the name was not looked for."""
    share: float
    """Share of the known ground with a score of at least 0.5."""


@dataclass(frozen=True)
class HeatResult(Shown):
    """The heat of some names, and the files that were written."""

    model: str
    output: Path
    """A GeoTIFF with a band of scores 0..1 for each name, NaN where nothing is known."""
    picture: Path | None
    manifest: Path
    names: tuple[Warmth, ...]
    windows: int
    failed: tuple[FailedWindow, ...]
    seconds: float
    why: Mapping[str, str] = field(default_factory=dict)
    """By name, why it was not looked for."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot segment --heat --json`."""
        paths = {key: str(value) if (value := getattr(self, key)) else None for key in ("output", "picture")}
        names = [
            {"name": each.name, "highest": _rounded(each.highest), "share": _rounded(each.share)} for each in self.names
        ]
        windows = describe_windows(self.windows, self.failed)
        return {
            "model": self.model, **paths, "manifest": str(self.manifest), "names": names, "why": dict(self.why),
            "windows": windows, "notes": list(self.notes), "seconds": self.seconds,
        }  # fmt: skip

    def page(self) -> Page:
        rows = [(each.name, format_number(each.highest), f"{each.share:.1%}") for each in self.names]
        files = {"heat": self.output, "picture": self.picture, "manifest": self.manifest}
        table = Table(("name", "highest score", "ground with a score of 0.5 or more"), rows)
        return Page(f"heat by {self.model}", [table], self.notes, files)


class HeatFiles:
    """What a heat map leaves: `output`, a picture of it if `options` ask for one, and a manifest."""

    def __init__(
        self, source: PathLike | EncodedScene, output: Path, read: ReadOptions, options: FindOptions, overwrite: bool
    ) -> None:
        check_map(output)
        self.started, named = time.monotonic(), named_by("heat", output)
        self.picture = named.with_name(f"{named.name}.png") if options.overlay else None
        self.made = Made("heat", output, [self.picture] if self.picture else [], work=[work_of(output)])
        self.made.check(source if isinstance(source, PathLike) else None, options.area)
        self._source, self._read, self._options, self._overwrite = source, read, options, overwrite

    def encode(
        self, raster: Raster, dense: Dense, asked: Mapping[str, Any], progress: Progress | None
    ) -> AbstractContextManager[EncodedScene]:
        """Encode the scene, unless it is encoded; OutputError if the files belong to a run that asked otherwise."""
        self._asked = {**asked, "options": self._read.facts() | asdict(self._options)}
        return encode_scene(
            self._source if isinstance(self._source, EncodedScene) else raster, dense, read=self._read,
            area=self._options.area, vectors=self._options.vectors, output=self.made.output, before=self._start,
            progress=progress,
        )  # fmt: skip

    def _start(self, facts: dict[str, Any]) -> None:
        self.made.start(fingerprint(facts | self._asked), self._overwrite)

    def write(
        self,
        scene: EncodedScene,
        fields: Mapping[str, ScoreField | None],
        notes: Sequence[str],
        why: Mapping[str, str] = {},
    ) -> HeatResult:
        """Write the scores of each name; None for one that is not looked for, and `why` says why not."""
        raster, output = scene.raster, self.made.output
        warmths = _write_scores(scene, tuple(fields), tuple(fields.values()), self.made)
        raster.check_unchanged()
        lines = [_lines(each, why.get(each.name)) for each in warmths]

        def draw(tile: Tile, draft: Path) -> tuple[str, ...]:
            write_bytes(draft, encode_heat(tile.pixels[:3], tile.valid, output, lines))
            return ()

        told = write_picture(raster, self.made, self.picture, draw)
        notes = (*scene.resumed, *notes, *told, *reading_notes(raster, scene.dense.card, scene.read))
        result = HeatResult(
            scene.dense.card.name, output, self.picture if self.picture and self.picture.exists() else None,
            self.made.record, warmths, len(scene.plan), scene.failed, round(time.monotonic() - self.started, 2), why,
            tuple(dict.fromkeys(notes)),
        )  # fmt: skip
        self.made.finish(result.to_json() | {"run": scene.facts | self._asked})
        return result


def _write_scores(
    scene: EncodedScene, names: tuple[str, ...], fields: Sequence[ScoreField | None], made: Made
) -> tuple[Warmth, ...]:
    """Write the scores of all names, strip by strip from the top; returns their figures. EmptyError if there are none.

    There is no field for a name that is not looked for.
    """
    grid = heat_grid(scene.raster, scene.plan)
    highest, likely, known = np.full(len(names), -np.inf), np.zeros(len(names)), 0
    with tempfile.TemporaryDirectory() as folder:
        strips = list[Path]()
        for row, scores in _strips(scene, fields, grid):
            strips.append(Path(folder) / f"{row:09d}.tif")
            write_bytes(strips[-1], encode_strip(scores))
            highest = np.fmax(highest, np.nan_to_num(scores, nan=-np.inf).max((1, 2)))
            likely += (scores >= _LIKELY).sum((1, 2))
            known += int((~np.isnan(scores)).any(0).sum())
        if not known:
            raise EmptyError
        with made.writing(made.output) as draft:
            write_cog(strips, Layer(grid, "float32", float("nan"), names), draft)
    figures = zip(names, np.where(np.isfinite(highest), highest, np.nan), likely / known, strict=True)
    return tuple(Warmth(name, float(most), float(share)) for name, most, share in figures)


def _strips(
    scene: EncodedScene, fields: Sequence[ScoreField | None], grid: Grid
) -> Iterator[tuple[int, Float[np.ndarray, "name rows cols"]]]:
    """The first row and the scores of strips of full width, NaN where nothing is known and outside the area."""
    by_pixel, step = grid == scene.raster.grid, max(1, rows_at_once(grid) // len(fields))
    for row in range(0, grid.shape[0], step):
        part = Window(row, 0, min(step, grid.shape[0] - row), grid.shape[1])
        scores = np.full((len(fields), part.height, part.width), np.nan, np.float32)
        for index, each in enumerate(fields):
            if each is not None:
                scores[index] = each.read(part) if by_pixel else each.patches(part)
        if by_pixel:
            scores[:, ~scene.valid(part)] = np.nan
        if scene.area is not None:
            place = ~scene.raster.grid.transform @ grid.window(part).transform
            scores[:, ~covered(scene.area, (part.height, part.width), place, touched=not by_pixel)] = np.nan
        yield row, scores


def _lines(warmth: Warmth, why: str | None) -> tuple[str, ...]:
    if why:
        return warmth.name, why
    return warmth.name, f"highest score {warmth.highest:.2f}, 0.5 or more on {warmth.share:.1%} of the ground"


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
