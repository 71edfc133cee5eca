from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor

from geoglot.scene.embed import embed, zero_shot
from stubs import PooledColours


def chips(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).random((count, 3, 32, 32), np.float32))


def test_embeddings_do_not_depend_on_the_batch() -> None:
    steps: list[int] = []
    one, _ = embed(PooledColours(), chips(5), batch=1)
    many, failed = embed(PooledColours(), iter(chips(5)), batch=2, advance=steps.append)
    np.testing.assert_allclose(one, many, rtol=1e-6)
    assert many.shape == (5, 3) and not failed and steps == [2, 4, 5]
    assert embed(PooledColours(), [])[0].shape == (0, 3)


def test_a_chip_that_fails_fails_alone() -> None:
    class Fragile(PooledColours):
        def encode_image(self, pixels: Tensor) -> Tensor:
            if (pixels[:, 0].amax((1, 2)) > 1).any():
                raise RuntimeError("out of memory")
            vectors = super().encode_image(pixels)
            return vectors.where(pixels[:, :1].amin((2, 3)) >= 0, float("nan"))

    bad = chips(4)
    bad[1][0, 0, 0], bad[2][0, 0, 0] = 2, -1
    embeddings, failed = embed(Fragile(), bad, batch=4)
    assert failed == {1: "the model failed: out of memory", 2: "the model gave numbers that are not finite"}
    assert np.isnan(embeddings[[1, 2]]).all()
    np.testing.assert_allclose(embeddings[[0, 3]], embed(PooledColours(), [bad[0], bad[3]])[0], rtol=1e-6)


def test_zero_shot_is_a_softmax_over_texts() -> None:
    embeddings, texts = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[:2]
    probabilities = zero_shot(embeddings, texts, 2.0)
    assert probabilities.sum(1) == pytest.approx(1)
    assert probabilities[0] == pytest.approx([np.exp(2) / (np.exp(2) + 1), 1 / (np.exp(2) + 1)])
    assert probabilities[2] == pytest.approx([0.5, 0.5])
