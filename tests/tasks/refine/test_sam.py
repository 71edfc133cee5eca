from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from geoglot.errors import InputError, ModelError
from geoglot.geo import Window
from geoglot.options import FindOptions, ReadOptions
from geoglot.scene.encoded_scene import encode_scene
from geoglot.tasks.find.find import find
from geoglot.tasks.refine.load import choose_refiner
from geoglot.tasks.refine.load_sam import load_sam
from geoglot.tasks.refine.refiner import CoarseMask, View
from geoglot.tasks.refine.sam import Normalisation, Prompting, Sam, agreement, prompt_of
from scenes import Thing, plant
from stubs import ColourScorer
from tinysam import tiny_sam, tiny_sam2, tiny_sam3
from worlds import write_scene

NAMES = ("roof", "sand", "water")
READ = ReadOptions(tile=64, overlap=16)
PLAIN = FindOptions(overlay=False)
HALF = Normalisation((0.5,) * 3, (0.5,) * 3)
SAMS = pytest.mark.parametrize("make", [tiny_sam, tiny_sam2, tiny_sam3])
THINGS: list[Thing] = [("roof", 40, 44, 10), ("roof", 100, 170, 12), ("water", 150, 30, 10), ("roof", 150, 150, 9)]


def echo(model: Any, radius: float) -> Any:
    """The model, whose decoder answers with its prompt: a disc around the mean of the positive points."""
    side = model.config.prompt_encoder_config.image_size

    def forward(input_points: Tensor, input_labels: Tensor, **_: Any) -> SimpleNamespace:
        on = input_labels[0, ..., None] == 1
        middle = (input_points[0] * on).sum(1) / on.sum(1)  # SAM counts from the middle of the first pixel
        axis = torch.arange(side, dtype=torch.float32)
        distance = (axis[None, :, None] - middle[:, 1, None, None]).square() + (
            axis[None, None] - middle[:, 0, None, None]
        ).square()
        logits = radius - distance.sqrt()
        return SimpleNamespace(pred_masks=logits[None, :, None], iou_scores=torch.ones(1, len(middle), 1))

    model.forward = forward
    return model


def counting(model: Any) -> list[Tensor]:
    """What the model embeds from now on."""
    seen: list[Tensor] = []
    embed = model.get_image_embeddings
    model.get_image_embeddings = lambda pixels: (seen.append(pixels), embed(pixels))[1]
    return seen


def encoder() -> ColourScorer:
    return ColourScorer(NAMES)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", plant((190, 200), THINGS).pixels)


def view_of(rng: np.random.Generator, side: int = 64) -> View:
    pixels = rng.random((3, side, side), np.float32)
    return View(Window(-8, 16, side, side), pixels, np.ones((side, side), bool), 8)


def blob(row: int, col: int, radius: int, side: int = 64) -> CoarseMask:
    rows, cols = np.ogrid[:side, :side]
    distance = np.hypot(rows - row, cols - col)
    return CoarseMask(distance <= radius, np.clip(1 - distance / radius / 2, 0, 1).astype(np.float32))


@SAMS
def test_prompts_are_in_the_frame_of_the_scene(scene: Path, make: Callable[[], Any]) -> None:
    refiner = Sam(echo(make(), 10.0), HALF, Prompting(points=50))
    result = find(scene, "roof, water", model=encoder(), read=READ, options=PLAIN, refiner=refiner)
    assert (result.objects.outline == "sam").all()
    found = result.objects.geometry.centroid
    rows, cols = (5_747_657 - found.y) / 0.5, (found.x - 593_270) / 0.5
    for _, row, col, _ in THINGS:  # the mean of many patch centres is a thing's middle to a few pixels
        assert np.hypot(rows - row - 0.5, cols - col - 0.5).min() < 4
    assert len(found) == len(THINGS)


@SAMS
@pytest.mark.parametrize("window", [Window(0, 0, 64, 64), Window(-13, 40, 64, 64), Window(16, 8, 128, 128)])
def test_a_point_comes_back_where_it_was(make: Callable[[], Any], window: Window) -> None:
    """A mask around the only point of a prompt has its centre on that point, to a quarter of a pixel of the view."""
    side = window.height
    refiner = Sam(echo(make(), 8.0), HALF, Prompting(points=1))
    one = blob(30, 41, 9, side)
    view = View(window, np.full((3, side, side), 0.5, np.float32), np.ones((side, side), bool), 8)
    point = prompt_of(one, view, Prompting(points=1)).points[0]
    assert (point[0] + window.col) % 8 == (point[1] + window.row) % 8 == 4  # the centre of a patch
    (mask,) = refiner(view, [one])[0]
    rows, cols = np.nonzero(mask)
    assert [cols.mean() + 0.5, rows.mean() + 0.5] == pytest.approx(point.tolist(), abs=0.25 * side / refiner.side + 0.1)


@SAMS
def test_each_view_is_embedded_once_for_all_names(scene: Path, make: Callable[[], Any]) -> None:
    model = echo(make(), 10.0)
    seen, refiner = counting(model), Sam(model, HALF)
    with encode_scene(scene, encoder(), read=READ) as encoded:
        find(encoded, "roof", read=READ, options=PLAIN, refiner=refiner)
        roofs = len(seen)
        find(
            encoded, {"roof": ["roof"], "house": ["roof"], "wet": ["water"]}, read=READ, options=PLAIN, refiner=refiner
        )
        assert roofs <= len(seen) <= len(THINGS)
        before = len(seen)
        find(encoded, "roof, water", read=READ, options=PLAIN, refiner=refiner)
        assert len(seen) == before


