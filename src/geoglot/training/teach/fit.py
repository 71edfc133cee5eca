"""A linear head of several classes from few labels: what the words mean is moved as little as the labels ask for.

The head is the W, b that minimise

    sum over patches of u * cross entropy(softmax(W x + b), class)
    + tr (W - W0) (C + ridge) (W - W0)' * n / 2  +  |(W - W0) m + b|^2 * s / 2

x are unit vectors of patches, W0 the scaled vectors of the class names as texts, m the mean and C the covariance of
patches all over the scenes: the second term is the variance of the change of all logits, and the third the square of
its mean. Without the third, two labels of a class may lift or sink it everywhere. A label counts by the root of its
patches, which are alike, and every class counts the same. `index/concepts/head.py` does the same for one
concept of whole images, by squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer

STIFFNESS = 0.3
"""n: what the patches of the scenes weigh against one label."""
SHIFT = 0.03
"""s. Less than n: some words fit all ground a little better than others do, and labels should correct that."""
RIDGE = 0.3
"""Share of the mean variance that every direction has at least."""
_LEAST = 1e-9  # mean variance, of patches that are all alike
_STEPS = 200
_TOLERANCE = 1e-6

Vectors = Float[np.ndarray, "patch dim"]


@dataclass(frozen=True, eq=False)
class Head:
    """Logits of patches x are weight . x + bias."""

    weight: Float[np.ndarray, "class dim"]
    bias: Float[np.ndarray, " class"]

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        """As a model's folder keeps them."""
        return {"weight": torch.from_numpy(self.weight), "bias": torch.from_numpy(self.bias)}

    def answers(self, vectors: Vectors) -> Integer[np.ndarray, " patch"]:
        """The best class of each patch."""
        best: np.ndarray = (vectors @ self.weight.T + self.bias).argmax(1)
        return best


def fit_head(
    vectors: Vectors,
    classes: Integer[np.ndarray, " patch"],
    weights: Float[np.ndarray, " patch"],
    prior: Float[np.ndarray, "class dim"],
    surveyed: Float[np.ndarray, "other dim"],
) -> Head:
    """The head of labelled patches. `prior` has a row a class, and `surveyed` are patches from all over the scenes."""
    import scipy.linalg
    import scipy.optimize

    mean, covariance = surveyed.mean(0), np.cov(surveyed.T.astype(np.float64))
    covariance += RIDGE * max(np.trace(covariance) / len(covariance), _LEAST) * np.eye(len(covariance))
    factor = scipy.linalg.cholesky(covariance, lower=True)
    whitened = scipy.linalg.solve_triangular(factor, (vectors - mean).T.astype(np.float64), lower=True).T
    first = vectors @ prior.T
    count, truth = len(prior), np.eye(len(prior))[classes]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        change = flat.reshape(count, -1)
        logits = first + whitened @ change[:, 1:].T + change[:, 0]
        logits -= logits.max(1, keepdims=True)
        log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        pull = weights[:, None] * (np.exp(log) - truth)
        slope = np.concatenate([pull.sum(0)[:, None], pull.T @ whitened], axis=1)
        slope += stiff * change
        loss = -(weights * log[np.arange(len(classes)), classes]).sum() + (stiff * change**2).sum() / 2
        return float(loss), slope.ravel()

    stiff = np.array([SHIFT, *[STIFFNESS] * whitened.shape[1]])
    start = np.zeros(count * len(stiff))
    found = scipy.optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "ftol": _TOLERANCE}
    )
    change = found.x.reshape(count, -1)
    moved = scipy.linalg.solve_triangular(factor, change[:, 1:].T, lower=True, trans="T").T
    weight = prior + moved
    bias = change[:, 0] - moved @ mean
    # The same number more or less for all classes changes nothing among them; this one lets other words compete.
    return Head(weight.astype(np.float32), (bias - bias.mean()).astype(np.float32))


def weigh(labels: Integer[np.ndarray, " patch"], classes: Integer[np.ndarray, " patch"]) -> Float[np.ndarray, " patch"]:
    """What each patch counts: a label by the root of its patches, and every class the same as all others."""
    _, index, count = np.unique(labels, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(count[index])
    sums = np.bincount(classes, weights)
    present = sums[sums > 0]
    return np.asarray(weights * present.mean() / sums[classes])
