"""Regions become instances: they are split where blobs touch, many regions of a window at a time."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import ndimage

from geoglot.geo import Window
from geoglot.scene.score_field import ScoreField
from geoglot.tasks.find.instances import LOW_TO_HIGH, Instance, Region
from geoglot.tasks.refine.blobs import find_cores
from geoglot.tasks.refine.edges import NECK, relief_of, split_at_cores

_READ = 50_000  # pixels that cost as much as one more read
_TOGETHER = 1_000_000  # pixels, which bound memory


def split_regions(regions: Sequence[Region], field: ScoreField, low: float) -> Iterator[Instance]:
    """Split regions where blobs touch. The box of each is held in memory as a whole."""
    for window, near in _read_together(regions):
        yield from _split_in(window, near, field, low)


def _read_together(regions: Sequence[Region]) -> Iterator[tuple[Window, list[Region]]]:
    """Windows, and the regions in each, which follow each other."""
    near, window = list[Region](), Window(0, 0, 0, 0)
    for region in regions:
        wider = window.around(region.box) if near else region.box
        if near and wider.pixels > min(_READ * (len(near) + 1), _TOGETHER):
            yield window, near
            near, wider = [], region.box
        window = wider
        near.append(region)
    if near:
        yield window, near


def _split_in(window: Window, regions: Sequence[Region], field: ScoreField, low: float) -> Iterator[Instance]:
    scores = field.read(window)
    labels, _ = ndimage.label(scores >= low)
    numbers, relief = np.zeros(scores.shape, np.int32), np.zeros(scores.shape)
    # The noise of other bands, from pixel to pixel, is no neck: there the shape decides.
    weights = np.minimum(scores, low / LOW_TO_HIGH) if field.is_by_pixel else scores
    places = [region.box.within(window).slices for region in regions]
    for number, (region, place) in enumerate(zip(regions, places, strict=True), 1):
        label = labels[region.peak_at[0] - window.row, region.peak_at[1] - window.col]
        if label:  # else other bands can be read no more
            own = labels[place] == label
            numbers[place][own] = number
            relief[place][own] = relief_of(own, weights[place])[own]
    cores = find_cores(relief, numbers, NECK)
    for number, (region, place) in enumerate(zip(regions, places, strict=True), 1):
        own = numbers[place] == number
        parts = split_at_cores(relief[place], cores[place] & own, own)
        for label, (rows, cols) in enumerate(ndimage.find_objects(parts), 1):
            mask = parts[rows, cols] == label
            box = Window(region.top + rows.start, region.left + cols.start, *mask.shape)
            yield Instance.of(field, low, mask, scores[place][rows, cols], box)
