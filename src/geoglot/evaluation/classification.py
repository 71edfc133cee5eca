"""Score zero-shot classification of the pictures of a set."""

import numpy as np
from jaxtyping import Float, Integer
from torch import Tensor

from geoglot.evaluation.metrics import Estimate, bootstrap, class_accuracies, mean_and_each, proportion
from geoglot.evaluation.transduce import transduce


def calibrate(logits: Float[Tensor, "sample class"]) -> Float[Tensor, "sample class"]:
    """Subtract each class's mean logit over the whole unlabelled set, so that no class wins on all pictures.

    ZPE does the same for prompts (Allingham et al. 2023, arXiv 2302.06235, section 3).
    """
    return logits - logits.mean(0)


def decide(
    vectors: Float[Tensor, "sample dim"],
    texts: Float[Tensor, "class dim"],
    scale: float,
    *,
    calibrated: bool = False,
    transductive: bool = False,
) -> Float[Tensor, "sample class"]:
    """Scores of every class for every picture; `scale` is the model's logit_scale."""
    logits = scale * vectors @ texts.T
    if calibrated:
        logits = calibrate(logits)
    return transduce(vectors, logits) if transductive else logits


def score_classes(
    scores: Float[Tensor, "sample class"], truth: Integer[np.ndarray, " sample"], names: tuple[str, ...]
) -> dict[str, Estimate]:
    """Top-1, mean per class accuracy, and accuracy of each class; `truth` is the index of each picture's class."""
    best = scores.topk(2, dim=1)
    is_tied = best.values[:, 0] == best.values[:, 1]
    right = (best.indices[:, 0].numpy() == truth) & ~is_tied.numpy()

    def statistic(counts: np.ndarray) -> np.ndarray:
        return mean_and_each(class_accuracies(right, truth, len(names), counts))

    mean, *each = bootstrap(statistic, len(truth))
    by_class = {f"accuracy/{name}": estimate for name, estimate in zip(names, each, strict=True)}
    return {"top1": proportion(right), "mean_class_accuracy": mean, **by_class}
