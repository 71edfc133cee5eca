"""Thousands of classes take time and memory in proportion, and no message lists them all."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
import torch
import torch.nn.functional as F
from torch import Tensor

from geoglot.errors import ClassesError, InputError
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs import cog
from geoglot.scene import text_vectors
from geoglot.scene.class_words import parse_classes
from geoglot.scene.text_vectors import class_vectors
from geoglot.scene.wording import _pairs_alike, word_notes
from geoglot.tasks import classify as classify_module
from geoglot.tasks.classify import classify
from geoglot.tasks.segment import map_run
from geoglot.tasks.segment.segment import segment
from stubs import PooledColours
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof", "sand")
MANY = [f"class {number}" for number in range(3_000)]


class Spread(PooledColours):
    """Gives each text a direction of its own."""

    def encode_text(self, texts: list[str]) -> Tensor:
        rows = [torch.randn(16, generator=torch.Generator().manual_seed(hash(text) % 2**31)) for text in texts]
        return F.normalize(torch.stack(rows), dim=1)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", paint(class_field((96, 160), len(NAMES)), NAMES))


def test_words_alike_are_found_as_by_comparing_all() -> None:
    vectors = F.normalize(torch.randn(400, 16), dim=1)
    for copy, of in ((7, 3), (200, 100), (399, 3), (50, 49)):
        vectors[copy] = F.normalize(vectors[of] + 1e-5 * torch.randn(16), dim=0)
    vectors[300] = F.normalize(vectors[301] + 3e-3 * torch.randn(16), dim=0)
    same = vectors @ vectors.T > 1 - 1e-6
    pairs = [pair for pair in product(range(400), repeat=2) if pair[0] < pair[1] and same[pair]]
    assert list(_pairs_alike(vectors)) == [pair for pair in pairs if pair != (7, 399)]  # 3 is like both
    assert list(_pairs_alike(torch.ones(30_000, 2)))[-1] == (0, 29_999)


def test_thousands_of_words_are_read_and_twins_among_them_refused() -> None:
    classes = parse_classes(MANY)
    vectors = F.normalize(torch.randn(len(MANY), 16), dim=1)
    notes = word_notes(Spread(), classes, vectors)
    assert notes == ()
    vectors[-1] = vectors[12]
    with pytest.raises(ClassesError, match="'class 12' and 'class 2999' are the same"):
        word_notes(Spread(), classes, vectors)
    numbers = parse_classes([str(number) for number in range(3_000)])
    (note,) = word_notes(Spread(), numbers, F.normalize(torch.randn(len(numbers), 16), dim=1))
    assert note.startswith("'0', '1'") and "and 2,980 more: a number says nothing" in note
    with pytest.raises(ClassesError, match="and 2,980 more is there more than once"):
        parse_classes(MANY * 2)


def test_many_classes_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    classes = parse_classes({"wet": ["water", "sand"], "wood": ["forest"], "house": ["roof"]})
    apart = class_vectors(PooledColours(), classes)
    monkeypatch.setattr(text_vectors, "MANY", 2)
    assert torch.allclose(class_vectors(PooledColours(), classes), apart)


def test_embeddings_are_blended_in_place_of_many_logits(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, options = ReadOptions(tile=64, overlap=16), SegmentOptions(overlay=False)
    segment(scene, NAMES, tmp_path / "few.tif", model=PooledColours(), read=read, options=options)
    monkeypatch.setattr(map_run, "MANY", 1)
    monkeypatch.setattr(map_run, "_COSINES", 1)
    segment(scene, NAMES, tmp_path / "many.tif", model=PooledColours(), read=read, options=options)
    blended = [
        json.loads((tmp_path / f"{name}.manifest.json").read_text())["run"].get("blended") for name in ("few", "many")
    ]
    assert blended == [None, "embeddings"]
    with rasterio.open(tmp_path / "few.tif") as few, rasterio.open(tmp_path / "many.tif") as many:
        assert np.mean(few.read() == many.read()) > 0.99


def test_scores_flips_and_scales_say_how_many_classes_they_allow(scene: Path, tmp_path: Path) -> None:
    for options in (SegmentOptions(scores=True), SegmentOptions(flips="all"), SegmentOptions(scales=(1.0, 2.0))):
        with pytest.raises(InputError, match="at most 1,000"):
            segment(scene, MANY[:1001], tmp_path / "map.tif", model=Spread(), options=options)
    assert list(tmp_path.iterdir()) == [scene]


def test_the_most_probable_classes_are_kept(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = classify(scene, NAMES, model=PooledColours()).results[0]
    monkeypatch.setattr(classify_module, "_KEPT", 2)
    labels = classify(scene, NAMES, model=PooledColours())
    assert "each image has the 2 most probable of 4 classes" in labels.notes
    kept = labels.results[0]
    best = sorted(every.probabilities, key=lambda name: -every.probabilities[name])[:2]
    assert list(kept.probabilities) == best and kept.label == best[0] == every.label
    assert kept.probability == every.probability


@pytest.mark.parametrize("name", ["a\x00b", "a\x1b[2J", "a\x7f", "a\x9bb", "a\ud800", "a\uffff", "x" * 2001])
def test_names_that_no_file_can_hold_are_refused_before_any_work(name: str) -> None:
    with pytest.raises(ClassesError, match=r"^[^\n]{1,400}$"):
        parse_classes([name, "houses"])
    assert parse_classes(["می‌خواهم", "<b>&amp;]]>", "=1+1", "'; DROP TABLE x"])


def test_the_names_of_very_many_classes_are_no_tags_but_categories(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cog, "_MOST_TAGS", 3)
    segment(scene, NAMES, tmp_path / "map.tif", model=PooledColours(), options=SegmentOptions(overlay=False))
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert not [key for key in dataset.tags() if key.startswith("CLASS")]
    categories = ElementTree.parse(tmp_path / "map.tif.aux.xml").iter("Category")
    assert [entry.text for entry in categories] == ["other", *NAMES]
