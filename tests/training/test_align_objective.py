from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from geoglot.models.clip import Clip
from geoglot.models.graft import start_graft
from geoglot.models.known import Level
from geoglot.models.zoo import load_word_model
from geoglot.pairs.embed_photos import embed
from geoglot.pairs.pair_store import PairSet
from geoglot.training import align_objective as alignment
from geoglot.training.align_objective import AlignObjective, AlignSettings, SatelliteModel, nearer_than, photo_recall
from geoglot.training.pair_batches import PairBatch, PairLoader, PairSampling
from pairsets import make_pairs
from tinyclip import store_clip


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    model = load_word_model(store_clip(tmp_path_factory.mktemp("model") / "tiny"))
    assert isinstance(model, Clip)
    return model


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory, ground: Clip) -> PairSet:
    made = make_pairs(tmp_path_factory.mktemp("pairs") / "pairs")
    embed(made, ground)
    return made


def objective(ground: Clip, pairs: PairSet, settings: AlignSettings) -> AlignObjective:
    loader = PairLoader(pairs, ground.card.sha256, 16, PairSampling(batch=6, side=64))
    return AlignObjective(
        SatelliteModel(start_graft(ground, "tiny-graft", 1.0, 64), settings), settings, loader, loader, False
    )


def gradients(align: AlignObjective) -> dict[str, torch.Tensor]:
    align.model.zero_grad()
    align.backward(align.train.batch(0))
    return {name: one.grad.clone() for name, one in align.model.named_parameters() if one.grad is not None}


def test_at_step_0_the_tower_is_the_ground_clip(ground: Clip) -> None:
    pixels = torch.rand(2, 3, 64, 64)
    tower = start_graft(ground, "tiny-graft", 1.0, 64)
    torch.testing.assert_close(tower.encode_image(pixels), ground.encode_image(pixels))
    wide = start_graft(ground, "tiny-graft", 1.0, 64, extra_bands=2)
    assert wide.card.bands == 5
    more = torch.cat([pixels, torch.rand(2, 2, 64, 64)], dim=1)
    torch.testing.assert_close(wide.encode_image(more), ground.encode_image(pixels))
    torch.testing.assert_close(wide.encode_patches(more), tower.encode_patches(pixels))


