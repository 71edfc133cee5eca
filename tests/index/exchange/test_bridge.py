from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
import torch
from affine import Affine
from torch import Tensor

from geoglot.crs import wrap_longitude
from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.index.build.build import add
from geoglot.index.exchange import bridge as bridge_module
from geoglot.index.exchange.batches import Places, make_batch
from geoglot.index.exchange.bridge import Bridged, _meets, bridge, fit_probe
from geoglot.index.search.query import Questioner
from geoglot.index.store.archive import Archive, ModelFacts
from geoglot.options import IndexOptions, ReadOptions
from geoglot.scene.concept_names import Owner
from geoglot.scene.concepts import load_concept
from stubs import COLOURS, PooledColours

SIDE, CELL = 256, 16  # pixels of 10 m
OTHERS = ModelFacts("others", "", 12)
GRID = Grid(pyproj.CRS(32632), Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_400_000.0), (SIDE, 2 * SIDE))


class Ground(PooledColours):
    """Knows water and sand; any other word is grey."""

    def encode_text(self, texts: list[str]) -> Tensor:
        known = {name: COLOURS[name] for name in ("water", "sand")}
        found = [next((colour for name, colour in known.items() if name in text), (0.4, 0.4, 0.4)) for text in texts]
        return torch.nn.functional.normalize(torch.tensor(found), dim=1)


@pytest.fixture(autouse=True)
def _concepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_CONCEPTS", str(tmp_path / "concepts"))


