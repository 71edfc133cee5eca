"""What is known of each sensor's files: which bands are red, green and blue, and what their numbers mean."""

from __future__ import annotations

from dataclasses import dataclass

from geoglot.types import Sensor


@dataclass(frozen=True)
class Preset:
    """One product of one sensor."""

    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    """How files call the red, the green and the blue band."""
    indexes: tuple[int, int, int]
    """Where those are (1-based) in a file of at least `count` bands without names."""
    count: int
    scale: float | None = None
    """Reflectance = stored number * scale + offset; None: the numbers are plain brightness."""
    offset: float = 0.0


#: Reflectance that is shown as full brightness, as GRAFT's Sentinel-2 tiles are made (reflectance / 3000 of 10000).
WHITE_REFLECTANCE = 0.3
#: From processing baseline 04.00 on, Sentinel-2 L2A is stored with BOA_ADD_OFFSET -1000 (ESA, 25 January 2022).
SENTINEL2_OFFSET = -0.1
SENTINEL2_OFFSET_BASELINE = 4.0

_PLAIN = (("red", "r"), ("green", "g"), ("blue", "b"))

PRESETS: dict[Sensor, Preset] = {
    "rgb": Preset(_PLAIN, (1, 2, 3), 3),
    "naip": Preset(_PLAIN, (1, 2, 3), 3),
    # Stacks of all bands start B1, B2, B3, B4. Those of four to nine bands have no usual order.
    "sentinel2-l2a": Preset((("b04", "b4", "red"), ("b03", "b3", "green"), ("b02", "b2", "blue")), (4, 3, 2), 10, 1e-4),
    "landsat-c2-l2": Preset(
        (("sr_b4", "b4", "b04", "red"), ("sr_b3", "b3", "b03", "green"), ("sr_b2", "b2", "b02", "blue")),
        (4, 3, 2),
        7,
        2.75e-5,
        -0.2,
    ),
}
