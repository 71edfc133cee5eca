"""Classes for a whole set at once: pictures that look alike are pulled to one answer.

RS-TransCLIP (El Khoury et al., ICASSP 2025, arXiv 2409.00698), which is TransCLIP (Zanella et al., NeurIPS 2024,
arXiv 2406.01837) without labels: a Gaussian a class over the image vectors, one shared diagonal variance, neighbours
that agree, and a text prior. It sees the whole unlabelled set, so its figures do not compare with those of pictures
that are named one by one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

ROUNDS, SWEEPS = 10, 5  # updates of the Gaussians, and of the answers in each
NEIGHBOURS = 3
CONFIDENT = 8  # pictures that a class's first mean is taken from
_TEMPER = 50.0  # divides the log-likelihoods, as in the published code
_CHUNK = 2048  # pictures compared with all others at a time: bounds memory


@torch.inference_mode()
def transduce(
    vectors: Float[Tensor, "sample dim"], logits: Float[Tensor, "sample class"]
) -> Float[Tensor, "sample class"]:
    """Probabilities from unit vectors and the logits of each picture alone (100 x cosine, where published)."""
    prior = logits.log_softmax(1)
    shares = prior.exp()
    near, alike = neighbours(vectors)
    means = _first_means(vectors, shares)
    variance = vectors.new_full((vectors.shape[1],), 1 / vectors.shape[1])
    for _ in range(ROUNDS):
        shares = _answers(prior, _likelihood(vectors, means, variance), shares, near, alike)
        means = F.normalize(shares.T @ vectors, dim=1)
        variance = _variance(vectors, means, shares)
    return _answers(prior, _likelihood(vectors, means, variance), shares, near, alike)


def neighbours(
    vectors: Float[Tensor, "sample dim"],
) -> tuple[Int[Tensor, "sample near"], Float[Tensor, "sample near"]]:
    """The pictures nearest to each, itself left out, and their cosines."""
    count = min(NEIGHBOURS, len(vectors) - 1)
    found = []
    for start in range(0, len(vectors), _CHUNK):
        cosines = vectors[start : start + _CHUNK] @ vectors.T
        cosines[torch.arange(len(cosines)), torch.arange(start, start + len(cosines))] = -torch.inf
        found.append(cosines.topk(count, dim=1))
    return torch.cat([top.indices for top in found]), torch.cat([top.values for top in found])


def _first_means(vectors: Tensor, shares: Tensor) -> Float[Tensor, "class dim"]:
    """Means of the pictures that the text is surest of, weighted by how sure it is."""
    top = shares.topk(min(CONFIDENT, len(shares)), dim=0)
    return F.normalize(torch.einsum("pc,pcd->cd", top.values, vectors[top.indices]), dim=1)


def _likelihood(vectors: Tensor, means: Tensor, variance: Tensor) -> Float[Tensor, "sample class"]:
    """Log-density of each picture under each Gaussian, without what all classes share."""
    cross = vectors @ (means / variance).T
    return cross - (means.square() / variance).sum(1) / 2


def _variance(vectors: Tensor, means: Tensor, shares: Tensor) -> Float[Tensor, " dim"]:
    """Mean squared distance to the means along each dimension, over pictures by their shares."""
    second = vectors.square().mean(0) + (shares.mean(0) @ means.square())
    cross = (shares.T @ vectors / len(vectors) * means).sum(0)
    return (second - 2 * cross).clamp_min(1e-8)


def _answers(prior: Tensor, likelihood: Tensor, shares: Tensor, near: Tensor, alike: Tensor) -> Tensor:
    """Shares that weigh the text, the Gaussian, and the answers of neighbours in both directions."""
    fixed = prior + likelihood / _TEMPER
    for _ in range(SWEEPS):
        pulled = torch.einsum("sn,snc->sc", alike, shares[near])
        given = alike[:, :, None] * shares[:, None]
        pulled.index_add_(0, near.flatten(), given.flatten(0, 1))
        shares = (fixed + pulled / (2 * NEIGHBOURS)).softmax(1)
    return shares
