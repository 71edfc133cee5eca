from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geoglot.outputs.shapes import ClassStrip, Shape, outlines, trace


def shapes_of(classes: np.ndarray, confidence: np.ndarray, cuts: list[int]) -> list[Shape]:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(classes)}), len(classes)]
    strips = (ClassStrip(top, classes[top:end], confidence[top:end]) for top, end in pairwise(edges))
    return list(trace(strips, frozenset({0, 255})))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 29), max_size=5))
def test_seams_change_no_polygon(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 4, (30, 25)).astype(np.uint8)
    confidence = rng.integers(0, 251, (30, 25)).astype(np.uint8)

    def facts(cut: list[int]) -> list[tuple]:
        found = shapes_of(classes, confidence, cut)
        return sorted(
            (s.value, s.pixels, s.confidence, polygon.wkb) for s, polygon in zip(found, outlines(found), strict=True)
        )

    assert facts(cuts) == facts([])


def test_areas_and_sums_are_those_of_the_pixels() -> None:
    classes = np.zeros((6, 6), np.uint8)
    classes[1:5, 1:5] = 2
    classes[2:4, 2:4] = 0  # a hole, cut by the seam
    confidence = np.full((6, 6), 100, np.uint8)
    (ring,) = shapes_of(classes, confidence, [3])
    assert ring.pixels == 12 and ring.confidence == 1200
    geometry = ring.geometry()
    assert geometry.area == 12
    assert geometry.equals(shapely.box(1, 1, 5, 5).difference(shapely.box(2, 2, 4, 4)))
    assert len(shapely.get_coordinates(geometry)) == 10  # no vertex left on the seam


def test_a_u_that_closes_late_is_one_object() -> None:
    classes = np.zeros((9, 5), np.uint8)
    classes[:, 0] = classes[:, 4] = 1
    classes[8] = 1
    confidence = np.ones_like(classes)
    assert len(shapes_of(classes, confidence, [3, 6])) == 1
    assert len(shapes_of(classes[:8], confidence[:8], [3, 6])) == 2


def test_a_comb_that_closes_late_is_one_object() -> None:
    teeth = np.zeros((2, 2001), np.uint8)
    teeth[0, ::2] = teeth[1] = 1
    shapes = list(
        trace([ClassStrip(row, teeth[row : row + 1], teeth[row : row + 1]) for row in (0, 1)], frozenset({0}))
    )
    assert [(shape.pixels, shape.geometry().area) for shape in shapes] == [(3002, 3002)]


def test_nothing_to_trace() -> None:
    classes = np.full((4, 4), 255, np.uint8)
    assert shapes_of(classes, classes, [2]) == []
