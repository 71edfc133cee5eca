from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction

from geoglot.geo import Window
from geoglot.tasks.refine.blobs import find_cores
from geoglot.tasks.refine.edges import Edges, split_touching
from geoglot.tasks.refine.refiner import CoarseMask, View

ROWS, COLS = np.ogrid[:96, :128]


def disc(row: int, col: int, radius: float) -> np.ndarray:
    return np.asarray((ROWS - row) ** 2 + (COLS - col) ** 2 <= radius**2)


def view(truth: np.ndarray, noise: float = 0.02) -> View:
    pixels = np.where(truth, 0.2, 0.7) + np.random.default_rng(0).normal(0, noise, (3, *truth.shape))
    return View(Window(0, 0, *truth.shape), pixels.astype(np.float32), np.ones(truth.shape, bool), 8)


def proposal(mask: np.ndarray) -> CoarseMask:
    return CoarseMask(mask, np.where(mask, 0.9, 0.1).astype(np.float32))


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("shift", [-4, 0, 3])
@pytest.mark.parametrize("radius", [10, 25])
def test_a_coarse_mask_goes_to_the_edge_of_the_picture(radius: int, shift: int) -> None:
    truth, coarse = disc(48, 64, radius), disc(48 + shift, 64 - shift, radius)
    (mask,) = Edges()(view(truth), [proposal(coarse)])[0]
    assert iou(mask, truth) > 0.9 > iou(coarse, truth) or shift == 0


def test_without_an_edge_the_outline_stays_within_a_patch() -> None:
    coarse = disc(48, 64, 20)
    flat = View(Window(0, 0, 96, 128), np.full((3, 96, 128), 0.5, np.float32), np.ones((96, 128), bool), 8)
    (mask,) = Edges()(flat, [proposal(coarse)])[0]
    assert (mask <= disc(48, 64, 29)).all() and (mask >= disc(48, 64, 15)).all()


def test_two_that_touch_in_the_picture_are_two() -> None:
    truth = disc(48, 40, 14) | disc(48, 69, 14)
    blurred = truth | ((abs(ROWS - 48) < 10) & (abs(COLS - 54) < 12))
    masks = Edges()(view(truth), [proposal(blurred)])[0]
    assert len(masks) == 2
    assert sorted(max(iou(mask, disc(48, col, 14)) for mask in masks) for col in (40, 69))[0] > 0.85


def test_other_things_are_not_taken() -> None:
    truth = disc(48, 40, 14) | disc(48, 72, 14)
    scores = np.where(truth, 0.9, 0.1).astype(np.float32)
    scores[disc(48, 72, 14)] = 0  # another thing of the same name
    (answer,) = Edges()(view(truth), [CoarseMask(disc(48, 40, 17), scores)])
    assert not (answer[0] & disc(48, 72, 12)).any()


def test_each_proposal_is_answered_by_itself() -> None:
    truth = disc(30, 30, 12) | disc(60, 90, 18)
    proposals = [proposal(disc(31, 29, 12)), proposal(disc(58, 91, 17))]
    together = Edges()(view(truth), proposals)
    for one, answer in zip(proposals, together, strict=True):
        np.testing.assert_array_equal(Edges()(view(truth), [one])[0][0], answer[0])


@pytest.mark.parametrize(
    ("mask", "count"),
    [
        (disc(48, 64, 20), 1),
        (disc(48, 40, 20) | disc(48, 79, 20), 2),
        (disc(48, 30, 14) | disc(48, 57, 14) | disc(48, 84, 14), 3),
        ((abs(ROWS - 48) <= 10) & (abs(COLS - 64) <= 40), 1),
        (((abs(ROWS - 30) <= 10) & (abs(COLS - 64) <= 40)) | ((abs(ROWS - 55) <= 20) & (abs(COLS - 34) <= 10)), 1),
    ],
    ids=["disc", "two discs", "three discs", "bar", "L"],
)
def test_blobs_are_parted_at_necks(mask: np.ndarray, count: int) -> None:
    labels = split_touching(mask, np.ones(mask.shape, np.float32))
    assert labels.max() == count
    assert ((labels > 0) == mask).all()


def test_a_valley_of_scores_parts_a_bar() -> None:
    bar = (abs(ROWS - 48) <= 10) & (abs(COLS - 64) <= 40)
    scores = np.where(abs(COLS - 64) < 5, 0.5, 0.95) * np.ones(bar.shape)
    assert split_touching(bar, scores.astype(np.float32)).max() == 2


@given(st.integers(0, 10_000), st.sampled_from([1.0, 3.0]), st.booleans(), st.sampled_from([0.5, 0.7]))
def test_cores_are_the_maxima_that_a_flood_leaves(seed: int, smooth: float, coarse: bool, neck: float) -> None:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).random((30, 40)), smooth)
    field = (field - field.min()) / np.ptp(field) + 0.1
    relief = np.round(field, 1) if coarse else field  # with plateaus
    mask = field > 0.5
    height = np.log(np.where(mask, relief, 1e-6))
    lowered = reconstruction(height + np.log(neck), height)
    np.testing.assert_array_equal(find_cores(relief, mask, neck), local_maxima(lowered) & mask)
    labels, _ = ndimage.label(mask)
    alone = [find_cores(relief, labels == label, neck) for label in range(1, labels.max() + 1)]
    np.testing.assert_array_equal(find_cores(relief, labels, neck), np.any(alone, axis=0))