@pytest.fixture
def lakes() -> np.ndarray:
    """Where water is: squares of 32 pixels in a country twice as wide as high."""
    squares = np.random.default_rng(5).random((SIDE // 32, 2 * SIDE // 32)) < 0.3
    return squares.repeat(32, 0).repeat(32, 1)


@pytest.fixture
def archive(tmp_path: Path, lakes: np.ndarray) -> Archive:
    """Our archive of the western half, as a scene."""
    write_scene(tmp_path / "west.tif", lakes)
    add(tmp_path / "ours", tmp_path / "west.tif", model=Ground(), options=IndexOptions(scale="320m"))
    return Archive.open(tmp_path / "ours")


def write_scene(path: Path, lakes: np.ndarray) -> None:
    """The western half of the country from above."""
    pixels = np.where(lakes[None, :, :SIDE], *(np.array(COLOURS[name])[:, None, None] for name in ("water", "sand")))
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=3, dtype="uint8", crs=GRID.crs,
        transform=GRID.transform, photometric="RGB",
    ) as dataset:  # fmt: skip
        dataset.write((pixels * 255).astype(np.uint8))


def others(folder: Path, lakes: np.ndarray, time: datetime | None = None) -> tuple[Archive, np.ndarray]:
    """Vectors of cells of 160 m over the whole country that know no words, and the share of water in each."""
    random = np.random.default_rng(0)
    share = lakes.reshape(SIDE // CELL, CELL, 2 * SIDE // CELL, CELL).mean((1, 3)).reshape(-1)
    turned = np.linalg.qr(random.normal(size=(OTHERS.dim, OTHERS.dim)))[0]
    seen = np.stack([share, 1 - share, np.ones_like(share)], axis=1) @ turned[:3]
    vectors = seen + 0.05 * random.normal(size=(len(share), OTHERS.dim))
    rows, cols = np.divmod(np.arange(len(share)), 2 * SIDE // CELL)
    corners = [GRID.to_lonlat((rows + down) * CELL, (cols + across) * CELL) for down, across in
               ((0, 0), (0, 1), (1, 1), (1, 0))]  # fmt: skip
    polygons = shapely.polygons(np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1))
    places = Places(polygons, ["others"] * len(share), [time] * len(share), {})
    return Archive.create(folder, OTHERS).append(make_batch(OTHERS, vectors, places)), share


def average_precision(scores: np.ndarray, wanted: np.ndarray) -> float:
    hits = wanted[np.argsort(-scores)]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def carry(archive: Archive, onto: Archive, words: str = "water", **more: Any) -> Bridged:
    return bridge(archive, onto, words, model=Ground(), **more)


def test_a_word_of_ours_finds_what_others_saw_where_we_never_looked(
    tmp_path: Path, archive: Archive, lakes: np.ndarray
) -> None:
    onto, share = others(tmp_path / "others", lakes)
    made = carry(archive, onto)
    east = np.arange(len(share)) % (2 * SIDE // CELL) >= SIDE // CELL
    scores = onto.shards[0].vectors.astype(np.float32) @ made.concept.vector.numpy()
    assert average_precision(scores[east], share[east] > 0.5) > 0.95
    assert made.fit > 0.9 and made.scenes == 1
    assert made.share == pytest.approx(0.5, abs=0.08) and made.labelled == round(made.share * onto.rows)
    assert np.linalg.norm(made.concept.vector) == pytest.approx(1)


def test_a_chip_in_several_scenes_is_labelled_once(
    tmp_path: Path, archive: Archive, lakes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    onto, _ = others(tmp_path / "others", lakes)
    once, scenes = carry(archive, onto), bridge_module._scenes(archive)
    monkeypatch.setattr(bridge_module, "_scenes", lambda _: 3 * scenes)
    thrice = carry(archive, onto)
    assert (thrice.labelled, thrice.share, thrice.scenes) == (once.labelled, once.share, 3)
    assert torch.allclose(thrice.concept.vector, once.concept.vector, atol=1e-6)


def test_a_scene_is_mapped_as_the_archive_read_it(tmp_path: Path, archive: Archive, lakes: np.ndarray) -> None:
    onto, _ = others(tmp_path / "others", lakes)
    with (
        rasterio.open(tmp_path / "west.tif") as scene,
        rasterio.open(tmp_path / "bgr.tif", "w", **scene.profile) as bgr,
    ):
        bgr.write(scene.read()[::-1])
    read = ReadOptions(bands=(3, 2, 1))
    add(tmp_path / "bgr", tmp_path / "bgr.tif", model=Ground(), read=read, options=IndexOptions(scale="320m"))
    first, second = (carry(each, onto) for each in (archive, Archive.open(tmp_path / "bgr")))
    assert second.fit == pytest.approx(first.fit) and torch.allclose(first.concept.vector, second.concept.vector)


@pytest.mark.parametrize("turn", [0.0, 90.0, 179.0, 180.0, 181.0, 270.0])
def test_chips_meet_a_scene_wherever_the_antimeridian_lies(turn: float) -> None:
    def edges(west: float, east: float) -> tuple[float, float, float, float]:
        return wrap_longitude(west + turn), -1.0, wrap_longitude(east + turn), 1.0

    chips = np.array([edges(*ends) for ends in ((-4, -3), (-3, -1), (-1, 1), (-5, 5), (1, 3), (3, 4), (170, 171))])
    assert _meets(chips, edges(-2, 2)).tolist() == [False, True, True, True, True, False, False]


def test_it_is_a_word_for_that_archive_from_then_on(tmp_path: Path, archive: Archive, lakes: np.ndarray) -> None:
    onto, _ = others(tmp_path / "others", lakes)
    made = carry(archive, onto, name="lake")
    assert made.concept.word == "lake@bridged"
    kept = load_concept("lake@bridged", Owner("others", ""))
    assert torch.equal(kept.vector, made.concept.vector)
    np.testing.assert_allclose(Questioner(onto).read(("lake@bridged",)), kept.vector.numpy(), rtol=1e-6)
    with pytest.raises(InputError, match="do not compare"):
        load_concept("lake@bridged", Owner("pooled colours", "0" * 64))


def test_chips_of_other_years_are_no_labels(tmp_path: Path, archive: Archive, lakes: np.ndarray) -> None:
    old, _ = others(tmp_path / "old", lakes, datetime(1990, 1, 1, tzinfo=UTC))
    assert carry(archive, old).labelled > 0  # the scene has no time
    dated = archive.shards[0].sources()
    assert dated["time"].null_count == len(dated)


def test_scenes_that_meet_no_chip_or_show_nothing_teach_nothing(
    tmp_path: Path, archive: Archive, lakes: np.ndarray
) -> None:
    far = Archive.create(tmp_path / "far", OTHERS).append(
        make_batch(OTHERS, np.eye(12), Places(np.array([shapely.box(0, 0, 1, 1)] * 12), ["a"] * 12, [None] * 12, {}))
    )
    with pytest.raises(InputError, match="only 0 chips of the other archive lie in our scenes"):
        carry(archive, far)
    onto, _ = others(tmp_path / "others", lakes)
    write_scene(tmp_path / "dry.tif", np.zeros_like(lakes))
    add(tmp_path / "dry", tmp_path / "dry.tif", model=Ground(), options=IndexOptions(scale="320m"))
    with pytest.raises(InputError, match="nowhere or everywhere"):
        carry(Archive.open(tmp_path / "dry"), onto)
    with pytest.raises(InputError, match="reads no words"):
        bridge(onto, onto, "water")


def test_a_scene_that_is_gone_is_reported_and_the_rest_is_used(
    tmp_path: Path, archive: Archive, lakes: np.ndarray
) -> None:
    onto, _ = others(tmp_path / "others", lakes)
    (tmp_path / "copy.tif").write_bytes((tmp_path / "west.tif").read_bytes() + b"\0")
    add(tmp_path / "ours", tmp_path / "copy.tif", model=Ground(), options=IndexOptions(scale="320m"))
    both = Archive.open(tmp_path / "ours")
    (tmp_path / "copy.tif").unlink()
    made = carry(both, onto)
    assert made.scenes == 1 and len(made.failed) == 1 and "copy.tif" in made.failed[0]


def test_the_probe_is_the_ridge_that_predicts_left_out_labels_best() -> None:
    random = np.random.default_rng(2)
    vectors = random.normal(size=(40, 30))
    labels = vectors[:, 0] + 0.5 * random.normal(size=40)
    weights, fit = fit_probe(vectors, labels, np.zeros(30))
    assert weights[0] / np.linalg.norm(weights) > 0.7
    others = random.normal(size=(500, 30))
    assert np.corrcoef(others @ weights, others[:, 0])[0, 1] > 0.7 > 0.2 < fit < 0.95
