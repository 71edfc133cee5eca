"""No data that a file does not declare, found once per scene in a decimated look at it, and told.

- A number far outside all others (-9999, 65535, 1e20) that fills a share of a band: farther from the next than all
  others are apart. Bytes have no such number: 0 and 255 are brightness.
- A rim or wedge: 0, or the highest number of the type, in all bands at once, from the edge inwards. It is one if no
  other number comes near it; else if what it leaves is a box or a footprint: convex, and touching all sides.
  A dark sea has a coast and shades; black water in the middle touches no edge.
- A band that is marked as transparency but takes many values is a band: writers mark the fourth of four that way. One
  that hides all of a picture is not used either. Of one that hides a picture in part it is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from jaxtyping import Bool, Num
from scipy import ndimage

from geoglot.sources.gdal import GDAL_ERRORS
from geoglot.sources.pixels.band_reader import BandReader, Rim
from geoglot.sources.pixels.validity import NONE

_SIDE, _SIDE_OF_LARGE = 1024, 64  # pixels of the look; of a large raster without overviews every block costs
_LARGE = 50_000_000
_LEAST_SHARE = 0.0005  # of a number far outside: fewer are a few odd pixels
_LEAST_RIM = 0.005
_OFTEN = 0.01
_CROWD = 16  # different numbers: what has fewer is a map of classes
_USUAL = frozenset({-9999.0, -99999.0, -999.0, -32768.0, -32767.0})  # written for no data, whatever the others are
_USUAL_GAP = 0.1
_MOST_TURNS = 4  # numbers far outside that one band may hold
_NEAR = 0.05  # of the range of the rest, or 12 of 255: what comes near the colour of a rim
_MOST_NEAR = 0.0005  # share of the rest that comes near it by chance
_MOST_INSIDE = 0.1  # of the rim in the hull of what it leaves, where its sides are not quite straight
_STEPS = 0.25  # of the sides of the look: sloping sides are steps of pixels
_FULL_BOX = 0.98
_PLAIN = 0.1  # share of partly transparent pixels that shadows and soft edges come to
_MANY = 50  # different values
_INFRARED = re.compile(r"nir|infra|\bb0?8\b|\bn\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Look:
    values: Num[np.ndarray, "band rows cols"]
    known: Bool[np.ndarray, "band rows cols"]


def find_undeclared_nodata(dataset: Any, stored: BandReader) -> tuple[BandReader, tuple[str, ...]]:
    """How the numbers are read with what only the pixels say, and a sentence for each thing that was found."""
    if stored.nodata == NONE:
        return stored, ()
    notes = list[str]()
    if stored.alpha:
        stored, notes = _with_alpha(dataset, stored, stored.alpha)
    look = _look(dataset, stored)
    if look is None or stored.nodata is not None:
        return stored, tuple(notes)
    stored, told = _with_fills(look, stored)
    if stored.alpha or stored.beside or any(stored.fills) or not set(stored.masks) <= {"all_valid", "alpha"}:
        return stored, (*notes, *told)
    stored, also = _with_rim(look, stored)
    return stored, (*notes, *told, *also)


def _look(dataset: Any, stored: BandReader) -> _Look | None:
    """All of it, decimated without averaging; None where it is damaged, which is told when it is read."""
    large = dataset.height * dataset.width > _LARGE and not dataset.overviews(1)
    step = max(1.0, max(dataset.shape) / (_SIDE_OF_LARGE if large else _SIDE))
    shape = max(1, int(dataset.height / step)), max(1, int(dataset.width / step))
    try:
        return _Look(*stored.read(dataset, shape=shape, exact=True))
    except GDAL_ERRORS:
        return None


def _with_fills(look: _Look, stored: BandReader) -> tuple[BandReader, list[str]]:
    if look.values.dtype.itemsize == 1 or stored.palette is not None:
        return stored, []
    fills, shares = list[frozenset[float]](), dict[float, float]()
    before = stored.fills or (frozenset[float](),) * len(look.values)
    for values, known, said in zip(look.values, look.known, before, strict=True):
        found = _far_outside(values[known])
        fills.append(said | frozenset(found))
        for number, share in found.items():
            shares[number] = max(share, shares.get(number, 0.0))
    notes = [
        f"{stored.number(number):.10g} fills {_percent(share)} and lies far from all other numbers: it is taken as no "
        "data, though the file does not say so; --nodata none says otherwise"
        for number, share in shares.items()
    ]
    return (replace(stored, fills=tuple(fills)) if notes else stored), notes


def _far_outside(values: Num[np.ndarray, " pixel"]) -> dict[float, float]:
    """Numbers that lie farther from the next than all others are apart, and the share of each."""
    found, rest = dict[float, float](), values
    for _ in range(_MOST_TURNS):
        number = next((end for end in (rest.min(), rest.max()) if _is_far(rest, end)), None) if len(rest) else None
        if number is None:
            break
        found[float(number)] = float((values == number).mean())
        rest = rest[rest != number]
    return found


def _is_far(values: Num[np.ndarray, " pixel"], number: Any) -> bool:
    """Whether the least or the largest of some numbers is no data: the others are a crowd, and it is far from all."""
    others = values[values != number].astype(np.float64)
    share = 1 - len(others) / len(values)
    if not len(others) or share < _LEAST_SHARE:
        return False
    gap = np.abs(others - float(number)).min()
    if float(number) in _USUAL:
        return bool(gap > _USUAL_GAP * np.ptp(others))
    # A few glints far from the crowd are no scale; where the number is rare it must be farther out than those.
    scale = np.ptp(others) if share < _OFTEN else np.ptp(np.percentile(others, (1, 99)))
    return bool(gap > scale and len(np.unique(others)) >= _CROWD)


def _with_rim(look: _Look, stored: BandReader) -> tuple[BandReader, list[str]]:
    for number in _ends(look, stored):
        zone = _rim(look, number)
        if zone is not None:
            cells = ndimage.binary_dilation(zone, np.ones((3, 3)), iterations=2)
            what = "black" if number == 0 else "white"
            told = (
                f"{_percent(zone.mean())} along the edge is {what} without a shade: it is taken as no data, though the "
                "file does not say so; --nodata none says otherwise"
            )
            return replace(stored, rim=Rim((number,) * len(look.values), cells)), [told]
    return stored, []


def _ends(look: _Look, stored: BandReader) -> tuple[float, ...]:
    """The numbers of black and of white, which rims are made of; floats have no white."""
    if stored.palette is not None:
        return 0.0, 255.0
    return (0.0, float(np.iinfo(look.values.dtype).max)) if look.values.dtype.kind == "u" else (0.0,)


def _rim(look: _Look, number: float) -> Bool[np.ndarray, "rows cols"] | None:
    """Where a number is a rim or wedge; None where it is not one."""
    known = look.known.all(axis=0)
    same = known & (look.values == number).all(axis=0)
    if not (same[[0, -1]].any() or same[:, [0, -1]].any()):
        return None
    labels, _ = ndimage.label(same | ~known)
    outer = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    zone, rest = same & np.isin(labels, np.setdiff1d(outer, 0)), known & ~same
    if zone.mean() < _LEAST_RIM or rest.mean() < _LEAST_RIM:
        return None
    # Of each pixel what is farthest from the number: near it are the shades that only a picture has.
    far = np.abs(look.values[:, rest].astype(np.float64) - number).max(axis=0)
    if (far < _NEAR * np.percentile(far, 99)).mean() <= _MOST_NEAR and len(np.unique(far)) >= _CROWD:
        return np.asarray(zone)
    return np.asarray(zone) if _is_footprint(~zone) else None


def _is_footprint(left: Bool[np.ndarray, "rows cols"]) -> bool:
    """Whether what a rim leaves is convex, and touches all sides or is a box: little of the rim lies in its hull."""
    rim, sides, hull = (~left).sum(), sum(left.shape), _hull_area(left)
    if rim < sides or hull - left.sum() > _MOST_INSIDE * rim + _STEPS * sides:
        return False
    box = np.prod([np.ptp(np.flatnonzero(left.any(axis=axis))) + 1 for axis in (0, 1)])
    touches = left[0].any() and left[-1].any() and left[:, 0].any() and left[:, -1].any()
    return bool(touches or left.sum() >= _FULL_BOX * box)


def _hull_area(mask: Bool[np.ndarray, "rows cols"]) -> float:
    """Of the convex hull, in pixels."""
    rows = np.flatnonzero(mask.any(axis=1))
    first, last = mask[rows].argmax(axis=1), mask.shape[1] - mask[rows, ::-1].argmax(axis=1)
    corners = [np.column_stack([cols, rows + down]) for cols in (first, last) for down in (0, 1)]
    return float(shapely.MultiPoint(np.concatenate(corners)).convex_hull.area)


def _with_alpha(dataset: Any, stored: BandReader, index: int) -> tuple[BandReader, list[str]]:
    """Whether the band that is marked as transparency is used as that."""
    plane = _look(dataset, BandReader.of(dataset, (index,)))
    under = _look(dataset, replace(stored, alpha=None))
    if _INFRARED.search(dataset.descriptions[index - 1] or ""):
        return replace(stored, alpha=None), []
    if plane is None or under is None:
        return stored, []
    alpha, band = plane.values[0], f"band {index}, marked as transparency,"
    hidden = alpha == 0
    partly = (~hidden & (alpha < alpha.max())).mean()
    if partly > _PLAIN and (many := len(np.unique(alpha))) > _MANY:
        told = f"takes {many} different values: it is read as a band, not as transparency, and hides nothing"
        return replace(stored, alpha=None), [f"{band} {told}"]
    seen = hidden & stored.valid(under.known) & _varies(under.values)
    if hidden.all() and seen.any():
        return replace(stored, alpha=None), [f"{band} is 0 everywhere and would hide a whole picture: it is not used"]
    if seen.mean() > _LEAST_RIM:
        told = f"hides {_percent(hidden.mean())}, and there is a picture below; --nodata none maps it too"
        return stored, [f"{band} {told}"]
    return stored, []


def _varies(values: Num[np.ndarray, "band rows cols"]) -> Bool[np.ndarray, "rows cols"]:
    """Where a picture is not of one colour with its neighbours."""
    ends = [(ndimage.maximum_filter(band, 3), ndimage.minimum_filter(band, 3)) for band in values]
    return np.asarray(np.logical_or.reduce([high > low for high, low in ends]))


def _percent(share: float) -> str:
    return f"{share:.1%} of the scene" if share >= 0.001 else "under 0.1% of the scene"
