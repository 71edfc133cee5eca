"""Figures of the report as SVG: a map of points, bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

_WIDTH, _MAP_HEIGHT, _MARGIN = 900, 520, 34
_MOST_POINTS = 3000  # of a kind, so that the report stays small
_STEPS = (60, 30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_BAR, _BARS_HEIGHT = 34, 150


def point_map(layers: Mapping[str, tuple[str, float, np.ndarray]]) -> str:
    """Points by name: colour, radius, (point, lonlat). One scale for both axes at the middle latitude."""
    everything = np.concatenate([points for _, _, points in layers.values()])
    lon = _unwrapped(everything[:, 0])
    middle = (lon.min() + lon.max()) / 2
    south, north = everything[:, 1].min(), everything[:, 1].max()
    shrink = math.cos(math.radians((south + north) / 2))
    span = max(
        (lon.max() - lon.min()) * shrink / (_WIDTH - 2 * _MARGIN), (north - south) / (_MAP_HEIGHT - 2 * _MARGIN), 1e-5
    )

    def place(degrees: np.ndarray) -> np.ndarray:
        across = (degrees[:, 0] - middle + 180) % 360 - 180
        x = _WIDTH / 2 + across * shrink / span
        return np.column_stack([x, _MAP_HEIGHT / 2 - (degrees[:, 1] - (south + north) / 2) / span])

    parts = _lines(middle, (south + north) / 2, shrink, span)
    rng = np.random.default_rng(0)
    for colour, radius, points in layers.values():
        if len(points) > _MOST_POINTS:
            points = points[np.sort(rng.choice(len(points), _MOST_POINTS, replace=False))]
        dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in place(points)) if len(points) else ""
        parts.append(f'<path d="{dots}" stroke="{colour}" stroke-width="{2 * radius}" stroke-linecap="round"/>')
    keys = "".join(
        f'<circle cx="{_MARGIN + 130 * index}" cy="12" r="5" fill="{colour}"/>'
        f'<text x="{_MARGIN + 10 + 130 * index}" y="16">{escape(name)} ({len(points):,})</text>'
        for index, (name, (colour, _, points)) in enumerate(layers.items())
    )
    return _svg(_MAP_HEIGHT, "".join(parts) + keys)


def bars(counts: Sequence[tuple[str, int]]) -> str:
    """One bar a name, its number above."""
    if not counts:
        return "<p>None.</p>"
    most = max(number for _, number in counts) or 1
    parts = []
    for index, (name, number) in enumerate(counts):
        height, x = (_BARS_HEIGHT - 50) * number / most, _MARGIN + index * (_BAR + 26)
        y = _BARS_HEIGHT - 22 - height
        parts.append(f'<rect x="{x}" y="{y:.1f}" width="{_BAR}" height="{height:.1f}" fill="#3b7ea1"/>')
        parts.append(f'<text x="{x + _BAR / 2}" y="{y - 4:.1f}" text-anchor="middle">{number:,}</text>')
        parts.append(f'<text x="{x + _BAR / 2}" y="{_BARS_HEIGHT - 6}" text-anchor="middle">{escape(name)}</text>')
    return _svg(_BARS_HEIGHT, "".join(parts))


def histogram(values: np.ndarray, edges: Sequence[int]) -> list[tuple[str, int]]:
    """How many values lie in each span: from one edge to below the next, the last without end."""
    ends: list[float] = [*edges[1:], math.inf]
    names = [
        f"{low:g}" if high - low == 1 else f"{low:g}+" if high == math.inf else f"{low:g}-{high - 1:g}"
        for low, high in zip(edges, ends, strict=True)
    ]
    counts = [int(((values >= low) & (values < high)).sum()) for low, high in zip(edges, ends, strict=True)]
    return list(zip(names, counts, strict=True))


def _lines(lon: float, lat: float, shrink: float, span: float) -> list[str]:
    """Meridians and parallels with their degrees."""
    wide, high = (_WIDTH / 2 - _MARGIN) * span / shrink, (_MAP_HEIGHT / 2 - _MARGIN) * span
    step = next((one for one in _STEPS if one <= min(wide, high) * 1.2), _STEPS[-1])
    parts = []
    for number in range(math.ceil((lon - wide) / step), math.floor((lon + wide) / step) + 1):
        x = _WIDTH / 2 + (number * step - lon) * shrink / span
        parts.append(f'<path d="M{x:.1f} {_MARGIN}V{_MAP_HEIGHT - _MARGIN}" stroke="#ddd"/>')
        shown = (number * step + 180) % 360 - 180
        parts.append(f'<text x="{x:.1f}" y="{_MAP_HEIGHT - 14}" text-anchor="middle">{shown:g}°</text>')
    for number in range(math.ceil((lat - high) / step), math.floor((lat + high) / step) + 1):
        y = _MAP_HEIGHT / 2 - (number * step - lat) / span
        parts.append(f'<path d="M{_MARGIN} {y:.1f}H{_WIDTH - _MARGIN}" stroke="#ddd"/>')
        parts.append(f'<text x="2" y="{y + 4:.1f}">{number * step:g}°</text>')
    return parts


def _unwrapped(lon: np.ndarray) -> np.ndarray:
    """Longitudes without a jump at 180, if they then lie closer together."""
    turned = np.where(lon < 0, lon + 360, lon)
    return turned if np.ptp(turned) < np.ptp(lon) else lon


def _svg(height: int, content: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" font-size="11">{content}</svg>'
