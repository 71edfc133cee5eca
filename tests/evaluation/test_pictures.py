from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from geoglot.datasets.image_files import read_picture
from geoglot.errors import ModelError
from geoglot.evaluation.image_vectors import best_patches, encode_pictures, fit
from published import colours, flat, save
from stubs import COLOURS, PooledColours


def gradient(rows: int, cols: int) -> torch.Tensor:
    return torch.linspace(0.2, 1, cols).expand(3, rows, cols).contiguous()


def test_a_picture_is_its_bytes(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    found = read_picture(save(tmp_path / "a.png", pixels))
    assert found == pytest.approx(pixels.transpose(2, 0, 1) / 255, abs=1e-6)


@pytest.mark.parametrize("how", ["mirror", "black", "resize"])
@pytest.mark.parametrize("shape", [(28, 28), (64, 64), (50, 90), (600, 400)])
def test_everything_fits(how: str, shape: tuple[int, int]) -> None:
    found = fit(gradient(*shape), 64, how)  # type: ignore[arg-type]
    assert found.shape == (3, 64, 64)
    assert found.min() >= 0 and found.max() <= 1


def test_black_keeps_the_ground_resolution_in_the_middle() -> None:
    pixels = gradient(28, 28)
    found = fit(pixels, 224, "black")
    assert (found[:, 98:126, 98:126] == pixels).all()
    assert found.sum() == pytest.approx(float(pixels.sum()), rel=1e-5)


def test_mirror_keeps_the_ground_resolution_in_the_corner() -> None:
    pixels = gradient(20, 20)
    found = fit(pixels, 32, "mirror")
    assert (found[:, :20, :20] == pixels).all()
    assert (found[:, :, 20] == found[:, :, 19]).all()


def test_resize_is_that_of_clip() -> None:
    """The shorter side fills, the middle stays: the ends of the longer one are cut."""
    found = fit(gradient(32, 64), 32, "resize")
    assert torch.allclose(found, gradient(32, 64)[:, :, 16:48], atol=1e-6)
    assert fit(gradient(100, 100), 50, "resize")[0, 0] == pytest.approx(
        gradient(1, 100)[0, 0].reshape(50, 2).mean(1), abs=0.01
    )


def test_batches_do_not_matter(tmp_path: Path) -> None:
    files = [flat(tmp_path / f"{index}.png", colour) for index, colour in enumerate(colours(5))]
    pictures, steps = [partial(read_picture, file) for file in files], []
    one = encode_pictures(PooledColours(), pictures, "resize", 2, lambda *step: steps.append(step))
    assert torch.allclose(one, encode_pictures(PooledColours(), pictures, "resize", 5))
    assert steps == [("pictures", 2, 5), ("pictures", 4, 5), ("pictures", 5, 5)]


def test_vectors_that_are_not_finite_are_no_score() -> None:
    class Broken(PooledColours):
        def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
            return super().encode_image(pixels) * torch.nan

    with pytest.raises(ModelError, match="not finite"):
        encode_pictures(Broken(), [lambda: np.ones((3, 8, 8), np.float32)], "mirror", 1)


def test_the_best_patch_finds_what_is_small_and_padding_does_not_count() -> None:
    """A roof of one patch on water; the mean of both pictures is water's."""
    water, roof = (torch.tensor(COLOURS[name])[:, None, None] for name in ("water", "roof"))
    plain, with_roof = water.expand(3, 16, 16).clone(), water.expand(3, 16, 16).clone()
    with_roof[:, :8, :8] = roof
    texts = PooledColours().encode_text(["roof", "water"])
    pictures = [plain.numpy, with_roof.numpy]
    scores = best_patches(PooledColours(), pictures, texts, "black", 4)
    assert scores[1, 0] == pytest.approx(1, abs=1e-5) and scores[0, 0] < 0.8
    assert scores[0, 1] == pytest.approx(1, abs=1e-5)
    means = encode_pictures(PooledColours(), pictures, "mirror", 4) @ texts.T
    assert (means.argmax(1) == 1).all()
