"""Finds no data that a file does not declare, once per scene, in a decimated read; each finding gives a note.

- Fill: a frequent number (-9999, 65535, 1e20) that is farther from the next number than all others are apart. Bytes
  have no such number: 0 and 255 are brightness.
- Rim or wedge: 0, or the highest number of the type, in all bands at once, from the edge inwards. It is no data if no
  other number comes near it, or if the rest is a box or a footprint: convex, and touching all sides. A dark sea, in
  contrast, has a coast and shades, and black water in the middle touches no edge.
- Transparency: a band that is marked as transparency but takes many values is read as a band, since some writers mark
  the fourth of four bands so. Transparency that hides a whole picture is not used; if it hides a part, a note says so.
"""

import re
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import shapely
from jaxtyping import Bool, Num

from geoglot.sources.gdal import GDAL_ERRORS
from geoglot.sources.pixels.band_reader import BandReader
from geoglot.sources.pixels.validity import NONE, Rim

_SIDE, _SIDE_OF_LARGE = 1024, 64  # pixels of the decimated read; in a large raster without overviews every block costs
_LARGE = 50_000_000
_MIN_FILL = 0.0005  # share of the pixels: fewer are outliers
_FREQUENT_FILL = 0.01
_MAX_FILLS = 4  # of one band
_MIN_VALUES = 16  # a band with fewer different numbers is a map of classes
_USUAL_FILLS = frozenset({-9999.0, -99999.0, -999.0, -32768.0, -32767.0})
_USUAL_GAP = 0.1  # of the range of the others: a usual fill is no data at this distance already
_MIN_RIM = 0.005  # share of the pixels
_NEAR = 0.05  # of the range of the rest: a nearer number is a shade of the rim's colour
_MAX_SHADES = 0.0005  # share of the rest that may be such a shade by chance
_MAX_RIM_IN_HULL = 0.1  # share of the rim in the hull of the rest, whose sides are not quite straight
_STEPS = 0.25  # of the sides of the read: sloping sides are steps of pixels
_FULL_BOX = 0.98
_MAX_PARTLY = 0.1  # share of partly transparent pixels: shadows and soft edges make no more
_MAX_LEVELS = 50  # different values of a band of transparency
_INFRARED = re.compile(r"nir|infra|\bb0?8\b|\bn\b", re.IGNORECASE)


class Sample(NamedTuple):
    """The whole scene, decimated by the nearest pixel."""

    values: Num[np.ndarray, "band rows cols"]
    has_data: Bool[np.ndarray, "band rows cols"]


class Found(NamedTuple):
    """What the pixels show."""

    reader: BandReader
    """Knows the undeclared no data too."""
    notes: tuple[str, ...] = ()
    """One for each finding."""
    whole: Sample | None = None
    """All pixels as `reader` gives them, if the scene is so small that the sample is all of it."""


def find_undeclared_nodata(dataset: Any, reader: BandReader) -> Found:
    """Sample the scene, and look for no data in it."""
    if reader.nodata == NONE:
        return Found(reader)
    notes = list[str]()
    if reader.alpha:
        reader, notes = _check_alpha(dataset, reader, reader.alpha)
    sample = read_sample(dataset, reader)
    if sample is None:
        return Found(reader, tuple(notes))
    sampled, whole = reader, sample if sample.values.shape[1:] == dataset.shape else None
    if reader.nodata is not None:
        return Found(reader, tuple(notes), whole)
    reader, fill_notes = _add_fills(sample, reader)
    notes += fill_notes
    declares_more = reader.masked_nodata or not set(reader.masks) <= {"all_valid", "alpha"}
    if not (reader.alpha or any(reader.fills) or declares_more):
        reader, rim_notes = _add_rim(sample, reader)
        notes += rim_notes
    return Found(reader, tuple(notes), whole if reader is sampled else None)


def read_sample(dataset: Any, reader: BandReader) -> Sample | None:
    """Sample the scene; None if it is damaged, which the read of its windows reports."""
    is_large = dataset.height * dataset.width > _LARGE and not dataset.overviews(1)
    step = max(1.0, max(dataset.shape) / (_SIDE_OF_LARGE if is_large else _SIDE))
    shape = max(1, int(dataset.height / step)), max(1, int(dataset.width / step))
    try:
        return Sample(*reader.read(dataset, shape=shape, exact=True))
    except GDAL_ERRORS:
        return None


def _add_fills(sample: Sample, reader: BandReader) -> tuple[BandReader, list[str]]:
    if sample.values.dtype.itemsize == 1 or reader.palette is not None:
        return reader, []
    shares = [_find_fills(values[has_data]) for values, has_data in zip(*sample, strict=True)]
    if not any(shares):
        return reader, []
    largest = {number: max(band.get(number, 0.0) for band in shares) for number in chain(*shares)}
    notes = [
        f"{reader.stored_number(number):.10g} fills {_percent(share)} and lies far from all other numbers: it is taken "
        "as no data, though the file does not say so; --nodata none says otherwise"
        for number, share in largest.items()
    ]
    return replace(reader, fills=tuple(map(frozenset, shares))), notes


def _find_fills(values: Num[np.ndarray, " pixel"]) -> dict[float, float]:
    """The numbers of a band that are fills, and the share of each."""
    fills, rest = dict[float, float](), values
    while len(rest) and len(fills) < _MAX_FILLS:
        number = next((end for end in (rest.min(), rest.max()) if _is_fill(rest, end)), None)
        if number is None:
            break
        fills[float(number)] = float((values == number).mean())
        rest = rest[rest != number]
    return fills


