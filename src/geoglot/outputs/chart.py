"""A chart of numbers over time, as a PNG for reports and an SVG for slides: a line for each name, in its colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw

from geoglot.figures import format_number
from geoglot.outputs.atomic import appears
from geoglot.outputs.lettering import explain_numbers, fit_labels, load_font, make_writable
from geoglot.outputs.palette import Colour

_WIDTH, _HEIGHT, _LINE = 900, 460, 24  # pixels; the height is without the names below
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 30, 40, 60  # around the lines
_COLUMNS, _COLUMN, _ROOM = 3, 300, 260  # of the names below, and how wide a name may be
_TICKS, _LETTER = 5, 15
_GREY: Colour = (205, 205, 210)
_BLACK: Colour = (0, 0, 0)


@dataclass(frozen=True)
class Series:
    """One line of a chart."""

    name: str
    values: Sequence[float]
    """One for each place along the axis, at least 0."""
    colour: Colour


@dataclass(frozen=True)
class Chart:
    """Lines over places along an axis, such as days."""

    series: Sequence[Series]
    labels: Sequence[str]
    """Of the places."""
    places: Sequence[float]
    """In any unit, growing or not; they may be equal."""
    unit: str

    def write(self, png: Path, svg: Path) -> tuple[str, ...]:
        """Write both files. Returns notes, such as the names that the PNG cannot write."""
        names = [each.name for each in self.series]
        short = fit_labels(names, _ROOM)
        with appears(svg) as temporary:
            temporary.write_text(_to_svg(self._marks(names), self._size), "utf-8")
        with appears(png) as temporary:
            _to_picture(self._marks(short), self._size).save(temporary, "PNG")
        return explain_numbers(names, short)

    @property
    def _size(self) -> tuple[int, int]:
        return _WIDTH, _HEIGHT + -(-len(self.series) // _COLUMNS) * _LINE + 10

    def _marks(self, names: Sequence[str]) -> list[_Mark]:
        """What is drawn, from the back to the front; `names` stand below."""
        top, tick = _axis(max((value for each in self.series for value in each.values), default=0.0) or 1.0)
        marks = [_Mark("text", ((_LEFT, _TOP - 14),), _BLACK, self.unit, "end")]
        for step in range(math.ceil(top / tick) + 1):
            y = _height(step * tick, top)
            marks.append(_Mark("line", ((_LEFT, y), (_WIDTH - _RIGHT, y)), _GREY))
            marks.append(_Mark("text", ((_LEFT - 8, y + 5),), _BLACK, format_number(step * tick), "end"))
        across = _spread(self.places)
        last = -math.inf
        for label, x in sorted(zip(self.labels, across, strict=True), key=lambda pair: pair[1]):
            if x - last >= load_font(_LETTER).getlength(make_writable(label)) + 8:  # names of near days would overlap
                marks.append(_Mark("text", ((x, _HEIGHT - _BOTTOM + 22),), _BLACK, label, "middle"))
                last = x
        for each in self.series:
            points = tuple((x, _height(value, top)) for x, value in zip(across, each.values, strict=True))
            marks += [_Mark("line", points, each.colour), *(_Mark("dot", (point,), each.colour) for point in points)]
        for index, (each, name) in enumerate(zip(self.series, names, strict=True)):
            x, y = 20 + index % _COLUMNS * _COLUMN, _HEIGHT + index // _COLUMNS * _LINE
            marks += [_Mark("dot", ((x, y),), each.colour), _Mark("text", ((x + 14, y + 5),), _BLACK, name, "start")]
        return marks


class _Mark(NamedTuple):
    kind: str
    """line, dot or text."""
    points: tuple[tuple[float, float], ...]
    colour: Colour
    text: str = ""
    anchor: str = "start"


def _axis(most: float) -> tuple[float, float]:
    """The upper end of an axis from 0, and the step between its numbers: 1, 2 or 5 times a power of ten."""
    rough = most / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * (1 - 1e-9))
    return math.ceil(most / step - 1e-9) * step, step


def _height(value: float, top: float) -> float:
    return round(_HEIGHT - _BOTTOM - value / top * (_HEIGHT - _BOTTOM - _TOP), 2)


def _spread(places: Sequence[float]) -> list[float]:
    """Places as pixels across."""
    low, high = min(places), max(places)
    span, margin = (high - low) or 1.0, 45
    width = _WIDTH - _LEFT - _RIGHT - 2 * margin
    return [round(_LEFT + margin + (place - low) / span * width, 2) for place in places]


def _to_svg(marks: Sequence[_Mark], size: tuple[int, int]) -> str:
    width, height = size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="{_LETTER}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for mark in marks:
        colour, (x, y) = f"rgb{mark.colour}".replace(" ", ""), mark.points[0]
        if mark.kind == "line":
            points = " ".join(f"{x:g},{y:g}" for x, y in mark.points)
            stroke = 1 if mark.colour == _GREY else 2.5
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{stroke}"/>')
        elif mark.kind == "dot":
            parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="{colour}" stroke="black"/>')
        else:
            parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{mark.anchor}">{escape(mark.text)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _to_picture(marks: Sequence[_Mark], size: tuple[int, int]) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    draw, anchors = ImageDraw.Draw(picture), {"start": 0.0, "middle": 0.5, "end": 1.0}
    for mark in marks:
        x, y = mark.points[0]
        if mark.kind == "line":
            draw.line(mark.points, fill=mark.colour, width=1 if mark.colour == _GREY else 3)
        elif mark.kind == "dot":
            draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=mark.colour, outline="black")
        else:
            text = make_writable(mark.text)
            left = x - anchors[mark.anchor] * load_font(_LETTER).getlength(text)
            draw.text((left, y - 14), text, fill=mark.colour, font=load_font(_LETTER))
    return picture
