"""Transductive classification: classify a whole set at once, so that similar pictures get the same class.

RS-TransCLIP (El Khoury et al., ICASSP 2025, arXiv 2409.00698) is TransCLIP (Zanella et al., NeurIPS 2024, arXiv
2406.01837) without labels: a Gaussian per class over the image embeddings with one shared diagonal variance, agreement
of neighbours, and a text prior. It uses the whole unlabelled set, so its metrics do not compare with those of pictures
classified singly.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

ROUNDS, SWEEPS = 10, 5  # updates of the Gaussians, and updates of the probabilities in each
NEIGHBOURS = 3
CONFIDENT = 8  # pictures in a class's first mean
_TEMPER = 50.0  # divides the log-likelihoods, as in the published code
_CHUNK = 2048  # pictures compared with all others at once, to limit memory


@torch.inference_mode()
def transduce(
    vectors: Float[Tensor, "sample dim"], logits: Float[Tensor, "sample class"]
) -> Float[Tensor, "sample class"]:
    """Probabilities from unit vectors and the logits of each picture alone (100 x cosine in the paper)."""
    prior = logits.log_softmax(1)
    probs = prior.exp()
    near, alike = neighbours(vectors)
    top = probs.topk(min(CONFIDENT, len(probs)), dim=0)
    means = F.normalize(torch.einsum("pc,pcd->cd", top.values, vectors[top.indices]), dim=1)
    variance = vectors.new_full((vectors.shape[1],), 1 / vectors.shape[1])
    for _ in range(ROUNDS):
        probs = _update(prior, _likelihood(vectors, means, variance), probs, near, alike)
        means = F.normalize(probs.T @ vectors, dim=1)
        variance = _variance(vectors, means, probs)
    return _update(prior, _likelihood(vectors, means, variance), probs, near, alike)


def neighbours(
    vectors: Float[Tensor, "sample dim"],
) -> tuple[Int[Tensor, "sample near"], Float[Tensor, "sample near"]]:
    """Indices of the other pictures nearest to each picture, and their cosines."""
    count = min(NEIGHBOURS, len(vectors) - 1)
    nearest = []
    for start in range(0, len(vectors), _CHUNK):
        cosines = vectors[start : start + _CHUNK] @ vectors.T
        cosines[torch.arange(len(cosines)), torch.arange(start, start + len(cosines))] = -torch.inf
        nearest.append(cosines.topk(count, dim=1))
    return torch.cat([top.indices for top in nearest]), torch.cat([top.values for top in nearest])


def _likelihood(vectors: Tensor, means: Tensor, variance: Tensor) -> Float[Tensor, "sample class"]:
    """Log-density of each picture under each Gaussian, without terms that all classes share."""
    cross = vectors @ (means / variance).T
    return cross - (means.square() / variance).sum(1) / 2


def _variance(vectors: Tensor, means: Tensor, probs: Tensor) -> Float[Tensor, " dim"]:
    """Mean squared distance to the means along each dimension, weighted by the probabilities."""
    second = vectors.square().mean(0) + (probs.mean(0) @ means.square())
    cross = (probs.T @ vectors / len(vectors) * means).sum(0)
    return (second - 2 * cross).clamp_min(1e-8)


def _update(prior: Tensor, likelihood: Tensor, probs: Tensor, near: Tensor, alike: Tensor) -> Tensor:
    """Probabilities from the text, the Gaussian, and the probabilities of neighbours in both directions."""
    fixed = prior + likelihood / _TEMPER
    for _ in range(SWEEPS):
        pulled = torch.einsum("sn,snc->sc", alike, probs[near])
        weighted = alike[:, :, None] * probs[:, None]
        pulled.index_add_(0, near.flatten(), weighted.flatten(0, 1))
        probs = (fixed + pulled / (2 * NEIGHBOURS)).softmax(1)
    return probs