@SAMS
def test_a_batch_gives_what_a_loop_gives(rng: np.random.Generator, make: Callable[[], Any]) -> None:
    refiner, view = Sam(make(), HALF, Prompting(points=2, negatives=1, box=True)), view_of(rng)
    proposals = [blob(20, 20, 9), blob(44, 40, 3), blob(12, 50, 12), blob(50, 12, 6)]
    together = refiner(view, proposals)
    for one, answer in zip(proposals, together, strict=True):
        (alone,) = refiner(view, [one])
        assert len(alone) == len(answer)
        np.testing.assert_array_equal(alone, answer)
    prompts = [prompt_of(one, view, Prompting(points=2)) for one in (proposals[0], proposals[2])]
    embedding = refiner._embedding(view)
    both, sure = refiner._decode(embedding, prompts, view)
    for index, prompt in enumerate(prompts):
        own, own_sure = refiner._decode(embedding, [prompt], view)
        torch.testing.assert_close(own[0], both[index], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(own_sure[0], sure[index], atol=1e-5, rtol=1e-4)


def test_a_mask_that_runs_away_is_not_taken(rng: np.random.Generator) -> None:
    one = blob(30, 30, 8)
    (field,) = Sam(echo(tiny_sam(), 200.0), HALF)(view_of(rng), [one])
    assert field == ()  # the coarse mask stays
    (fitting,) = Sam(echo(tiny_sam(), 8.0), HALF)(view_of(rng), [one])
    assert len(fitting) == 1


def test_the_mask_is_the_one_that_sam_is_sure_of_and_the_text_agrees_with(rng: np.random.Generator) -> None:
    refiner, one, view = Sam(tiny_sam(), HALF), blob(30, 30, 8), view_of(rng)
    right, large = torch.from_numpy(np.where(one.mask, 5.0, -5.0)), torch.full((64, 64), 5.0).double()
    masks = torch.stack([large, right, -large]).float()
    assert (refiner._choose(one, view, masks, torch.tensor([0.9, 0.6, 0.9]))[0] == one.mask).all()
    assert agreement(one.mask, one.mask.astype(np.float32)) == 1
    assert agreement(~one.mask, one.mask.astype(np.float32)) == 0


def test_points_are_the_patch_centres_with_the_highest_scores(rng: np.random.Generator) -> None:
    view, one = view_of(rng), blob(30, 30, 14)
    prompt = prompt_of(one, view, Prompting(points=3, negatives=2, box=True))
    assert prompt.labels.tolist() == [1, 1, 1, 0, 0]
    assert ((prompt.points + np.array([view.window.col, view.window.row])) % 8 == 4).all()
    on = prompt.points[:3].astype(int)
    centres = [(r, c) for r in range(4, 64, 8) for c in range(4, 64, 8)]
    best = sorted((one.scores[r, c] for r, c in centres), reverse=True)[:3]
    assert sorted(one.scores[on[:, 1], on[:, 0]], reverse=True) == best
    assert not one.mask[prompt.points[3:, 1].astype(int), prompt.points[3:, 0].astype(int)].any()
    assert prompt.box is not None and prompt.box.tolist() == [12, 12, 49, 49]


def test_a_thing_smaller_than_a_patch_is_told_by_its_best_pixel(rng: np.random.Generator) -> None:
    prompt = prompt_of(blob(17, 9, 1), view_of(rng), Prompting())
    assert prompt.points.tolist() == [[9.5, 17.5]]


@SAMS
def test_weights_come_from_a_folder(tmp_path: Path, rng: np.random.Generator, make: Callable[[], Any]) -> None:
    model = make()
    model.save_pretrained(tmp_path / "sam")
    loaded, one, view = load_sam(str(tmp_path / "sam"), device="cpu"), [blob(30, 30, 9)], view_of(rng)
    usual = (0.5,) * 3 if make is tiny_sam3 else (0.485, 0.456, 0.406)
    assert loaded._normalisation.mean == usual
    own = Sam(model, loaded._normalisation)
    prompts = [prompt_of(one[0], view, Prompting())]
    expected = own._decode(own._embedding(view), prompts, view)[0]
    torch.testing.assert_close(loaded._decode(loaded._embedding(view), prompts, view)[0], expected)


def test_weights_that_are_not_safetensors_are_refused(tmp_path: Path) -> None:
    model = tiny_sam()
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="SAM cannot be loaded"):
        load_sam(str(tmp_path))


def test_other_models_and_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(ModelError, match="got a clip model"):
        load_sam(str(tmp_path))
    with pytest.raises(InputError, match="--sam facebook/sam-vit-base"):
        choose_refiner("sam")
    with pytest.raises(InputError, match="none, edges, sam"):
        choose_refiner("magic")
    with pytest.raises(InputError, match="for --refine sam"):
        choose_refiner("edges", sam="x")
    assert choose_refiner("none") is None
