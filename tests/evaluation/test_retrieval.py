from __future__ import annotations

import numpy as np
import torch

from geoglot.evaluation.retrieval import score_captions, score_queries


def test_a_perfect_order_and_its_reverse() -> None:
    shows = np.eye(3, dtype=bool)[np.arange(30) % 3]
    right = torch.from_numpy(shows).float() + torch.rand(30, 3, generator=torch.Generator().manual_seed(0)) / 10
    found = score_queries(right, shows, ("a", "b", "c"))
    assert found["map@20"].value == found["map@100"].value == found["ap@100/b"].value == 1
    assert found["map@20"].low == found["map@20"].high == 1
    wrong = score_queries(-right, shows, ("a", "b", "c"))
    assert wrong["map@20"].value is not None and wrong["map@20"].value < 0.05


def test_chance_is_about_the_share_of_positives() -> None:
    rng = np.random.default_rng(0)
    shows = rng.random((2000, 4)) < 0.3
    found = score_queries(torch.from_numpy(rng.normal(size=(2000, 4))), shows, tuple("abcd"))
    value = found["map@100"].value
    assert value is not None and abs(value - 0.1) < 0.08  # precision 0.3 at 30 hits of 100


def test_captions_and_images_find_each_other() -> None:
    vectors = torch.eye(12)
    owner = [index for index in range(12) for _ in range(2)]
    found = score_captions(vectors @ vectors[owner].T, owner)
    assert {one.value for one in found.values()} == {1.0}
    assert list(found) == [
        "mean_recall", "text_to_image_r@1", "text_to_image_r@5", "text_to_image_r@10",
        "image_to_text_r@1", "image_to_text_r@5", "image_to_text_r@10",
    ]  # fmt: skip
    shifted = score_captions(vectors.roll(1, 0) @ vectors[owner].T, owner)
    assert shifted["text_to_image_r@1"].value == 0
    blind = score_captions(torch.zeros(12, 24), owner)
    assert (blind["text_to_image_r@5"].value, blind["image_to_text_r@5"].value) == (0, 0)
