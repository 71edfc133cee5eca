"""What stands below a picture of a scene: an arrow to the north, a scale bar, and the name and date of each source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import shapely
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from geoglot.figures import format_number
from geoglot.geo import Grid
from geoglot.outputs.lettering import load_font, make_writable

_HEIGHT, _GAP = 30, 8  # pixels
_ARROW = 18  # its length in pixels
_LONGEST = 150  # of a scale bar in pixels


@dataclass(frozen=True)
class Margin:
    """The place of a picture on Earth and in time."""

    grid: Grid
    """Of the pixels of the picture."""
    sources: Sequence[tuple[str, date | None]]
    """Path or address, and day, of each."""
    area: BaseGeometry | None = None
    """The area of interest in pixels of the picture."""

    def below(self, pictures: Image.Image) -> Image.Image:
        """Pictures with the margin below them, which may be wider."""
        width = math.ceil(self._text_at + load_font().getlength(self._text)) + _GAP
        sheet = Image.new("RGB", (max(pictures.width, width), pictures.height + _HEIGHT), "white")
        sheet.paste(pictures)
        draw, middle, left = ImageDraw.Draw(sheet), pictures.height + _HEIGHT // 2, _GAP
        if self.grid.crs is not None:
            _draw_north(draw, (left + _ARROW // 2, middle), self._north)
            left += _ARROW + 2 * _GAP
            length, label = self._bar
            draw.line([(left, middle - 4), (left, middle + 4), (left + length, middle + 4),
                       (left + length, middle - 4)], fill="black", width=2)  # fmt: skip
            draw.text((left + length + _GAP, middle - 9), label, fill="black", font=load_font())
        draw.text((self._text_at, middle - 9), self._text, fill="black", font=load_font())
        return sheet

    def outline_area(self, picture: Image.Image) -> None:
        """Draw the outline of the area of interest onto a picture: black between white, so that it shows anywhere."""
        draw = ImageDraw.Draw(picture)
        for part in shapely.get_parts([] if self.area is None else [self.area]):
            for ring in (part.exterior, *part.interiors):
                draw.line(list(ring.coords), fill="white", width=4)
                draw.line(list(ring.coords), fill="black", width=2)

    @property
    def _text(self) -> str:
        named = (Path(source).name + (f", {day.isoformat()}" if day else "") for source, day in self.sources)
        return make_writable("; ".join(named))

    @property
    def _text_at(self) -> float:
        if self.grid.crs is None:
            return float(_GAP)
        length, label = self._bar
        return _ARROW + 4 * _GAP + length + load_font().getlength(label) + 2 * _GAP

    @property
    def _bar(self) -> tuple[int, str]:
        """The length of the scale bar in pixels, and what it measures."""
        metres = self.grid.resolution_m or 1.0
        power = 10.0 ** math.floor(math.log10(metres * _LONGEST))
        ground = next(step * power for step in (5, 2, 1, 0.5) if step * power <= metres * _LONGEST)
        label = f"{format_number(ground / 1000)} km" if ground >= 1000 else f"{format_number(ground)} m"
        return max(1, round(ground / metres)), label

    @property
    def _north(self) -> tuple[float, float]:
        """The direction of north in the picture, as (right, down), of length 1."""
        rows, cols = self.grid.shape
        lon, lat = self.grid.to_lonlat(rows / 2, cols / 2)
        step = 1e-4 if float(lat) < 89 else -1e-4  # degrees
        row, col = self.grid.from_lonlat(lon, lat + step)
        right, down = (float(col) - cols / 2) * step, (float(row) - rows / 2) * step
        length = math.hypot(right, down)
        return right / length, down / length


def _draw_north(draw: ImageDraw.ImageDraw, middle: tuple[int, int], north: tuple[float, float]) -> None:
    """An arrow whose dark half is to the left of north."""
    (x, y), (right, down), half = middle, north, _ARROW / 2
    tip, tail = (x + right * half, y + down * half), (x - right * half / 3, y - down * half / 3)
    for side, fill in ((1, "black"), (-1, "white")):
        wing = (x - right * half + side * down * half * 0.6, y - down * half - side * right * half * 0.6)
        draw.polygon([tip, tail, wing], fill=fill, outline="black")
