from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from geoglot.errors import OutputError
from geoglot.geo import Window
from geoglot.options import ReadOptions
from geoglot.scene.class_words import parse_classes
from geoglot.scene.encoded_scene import encode_scene
from geoglot.scene.kept_scores import KeptScores, keep_scores, open_scratch
from geoglot.scene.score_field import ScoreField
from geoglot.tasks.find import split
from geoglot.tasks.find.instances import Region, Threshold, choose_threshold, find_regions_in_strips, keep_sure
from geoglot.tasks.find.split import split_regions
from geoglot.tasks.refine.edges import split_touching
from scenes import plant
from stubs import ColourScorer
from worlds import write_scene

NAMES = ("roof", "sand")


@given(st.integers(0, 10_000), st.integers(1, 9), st.sampled_from([0.3, 0.45, 0.6]))
def test_strips_of_any_height_give_the_regions_of_the_whole(seed: int, height: int, low: float) -> None:
    scores = ndimage.uniform_filter(np.random.default_rng(seed).random((24, 17)), 3).astype(np.float32)
    threshold = Threshold(low + 0.1, low, "given", 0.1)
    parts = [(row, scores[row : row + height]) for row in range(0, 24, height)]
    strips = [(Window(row, 0, *part.shape), part if (part >= low).any() else None) for row, part in parts]
    found = find_regions_in_strips(strips, threshold)
    labels, _ = ndimage.label(scores >= low)
    expected = []
    for label, (rows, cols) in enumerate(ndimage.find_objects(labels), 1):
        peak = float(scores[labels == label].max())
        if peak >= threshold.high:
            expected.append((rows.start, cols.start, rows.stop, cols.stop, peak))
    assert sorted((r.top, r.left, r.bottom, r.right, r.peak) for r in found) == sorted(expected)
    assert all(scores[r.peak_at] == np.float32(r.peak) for r in found)


def test_scores_are_bilinear_between_patches_however_they_are_cut(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", plant((150, 170), [("roof", 60, 70, 30)]).pixels)
    encoder, read = ColourScorer(NAMES), ReadOptions(tile=64, overlap=16)
    with encode_scene(source, encoder, read=read) as scene:
        field = ScoreField(scene, encoder.question(parse_classes("roof"), None, ()), 0)
        rows, cols = scene.plan.lattice
        lattice = torch.from_numpy(field.patches(Window(0, 0, rows, cols)))
        large = F.interpolate(lattice[None, None], scale_factor=8, mode="bilinear")[0, 0, :150, :170]
        for window in (Window(0, 0, 150, 170), Window(3, 5, 40, 1), Window(141, 99, 9, 71), Window(64, 8, 1, 8)):
            part = large[window.row : window.row + window.height, window.col : window.col + window.width]
            np.testing.assert_allclose(field.read(window), part.numpy(), atol=1e-6)
        strips = [scores for _, scores in field.strips(0.0) if scores is not None]
        np.testing.assert_allclose(np.concatenate(strips), large.numpy(), atol=1e-6)
        with open_scratch() as file:
            (kept,) = keep_scores([field], file)
            np.testing.assert_array_equal(kept.read(Window(3, 5, 140, 31)), field.read(Window(3, 5, 140, 31)))
        threshold = choose_threshold(field, None)
        assert (threshold.how, threshold.is_everywhere) == ("background", False)
        assert threshold.share == pytest.approx(np.pi * 30**2 / (150 * 170), rel=0.2)
        given_one = choose_threshold(field, 0.9)
        assert (given_one.high, given_one.how) == (0.9, "given") and given_one.low < 0.9


def test_a_region_whose_peak_can_be_read_no_more_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the complement of it: a file may fail between two reads."""
    field = ScoreField.__new__(ScoreField)
    scores = np.full((6, 6), 0.9, np.float32)
    scores[2:4, 2:4] = 0.1
    monkeypatch.setattr(ScoreField, "read", lambda self, window: scores)
    assert list(split_regions([Region(0, 0, 6, 6, 0.9, (2, 2))], field, 0.5)) == []


def test_scores_for_which_the_disk_has_no_room_are_an_error_of_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_scene(tmp_path / "scene.tif", plant((150, 170), [("roof", 60, 70, 30)]).pixels)
    encoder = ColourScorer(NAMES)

    def write(self: KeptScores, row: int, scores: np.ndarray) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(KeptScores, "write", write)
    with encode_scene(source, encoder, read=ReadOptions(tile=64, overlap=16)) as scene, open_scratch() as file:
        field = ScoreField(scene, encoder.question(parse_classes("roof"), None, ()), 0)
        with pytest.raises(OutputError, match="the disk is full"):
            keep_scores([field], file)


@given(st.integers(0, 10_000), st.sampled_from([1, 400, 10**6]))
def test_regions_are_split_alike_however_many_are_read_together(seed: int, pixels: int) -> None:
    scores = ndimage.uniform_filter(np.random.default_rng(seed).random((60, 50)), 5).astype(np.float32)
    threshold = Threshold(0.55, 0.5, "given", 0.1)
    regions = find_regions_in_strips([(Window(0, 0, *scores.shape), scores)], threshold)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScoreField, "read", lambda self, window: scores[window.slices])
        patch.setattr(ScoreField, "is_by_pixel", False)
        patch.setattr(split, "_TOGETHER", pixels)
        found = list(split_regions(regions, ScoreField.__new__(ScoreField), threshold.low))
    labels, _ = ndimage.label(scores >= threshold.low)
    expected = []
    for region in regions:
        parts = split_touching(labels == labels[region.peak_at], scores)
        expected += [parts == label for label in range(1, parts.max() + 1)]
    assert len(found) == len(expected)
    for instance, mask in zip(found, expected, strict=True):
        whole = np.zeros(scores.shape, bool)
        whole[instance.box.slices] = instance.mask
        np.testing.assert_array_equal(whole, mask)


def region(peak: float) -> Region:
    return Region(0, 0, 2, 2, peak, (0, 0))


@pytest.mark.parametrize("name", ["airplane", "parked red cars", "solar panel"])
def test_of_single_things_doubtful_pieces_go_where_something_is_sure(name: str) -> None:
    regions, likely = [region(0.55), region(0.8), region(0.74), region(0.95)], Threshold(0.5, 0.5, "presence", 0.1)
    threshold, kept = keep_sure(name, likely, regions)
    assert [each.peak for each in kept] == [0.8, 0.95]
    assert threshold == replace(likely, high=0.75) and threshold.line == likely.line == 0.5


@pytest.mark.parametrize(
    ("name", "peaks", "how"),
    [
        ("water", (0.55, 0.9), "presence"),  # a cover is measured: each piece is ground
        ("road", (0.55, 0.9), "presence"),
        ("building", (0.55, 0.9), "presence"),
        ("flibbertigibbet", (0.55, 0.9), "presence"),
        ("airplane", (0.55, 0.7), "presence"),  # nothing is sure
        ("airplane", (), "presence"),
        ("airplane", (0.55, 0.9), "background"),
        ("airplane", (0.55, 0.9), "given"),
    ],
)
def test_else_all_that_reaches_the_threshold_stays(name: str, peaks: tuple[float, ...], how: Any) -> None:
    threshold, regions = Threshold(0.5, 0.5, how, 0.1), list(map(region, peaks))
    assert keep_sure(name, threshold, regions) == (threshold, regions)
