"""Pictures of the places of a sample: what lies around the pixel and the pixel itself, all dates beside one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from jaxtyping import Bool

from geoglot.aliases import Progress
from geoglot.errors import ReadError
from geoglot.geo import Grid
from geoglot.outputs.panels import Panel, encode_panels
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.scene_day import day_of
from geoglot.tasks.audit.class_raster import check_same_frame
from geoglot.tasks.audit.map_facts import Shown
from geoglot.tasks.audit.pick_places import Place

CHIPS = "chips"
SIDE = 248  # pixels of a picture
_NEAR, _WIDE = 31, 155  # pixels of the map across a picture
_RED = np.array([0.9, 0.1, 0.1], np.float32)[:, None, None]
_GAP = np.ones((3, SIDE, 4), np.float32)
_SHEET = 60  # places of a sheet
_ACROSS = 1800  # pixels of a sheet, about


@dataclass(frozen=True)
class Pictures:
    """The scenes that a map was made of, or others of the same ground."""

    grid: Grid
    """Of the map."""
    shown: Sequence[Shown]
    scenes: tuple[Raster, ...]
    """The same, open."""

    @property
    def titles(self) -> list[str]:
        """The day of each scene, or its name."""
        days = [day_of(scene.uri, scene.time) for scene in self.scenes]
        return [day.isoformat() if day else Path(scene.uri).stem for day, scene in zip(days, self.scenes, strict=True)]

    def draw(self, place: Place) -> tuple[bytes, Panel]:
        """The picture of a place, a PNG, and what the sheet shows of it."""
        wide, near = (
            [self._view(scene, shown, place, across) for scene, shown in zip(self.scenes, self.shown, strict=True)]
            for across in (_WIDE, _NEAR)
        )
        titled = [
            Panel(panel.pixels, panel.valid, (title, *panel.lines))
            for panel, title in zip(wide, self.titles, strict=True)
        ]
        between = [np.concatenate([_GAP, panel.pixels], axis=2) for panel in wide[1:]]
        valid = [np.pad(panel.valid, [(0, 0), (4, 0)], constant_values=True) for panel in wide[1:]]
        in_row = Panel(
            np.concatenate([wide[0].pixels, *between], axis=2),
            np.concatenate([wide[0].valid, *valid], axis=1),
            (str(place.id),),
        )
        return encode_panels([titled, near]), in_row

    def _view(self, scene: Raster, shown: Shown, place: Place, across: int) -> Panel:
        """A square of ground around a pixel, which has a frame."""
        high, wide = self.grid.pixel_size_m[::-1] if self.grid.crs else (1.0, 1.0)
        ground = across * max(high, wide)
        rows, cols = ground / high, ground / wide
        grid = _around(self.grid, (place.row + 0.5 + shown.down, place.col + 0.5 + shown.right), (rows, cols))
        try:
            tile = scene.read_onto(grid)
        except ReadError as error:
            return Panel.blank(SIDE, (str(error),))
        frame = _frame(SIDE / rows, SIDE / cols)
        pixels = np.where(frame, _RED, tile.pixels[:3])
        return Panel(pixels, tile.valid | frame, ())


def _around(grid: Grid, middle: tuple[float, float], size: tuple[float, float]) -> Grid:
    """A grid of SIDE pixels a side over some rows and columns around a row and column."""
    a, b, _, d, e, _ = tuple(grid.transform)[:6]
    rows, cols = size
    x, y = grid.to_map(middle[0] - rows / 2, middle[1] - cols / 2)
    across, down = cols / SIDE, rows / SIDE
    return Grid(grid.crs, Affine(a * across, b * down, float(x), d * across, e * down, float(y)), (SIDE, SIDE))


def _frame(height: float, width: float) -> Bool[np.ndarray, "rows cols"]:
    """A line around the middle, just outside of a pixel of the map that is so large in the picture."""
    away = abs(np.arange(SIDE) + 0.5 - SIDE / 2)
    inner_row, inner_col = (max(4.0, side / 2) for side in (height, width))
    inside = (away[:, None] <= inner_row) & (away <= inner_col)
    outer = (away[:, None] <= inner_row + 2) & (away <= inner_col + 2)
    return outer & ~inside


@contextmanager
def open_pictures(grid: Grid, shown: Sequence[Shown]) -> Iterator[Pictures]:
    """Open the scenes; InputError for one that does not lie on Earth as the map does."""
    with ExitStack() as stack:
        opened = tuple(stack.enter_context(open_raster(scene.uri)) for scene in shown)
        for raster in opened:
            check_same_frame(raster.uri, raster.grid, grid)
        yield Pictures(grid, shown, opened)


def write_pictures(
    grid: Grid, shown: Sequence[Shown], places: Sequence[Place], folder: Path, progress: Progress | None = None
) -> None:
    """Write the picture of each place, `chips/0001.png` and so on, and sheets of all: `sheet-1.png` and so on."""
    (folder / CHIPS).mkdir()
    with open_pictures(grid, shown) as pictures:
        for number, first in enumerate(range(0, len(places), _SHEET), 1):
            panels = list[Panel]()
            for place in places[first : first + _SHEET]:
                picture, panel = pictures.draw(place)
                (folder / chip_of(place)).write_bytes(picture)
                panels.append(panel)
                if progress:
                    progress("places", place.id, len(places))
            step = max(1, _ACROSS // panels[0].pixels.shape[2])
            rows = [panels[at : at + step] for at in range(0, len(panels), step)]
            (folder / f"sheet-{number}.png").write_bytes(encode_panels(rows))


def chip_of(place: Place) -> str:
    """The picture of a place, relative to the folder of its audit."""
    return f"{CHIPS}/{place.id:04d}.png"
