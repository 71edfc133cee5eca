from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoglot.scene import classmap
from geoglot.scene.classmap import OTHER, Rule, Upsampler


def shares(scores: np.ndarray) -> np.ndarray:
    """A softmax over channels."""
    powers = np.exp(scores)
    divided: np.ndarray = (powers / powers.sum(0)).astype(np.float32)
    return divided


def enlarge(scores: np.ndarray, valid: np.ndarray, rule: Rule, patch: int, cuts: list[int]) -> tuple:
    """Feed the lattice in pieces and put the pixel rows together."""
    upsampler = Upsampler(rule, patch, valid.shape)
    edges = [0, *sorted(set(cuts)), scores.shape[1]]
    parts = []
    for top, end in pairwise(edges):
        rows = upsampler.feed(scores[:, top:end], valid[top * patch : end * patch])
        if rows is not None:
            assert rows.row == sum(len(part.classes) for part in parts)
            parts.append(rows)
    return np.concatenate([p.classes for p in parts]), np.concatenate([p.confidence for p in parts])


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 8), max_size=4), st.integers(0, 3))
def test_cutting_the_rows_changes_nothing(seed: int, cuts: list[int], missing: int) -> None:
    rng = np.random.default_rng(seed)
    scores = shares(rng.normal(size=(3, 9, 7)))
    scores[:, rng.integers(0, 9, missing), rng.integers(0, 7, missing)] = np.nan
    valid = rng.random((70, 53)) > 0.1
    rule = Rule((1, 2, OTHER))
    whole = enlarge(scores, valid, rule, 8, [])
    pieces = enlarge(scores, valid, rule, 8, cuts)
    assert np.array_equal(whole[0], pieces[0])
    assert np.array_equal(whole[1], pieces[1])


def test_narrow_columns_and_few_channels_at_a_time_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = shares(np.random.default_rng(1).normal(size=(11, 6, 40)))
    valid = np.ones((48, 320), bool)
    rule = Rule(tuple(range(1, 12)))
    whole = enlarge(scores, valid, rule, 8, [])
    monkeypatch.setattr(classmap, "_COLUMNS", 24)
    monkeypatch.setattr(classmap, "_CHANNELS", 2)
    small = enlarge(scores, valid, rule, 8, [])
    assert np.array_equal(whole[0], small[0])
    assert np.array_equal(whole[1], small[1])


def test_invalid_pixels_and_unknown_scores_are_no_data() -> None:
    scores = np.zeros((2, 2, 2), np.float32)
    scores[0] = 1
    scores[:, 0, 0] = np.nan
    valid = np.ones((16, 16), bool)
    valid[12, 12] = False
    classes, confidence = enlarge(scores, valid, Rule((1, 2)), 8, [])
    assert classes[0, 0] == 255 and confidence[0, 0] == 0
    assert classes[12, 12] == 255
    assert (classes[8:12] == 1).all()


def test_less_sure_than_the_threshold_is_other() -> None:
    scores = np.zeros((2, 1, 2), np.float32)
    scores[0, 0], scores[1, 0] = [0.6, 0.99], [0.4, 0.01]
    valid = np.ones((4, 8), bool)
    classes, _ = enlarge(scores, valid, Rule((1, 2), threshold=0.9), 4, [])
    assert classes[0, 0] == OTHER and classes[0, -1] == 1


def test_more_classes_than_a_byte_holds() -> None:
    scores = np.zeros((300, 1, 1), np.float32)
    scores[299] = 1
    classes, _ = enlarge(scores, np.ones((2, 2), bool), Rule(tuple(range(1, 301)), nodata=65535), 2, [])
    assert classes.dtype == np.uint16 and (classes == 300).all()


def test_the_middle_between_two_patches_is_their_mean() -> None:
    scores = np.array([[[0.9, 0.1]], [[0.1, 0.9]]], np.float32)
    classes, confidence = enlarge(scores, np.ones((2, 8), bool), Rule((1, 2)), 4, [])
    assert classes[0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert confidence[0, 2] == 250 * 0.8  # an eighth of the way from the first centre to the second


def test_beside_an_unknown_patch_only_the_known_one_counts() -> None:
    scores = np.array([[[0.9, np.nan]], [[0.1, np.nan]]], np.float32)
    classes, confidence = enlarge(scores, np.ones((2, 8), bool), Rule((1, 2)), 4, [])
    assert classes[0, :6].tolist() == [1] * 6 and classes[0, 7] == 255
    assert confidence[0, :6].tolist() == [225] * 6