def _is_fill(values: Num[np.ndarray, " pixel"], number: Any) -> bool:
    """Whether the lowest or the highest number is no data: frequent, and far from all others."""
    others = values[values != number].astype(np.float64)
    share = 1 - len(others) / len(values)
    if not len(others) or share < _MIN_FILL:
        return False
    gap = np.abs(others - float(number)).min()
    if float(number) in _USUAL_FILLS:
        return bool(gap > _USUAL_GAP * np.ptp(others))
    # A frequent number need not lie beyond a few glints, a rare number must.
    spread = np.ptp(others) if share < _FREQUENT_FILL else np.ptp(np.percentile(others, (1, 99)))
    return bool(gap > spread and len(np.unique(others)) >= _MIN_VALUES)


def _add_rim(sample: Sample, reader: BandReader) -> tuple[BandReader, list[str]]:
    for number in _black_and_white(sample, reader):
        zone = _find_rim(sample, number)
        if zone is not None:
            from scipy import ndimage

            cells = ndimage.binary_dilation(zone, np.ones((3, 3)), iterations=2)
            colour = "black" if number == 0 else "white"
            note = (
                f"{_percent(zone.mean())} along the edge is {colour} without a shade: it is taken as no data, though "
                "the file does not say so; --nodata none says otherwise"
            )
            return replace(reader, rim=Rim((number,) * len(sample.values), cells)), [note]
    return reader, []


def _black_and_white(sample: Sample, reader: BandReader) -> tuple[float, ...]:
    """The numbers of black and white; floats have no white."""
    if reader.palette is not None:
        return 0.0, 255.0
    dtype = sample.values.dtype
    return (0.0, float(np.iinfo(dtype).max)) if dtype.kind == "u" else (0.0,)


def _find_rim(sample: Sample, number: float) -> Bool[np.ndarray, "rows cols"] | None:
    """Where a number is a rim or wedge; None if it is not."""
    edges = ((slice(None), [0, -1]), (slice(None), slice(None), [0, -1]))
    if not any(((sample.values[edge] == number) & sample.has_data[edge]).all(axis=0).any() for edge in edges):
        return None
    has_data = sample.has_data.all(axis=0)
    same = has_data & (sample.values == number).all(axis=0)
    from scipy import ndimage

    labels, _ = ndimage.label(same | ~has_data)
    at_edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    zone, rest = same & np.isin(labels, np.setdiff1d(at_edge, 0)), has_data & ~same
    if zone.mean() < _MIN_RIM or rest.mean() < _MIN_RIM:
        return None
    # The band of each pixel that differs most from the number: only a picture has shades near it.
    contrast = np.abs(sample.values[:, rest].astype(np.float64) - number).max(axis=0)
    shades = (contrast < _NEAR * np.percentile(contrast, 99)).mean()
    has_no_shades = shades <= _MAX_SHADES and len(np.unique(contrast)) >= _MIN_VALUES
    return np.asarray(zone) if has_no_shades or _is_footprint(~zone) else None


def _is_footprint(mask: Bool[np.ndarray, "rows cols"]) -> bool:
    """Whether the rest is convex (its hull holds little of the rim) and either touches all sides or is a box."""
    rim, sides = (~mask).sum(), sum(mask.shape)
    if rim < sides or _hull_area(mask) - mask.sum() > _MAX_RIM_IN_HULL * rim + _STEPS * sides:
        return False
    box = np.prod([np.ptp(np.flatnonzero(mask.any(axis=axis))) + 1 for axis in (0, 1)])
    touches = mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any()
    return bool(touches or mask.sum() >= _FULL_BOX * box)


def _hull_area(mask: Bool[np.ndarray, "rows cols"]) -> float:
    """Area of the convex hull in pixels."""
    rows = np.flatnonzero(mask.any(axis=1))
    first, last = mask[rows].argmax(axis=1), mask.shape[1] - mask[rows, ::-1].argmax(axis=1)
    corners = [np.column_stack([cols, rows + down]) for cols in (first, last) for down in (0, 1)]
    return float(shapely.MultiPoint(np.concatenate(corners)).convex_hull.area)


def _check_alpha(dataset: Any, reader: BandReader, index: int) -> tuple[BandReader, list[str]]:
    """Decide whether a band that is marked as transparency is used as transparency."""
    without = replace(reader, alpha=None)
    if _INFRARED.search(dataset.descriptions[index - 1] or ""):
        return without, []
    plane, below = read_sample(dataset, BandReader.of(dataset, (index,))), read_sample(dataset, without)
    if plane is None or below is None:
        return reader, []
    alpha, band = plane.values[0], f"band {index}, marked as transparency,"
    hidden = alpha == 0
    partly = (~hidden & (alpha < alpha.max())).mean()
    if partly > _MAX_PARTLY and (levels := len(np.unique(alpha))) > _MAX_LEVELS:
        note = f"takes {levels} different values: it is read as a band, not as transparency, and hides nothing"
        return without, [f"{band} {note}"]
    from scipy import ndimage

    varies = [ndimage.maximum_filter(band, 3) > ndimage.minimum_filter(band, 3) for band in below.values]
    picture = hidden & reader.valid(below.has_data) & np.any(varies, axis=0)
    if hidden.all() and picture.any():
        return without, [f"{band} is 0 everywhere and would hide a whole picture: it is not used"]
    if picture.mean() > _MIN_RIM:
        note = f"hides {_percent(hidden.mean())}, and there is a picture below; --nodata none maps it too"
        return reader, [f"{band} {note}"]
    return reader, []


def _percent(share: float) -> str:
    return f"{share:.1%} of the scene" if share >= 0.001 else "under 0.1% of the scene"
