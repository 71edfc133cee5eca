from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from geoglot.tasks.objects.encoder import ScorerEncoder
from geoglot.tasks.objects.find import find
from geoglot.tasks.objects.options import FindOptions
from geoglot.tasks.objects.scene import encode_scene
from stubs import ColourScorer, PooledColours
from worlds import plant, write_scene

NAMES = ("roof", "sand", "water")
THINGS = [
    ("roof", 40, 40, 12), ("roof", 64, 130, 20), ("water", 150, 60, 28), ("roof", 190, 190, 16), ("roof", 128, 256, 24),
]  # fmt: skip
PLAIN = FindOptions(tile=64, overlap=16, overlay=False)


def encoder(halo: int = 0) -> ScorerEncoder:
    return ScorerEncoder(ColourScorer(NAMES, halo=halo), NAMES)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", plant((260, 300), THINGS).pixels)


def test_every_thing_is_one_object_with_its_area(scene: Path, tmp_path: Path) -> None:
    result = find(scene, "roof, water", tmp_path / "found.gpkg", model=encoder(), options=PLAIN)
    assert result.counts == {"roof": 4, "water": 1}
    assert result.summary.startswith("Found 4 of 'roof'")
    truth = {name: sum(np.pi * r * r / 4 for n, *_, r in THINGS if n == name) for name in NAMES}
    for name in result.counts:
        assert result.areas_m2[name] == pytest.approx(truth[name], rel=0.15)
    stored = gpd.read_file(tmp_path / "found.gpkg")
    assert list(stored["id"]) == [1, 2, 3, 4, 5]
    assert stored.crs == result.objects.crs


def test_a_scene_is_encoded_once_and_asked_often(scene: Path) -> None:
    scorer = ColourScorer(NAMES)
    with encode_scene(scene, ScorerEncoder(scorer, NAMES), options=PLAIN) as encoded:
        calls = scorer.calls
        assert find(encoded, "roof", options=PLAIN).counts == {"roof": 4}
        assert find(encoded, ["water", "roof"], options=PLAIN).counts == {"water": 1, "roof": 4}
        assert scorer.calls == calls > 0


def test_words_are_asked_of_vectors(scene: Path) -> None:
    options = FindOptions(background="sand, forest", templates=("{}",))
    result = find(scene, {"house": ["roof"]}, model=PooledColours(), options=options)
    assert result.counts == {"house": 4}
