"""Curves of a training run as a picture: loss, mIoU and learning rate by the step."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from geoglot.figures import format_number
from geoglot.outputs.atomic import write_bytes
from geoglot.outputs.lettering import load_font
from geoglot.outputs.panels import montage
from geoglot.training.chance import CHANCE
from geoglot.training.metrics_log import METRICS

CURVES = "curves.png"
_WIDTH, _HEIGHT, _LEFT, _TOP, _BELOW = 720, 170, 70, 26, 24  # pixels: plot, and the room around it for letters
_MEANS, _DOTS = 100, 40  # more points than these get a smooth curve over them; up to so many are drawn as dots
_INK, _FAINT, _GUIDE = "#1f4e79", "#b8cbe0", "#c0392b"
_PLOTS = {"loss": "loss", "miou": "mIoU; dashed: that of chance", "rate": "learning rate"}
"""Titles by metric."""

Points = Float[np.ndarray, "point 2"]
"""Step and value."""


def draw_curves(folder: Path) -> None:
    """Draw the metrics of the run in a folder to curves.png there; metrics that the run does not have are left out."""
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in (*_PLOTS, CHANCE)}
    with (folder / METRICS).open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            for name in points.keys() & row.keys():
                points[name].append((row["step"], row[name]))
    last = float(max((rows[-1][0] for rows in points.values() if rows), default=1))
    level = float(points[CHANCE][-1][1]) if points[CHANCE] else None
    plots = [
        [_draw(title, np.array(points[name], float), last, level if name == "miou" else None)]
        for name, title in _PLOTS.items()
        if points[name]
    ]
    buffer = BytesIO()
    montage(plots).save(buffer, "PNG")
    write_bytes(folder / CURVES, buffer.getvalue())


def _draw(title: str, points: Points, last: float, level: float | None) -> Image.Image:
    """A plot with its axes; `last` is the step at its right edge, `level` a value to compare with."""
    picture = Image.new("RGB", (_LEFT + _WIDTH + 20, _TOP + _HEIGHT + _BELOW), "white")
    draw, font = ImageDraw.Draw(picture), load_font(12)
    low, high = _range([*points[:, 1].tolist(), *([] if level is None else [level])])
    draw.rectangle((_LEFT, _TOP, _LEFT + _WIDTH, _TOP + _HEIGHT), outline="#888888")
    draw.text((_LEFT, 5), title, fill="black", font=load_font(13))
    for height, value in ((_TOP, high), (_TOP + _HEIGHT - 12, low)):
        draw.text((5, height), format_number(value), fill="black", font=font)
    draw.text((_LEFT, _TOP + _HEIGHT + 6), "step 0", fill="black", font=font)
    draw.text((_LEFT + _WIDTH, _TOP + _HEIGHT + 6), f"{last:,.0f}", fill="black", font=font, anchor="ra")
    curves = ((points, _INK),) if len(points) <= _MEANS else ((points, _FAINT), (_smooth(points), _INK))
    for curve, colour in curves:
        across = _LEFT + curve[:, 0] / last * _WIDTH
        down = _TOP + (high - curve[:, 1]) / (high - low) * _HEIGHT
        draw.line(list(zip(across.tolist(), down.tolist(), strict=True)), fill=colour, width=2)
        if len(curve) <= _DOTS:
            for x, y in zip(across.tolist(), down.tolist(), strict=True):
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
    if level is not None:
        height = _TOP + round((high - level) / (high - low) * _HEIGHT)
        for left in range(_LEFT, _LEFT + _WIDTH, 12):
            draw.line((left, height, left + 6, height), fill=_GUIDE)
    return picture


def _range(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis, which differ."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1))


def _smooth(points: Points) -> Float[np.ndarray, "mean 2"]:
    """Means of runs of neighbouring steps."""
    return np.stack([part.mean(0) for part in np.array_split(points, _MEANS)])
