"""How far apart colours look, to people with normal vision and to those who see no red or no green.

The distance is CIEDE2000 (Sharma, Wu and Dalal, doi:10.1002/col.20070), for which about 2 is just visible. Dichromatic
vision is that of Machado, Oliveira and Fernandes (doi:10.1109/TVCG.2009.113), severity 1, on linear RGB.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

VISIONS = {
    "normal": np.eye(3),
    "deuteranope": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanope": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_FAR = 25.0**7


def see(colours: Sequence[tuple[int, int, int]], vision: str) -> Float[np.ndarray, "colour 3"]:
    """Colours in sRGB 0..255 as L*, a*, b* (D65), as somebody with this vision sees them."""
    share = np.asarray(colours, float).reshape(-1, 3) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = (linear @ VISIONS[vision].T).clip(0, 1) @ _TO_XYZ.T / _TO_XYZ.sum(1)
    x, y, z = np.where(seen > (6 / 29) ** 3, np.cbrt(seen), seen * (29 / 6) ** 2 / 3 + 4 / 29).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def ciede2000(
    first: Float[np.ndarray, "#first #second 3"], second: Float[np.ndarray, "#first #second 3"]
) -> Float[np.ndarray, "first second"]:
    """The distance between colours in L*, a*, b*, whose shapes are broadcast."""
    (light1, a1, b1), (light2, a2, b2) = np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0)
    mean = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean / (mean + _FAR))
    chroma1, chroma2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    hue1, hue2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = chroma1 * chroma2 == 0
    turn = np.where(grey, 0, (hue2 - hue1 + 180) % 360 - 180)
    hue = np.where(grey, hue1 + hue2, (hue1 + turn / 2) % 360)
    light, chroma = (light1 + light2) / 2, (chroma1 + chroma2) / 2
    across = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2))
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    weight = 1 + sum(size * np.cos(np.radians(times * hue + shift)) for size, times, shift in waves)
    in_light = (light2 - light1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    in_chroma = (chroma2 - chroma1) / (1 + 0.045 * chroma)
    in_hue = across / (1 + 0.015 * chroma * weight)
    twist = np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    twist = -2 * np.sqrt(chroma**7 / (chroma**7 + _FAR)) * twist
    far: np.ndarray = np.sqrt(in_light**2 + in_chroma**2 + in_hue**2 + twist * in_chroma * in_hue)
    return far


def distances(
    colours: Sequence[tuple[int, int, int]], others: Sequence[tuple[int, int, int]]
) -> Float[np.ndarray, "vision colour other"]:
    """The distance of each colour from each other colour, in the order of VISIONS."""
    return np.stack([ciede2000(see(colours, one)[:, None], see(others, one)[None]) for one in VISIONS])