@pytest.mark.parametrize("level", ["image", "pixel", "both"])
def test_parts_and_recomputing_change_nothing(ground: Clip, pairs: PairSet, level: str) -> None:
    settings = AlignSettings(level=level, learn_temperature=True)  # type: ignore[arg-type]
    whole = gradients(objective(ground, pairs, settings))
    assert "log_scale" in whole and not any("text" in name for name in whole)
    for other in (replace(settings, parts=3), replace(settings, recompute=True)):
        for name, grad in gradients(objective(ground, pairs, other)).items():
            torch.testing.assert_close(grad, whole[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("level", ["image", "pixel", "both"])
def test_everything_that_learns_gets_a_gradient(ground: Clip, pairs: PairSet, level: str) -> None:
    align = objective(ground, pairs, AlignSettings(level=level))  # type: ignore[arg-type]
    found = gradients(align)
    assert set(found) == {name for name, one in align.model.named_parameters() if one.requires_grad}


def test_validation_is_a_ranking_of_photos(ground: Clip, pairs: PairSet) -> None:
    figures = objective(ground, pairs, AlignSettings()).evaluate(objective(ground, pairs, AlignSettings()).model)
    assert set(figures) == {"photo_recall_at_1", "photo_recall_at_10", "photo_rank"}
    eye = torch.eye(3)
    photos = torch.stack([eye[0], eye[2], eye[1], eye[1]])
    found = photo_recall(eye, photos, torch.tensor([0, 1, 1, 2]))
    # tile 0: rank 1; tile 1 has photos z and y: y ties with tile 2's y: rank 1; tile 2 has y only: z is nearer, x ties
    assert found["photo_recall_at_1"] == pytest.approx(2 / 3) and found["photo_rank"] == pytest.approx(4 / 3)


@pytest.mark.parametrize("level", ["image", "pixel", "both"])
def test_validation_ranks_by_what_an_image_is_to_the_model(ground: Clip, pairs: PairSet, level: Level) -> None:
    """At level both that is the class token, and not the patches."""
    settings = AlignSettings(level=level)
    loader = PairLoader(pairs, ground.card.sha256, 16, PairSampling(batch=pairs.tiles, side=64, augment=False))
    model = SatelliteModel(start_graft(ground, "tiny-graft", 1.0, 64, level=level), settings)
    with torch.inference_mode():
        model.tower.projector[1].weight.normal_()
        batch = loader.batch(0)
        images = model.tower.encode_image(batch.pixels)
    figures = AlignObjective(model, settings, loader, loader, False).evaluate(model)
    assert figures == photo_recall(images, batch.embeddings, batch.tile)


@pytest.mark.parametrize("level", ["image", "pixel", "both"])
def test_a_tile_that_comes_twice_is_no_negative_of_itself(ground: Clip, pairs: PairSet, level: Level) -> None:
    """As where two epochs meet in a batch."""
    loader = PairLoader(pairs, ground.card.sha256, 16, PairSampling(batch=1, side=64))
    align = objective(ground, pairs, AlignSettings(level=level))
    once = loader.batch(0)
    both = {name: torch.cat([getattr(once, name)] * 2) for name in PairBatch.__annotations__}
    twice = PairBatch(**both | {"tile": torch.cat([once.tile, once.tile + 1])})
    other = replace(twice, number=torch.arange(2))
    loss, same, apart = (align.backward(batch)["loss"] for batch in (once, twice, other))
    assert same == pytest.approx(loss, rel=1e-5) and apart > loss + 0.1


def test_a_ranking_in_parts_is_the_ranking_and_nan_is_last(monkeypatch: pytest.MonkeyPatch) -> None:
    tiles, photos = (torch.nn.functional.normalize(torch.randn(count, 8), dim=1) for count in (11, 30))
    owner = torch.arange(30) % 10  # the last tile has no photo
    whole = photo_recall(tiles, photos, owner)
    monkeypatch.setattr(alignment, "_ROWS", 3)
    assert photo_recall(tiles, photos, owner) == whole
    assert photo_recall(tiles * math.nan, photos, owner)["photo_recall_at_10"] == 0


def test_a_learned_scale_comes_back_from_its_limit_and_a_fixed_one_is_as_asked(ground: Clip, pairs: PairSet) -> None:
    align = objective(ground, pairs, AlignSettings(learn_temperature=True, temperature=0.005))
    align.backward(align.train.batch(0))
    assert align.model.scale.item() == pytest.approx(100) and align.model.log_scale.grad
    fixed = objective(ground, pairs, AlignSettings(temperature=0.005))
    fixed.backward(fixed.train.batch(0))
    assert fixed.model.scale.item() == pytest.approx(200)


def test_near_tiles_are_found_in_metres() -> None:
    north = 60.0
    degree = 111_195 * math.cos(math.radians(north))
    centre = torch.tensor([[179.999, north], [-179.999, north], [179.999 - 200 / degree, north], [0.0, north]])
    found = nearer_than(centre, 224.0)
    assert found.tolist() == [
        [False, True, True, False],
        [True, False, False, False],
        [True, False, False, False],
        [False] * 4,
    ]


def test_near_tiles_are_left_out(ground: Clip, pairs: PairSet) -> None:
    plain = objective(ground, pairs, AlignSettings()).backward(objective(ground, pairs, AlignSettings()).train.batch(0))
    settings = AlignSettings(skip_near_m=1e7)
    align = objective(ground, pairs, settings)
    assert align.backward(align.train.batch(0))["loss"] < plain["loss"]
