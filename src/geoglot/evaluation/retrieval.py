"""Retrieval metrics: of pictures by class words, and of pictures and captions by each other."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.evaluation.metrics import Estimate, Ranking, bootstrap, caption_ranks, mean_and_each, recall

DEPTHS = (20, 100)
FIRST = (1, 5, 10)


def score_queries(
    scores: Float[Tensor, "sample class"], shows: Bool[np.ndarray, "sample class"], names: Sequence[str]
) -> dict[str, Estimate]:
    """mAP@20 and mAP@100 with the classes as queries, and AP@100 of each class."""
    ranking = Ranking.of(scores.double().numpy(), shows, max(DEPTHS))

    def statistic(counts: np.ndarray) -> np.ndarray:
        short, deep = (mean_and_each(ranking.average_precisions(k, counts)) for k in DEPTHS)
        return np.concatenate([short[:1], deep])

    short, deep, *each = bootstrap(statistic, len(shows))
    by_class = {f"ap@{DEPTHS[1]}/{name}": estimate for name, estimate in zip(names, each, strict=True)}
    return {f"map@{DEPTHS[0]}": short, f"map@{DEPTHS[1]}": deep, **by_class}


def score_captions(scores: Float[Tensor, "image text"], owner: Sequence[int]) -> dict[str, Estimate]:
    """R@1, R@5 and R@10 in both directions, and their mean; `owner` is the image of each text."""
    image_of = np.asarray(owner)
    images = np.arange(len(scores))
    by_text, by_image = caption_ranks(scores.double().numpy(), image_of)

    def statistic(counts: np.ndarray) -> np.ndarray:
        recalls = [recall(by_text, image_of, k, counts) for k in FIRST]
        recalls += [recall(by_image, images, k, counts) for k in FIRST]
        return np.array([np.mean(recalls), *recalls])

    names = ["mean_recall", *(f"{way}_r@{k}" for way in ("text_to_image", "image_to_text") for k in FIRST)]
    return dict(zip(names, bootstrap(statistic, len(images)), strict=True))
