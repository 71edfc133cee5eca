"""SVG figures for the report: a map of points and a histogram."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

_WIDTH, _MAP_HEIGHT, _MARGIN = 900, 520, 34
_MOST_POINTS = 3000  # per layer, so that the report stays small
_STEPS = (60, 30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_BAR, _BARS_HEIGHT = 34, 150


def point_map(layers: Mapping[str, tuple[str, float, np.ndarray]]) -> str:
    """Map of layers by name: colour, radius, (point, lonlat). Both axes have one scale at the middle latitude."""
    points = np.concatenate([layer for _, _, layer in layers.values()])
    lon, lat = points[:, 0], points[:, 1]
    if np.ptp(turned := np.where(lon < 0, lon + 360, lon)) < np.ptp(lon):  # the points lie around the antimeridian
        lon = turned
    x0, y0 = (lon.min() + lon.max()) / 2, (lat.min() + lat.max()) / 2
    shrink = math.cos(math.radians(y0))
    across, along = np.ptp(lon) * shrink / (_WIDTH - 2 * _MARGIN), np.ptp(lat) / (_MAP_HEIGHT - 2 * _MARGIN)
    span = max(across, along, 1e-5)  # degrees per pixel
    parts, rng = _graticule(x0, y0, shrink, span), np.random.default_rng(0)
    for colour, radius, layer in layers.values():
        if len(layer) > _MOST_POINTS:
            layer = layer[np.sort(rng.choice(len(layer), _MOST_POINTS, replace=False))]
        x = _WIDTH / 2 + ((layer[:, 0] - x0 + 180) % 360 - 180) * shrink / span
        y = _MAP_HEIGHT / 2 - (layer[:, 1] - y0) / span
        dots = "".join(f"M{col:.1f} {row:.1f}h0" for col, row in zip(x, y, strict=True))
        parts.append(f'<path d="{dots}" stroke="{colour}" stroke-width="{2 * radius}" stroke-linecap="round"/>')
    for index, (name, (colour, _, layer)) in enumerate(layers.items()):
        parts.append(f'<circle cx="{_MARGIN + 130 * index}" cy="12" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{_MARGIN + 10 + 130 * index}" y="16">{escape(name)} ({len(layer):,})</text>')
    return _svg(_MAP_HEIGHT, parts)


def _graticule(lon: float, lat: float, shrink: float, span: float) -> list[str]:
    wide, high = (_WIDTH / 2 - _MARGIN) * span / shrink, (_MAP_HEIGHT / 2 - _MARGIN) * span
    step = next((step for step in _STEPS if step <= min(wide, high) * 1.2), _STEPS[-1])
    parts = []
    for number in range(math.ceil((lon - wide) / step), math.floor((lon + wide) / step) + 1):
        x = _WIDTH / 2 + (number * step - lon) * shrink / span
        parts.append(f'<path d="M{x:.1f} {_MARGIN}V{_MAP_HEIGHT - _MARGIN}" stroke="#ddd"/>')
        degrees = (number * step + 180) % 360 - 180
        parts.append(f'<text x="{x:.1f}" y="{_MAP_HEIGHT - 14}" text-anchor="middle">{degrees:g}°</text>')
    for number in range(math.ceil((lat - high) / step), math.floor((lat + high) / step) + 1):
        y = _MAP_HEIGHT / 2 - (number * step - lat) / span
        parts.append(f'<path d="M{_MARGIN} {y:.1f}H{_WIDTH - _MARGIN}" stroke="#ddd"/>')
        parts.append(f'<text x="2" y="{y + 4:.1f}">{number * step:g}°</text>')
    return parts


def histogram(values: np.ndarray, edges: Sequence[int]) -> str:
    """Bars for the number of values from each edge to below the next; the last bar is open."""
    ends: list[float] = [*edges[1:], math.inf]
    counts = [int(((values >= low) & (values < high)).sum()) for low, high in zip(edges, ends, strict=True)]
    most, parts = max(counts) or 1, []
    for index, (low, high, number) in enumerate(zip(edges, ends, counts, strict=True)):
        name = f"{low:g}" if high - low == 1 else f"{low:g}+" if high == math.inf else f"{low:g}-{high - 1:g}"
        height, x = (_BARS_HEIGHT - 50) * number / most, _MARGIN + index * (_BAR + 26)
        y = _BARS_HEIGHT - 22 - height
        parts.append(f'<rect x="{x}" y="{y:.1f}" width="{_BAR}" height="{height:.1f}" fill="#3b7ea1"/>')
        parts.append(f'<text x="{x + _BAR / 2}" y="{y - 4:.1f}" text-anchor="middle">{number:,}</text>')
        parts.append(f'<text x="{x + _BAR / 2}" y="{_BARS_HEIGHT - 6}" text-anchor="middle">{escape(name)}</text>')
    return _svg(_BARS_HEIGHT, parts)


def _svg(height: int, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" font-size="11">{"".join(parts)}</svg>'
