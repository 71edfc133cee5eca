"""The losses of GRAFT (Mall et al., ICLR 2024, arXiv 2312.06960); tiles may have different numbers of photos.

Both are cross-entropies of anchors (tiles, or the patches where photos were taken) against all photos of the batch.
Photos come from a frozen tower, so gradients go to the anchors and the temperature only. Two things follow. Value and
gradient are computed in one pass over chunks of anchors, and the matrix of all scores never exists. And a batch may go
through the satellite tower in parts without changing the result, since parts share nothing but frozen photos.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

#: Bytes of one chunk of scores; about three chunks exist at once
CHUNK_BYTES = 64_000_000


@dataclass(frozen=True)
class Photos:
    """The photos of one batch over all processes, in the order of their tiles."""

    embeddings: Float[Tensor, "photo dim"]
    """From the frozen ground tower."""
    tile: Int[Tensor, " photo"]
    """Tile of each photo, counted over the whole batch; ascending."""
    weight: Float[Tensor, " photo"]
    """Weights that sum to 1 over a tile; in the paper 1 / (photos of the tile)."""
    near: Bool[Tensor, "tile tile"] | None = None
    """Pairs of different places of the batch whose photos are not used as each other's negatives; None for none."""

    def of_tiles(self, first: int, count: int) -> slice:
        """Positions of the photos of `count` tiles from `first` on."""
        start, stop = torch.searchsorted(self.tile, self.tile.new_tensor([first, first + count])).tolist()
        return slice(start, stop)


def image_level_loss(
    tiles: Float[Tensor, "own_tile dim"], photos: Photos, scale: Float[Tensor, ""], first_tile: int = 0
) -> Float[Tensor, ""]:
    """GRAFT's image-level loss: the photos of a tile are its positives, all photos of the batch the denominator.

    mean_i sum_j w_ij -log( exp(scale s_i.g_ij) / sum_ab exp(scale s_i.g_ab) ), the paper's with w_ij = 1/N_i and
    scale = 1/0.07. `tiles` are the embeddings of the tiles from `first_tile` on, and the mean is over them. With one
    photo a tile this is InfoNCE, from satellite to ground.
    """
    own = photos.of_tiles(first_tile, len(tiles))
    links = _Links(
        row=photos.tile[own] - first_tile,
        photo=torch.arange(own.start, own.stop, device=tiles.device),
        row_tile=torch.arange(first_tile, first_tile + len(tiles), device=tiles.device),
        skip_own_tile=False,
    )
    return _cross_entropy(tiles, photos, links, scale) / len(tiles)


def pixel_level_loss(
    anchors: Float[Tensor, "own_photo dim"],
    photos: Photos,
    scale: Float[Tensor, ""],
    first_tile: int = 0,
    *,
    own_tiles: int,
    skip_own_tile: bool = False,
) -> Float[Tensor, ""]:
    """GRAFT's pixel-level loss: the anchor of a photo is the embedding of the patch that it was taken in.

    mean_i sum_j w_ij -log( exp(scale p_ij.g_ij) / sum_ab exp(scale p_ij.g_ab) ) over `own_tiles` tiles from
    `first_tile` on, with the anchors of their photos in order. In the paper, other photos of the same tile are
    negatives, even those of the same patch; `skip_own_tile` leaves them out of the denominator.
    """
    own = photos.of_tiles(first_tile, own_tiles)
    links = _Links(
        row=torch.arange(len(anchors), device=anchors.device),
        photo=torch.arange(own.start, own.stop, device=anchors.device),
        row_tile=photos.tile[own],
        skip_own_tile=skip_own_tile,
    )
    return _cross_entropy(anchors, photos, links, scale) / own_tiles


@dataclass(frozen=True)
class _Links:
    """Positives of each row of scores, and the photos that its denominator leaves out."""

    row: Int[Tensor, " link"]
    """Ascending."""
    photo: Int[Tensor, " link"]
    row_tile: Int[Tensor, " row"]
    skip_own_tile: bool

    def of_rows(self, first: int, stop: int) -> tuple[Tensor, Tensor]:
        """Row (from 0) and photo of the links in rows first..stop-1."""
        start, end = torch.searchsorted(self.row, self.row.new_tensor([first, stop])).tolist()
        return self.row[start:end] - first, self.photo[start:end]

    def ignored(self, first: int, stop: int, photos: Photos) -> Bool[Tensor, "rows photo"] | None:
        """Photos that are neither positives nor negatives of rows first..stop-1."""
        if photos.near is None and not self.skip_own_tile:
            return None
        tile = self.row_tile[first:stop]
        skipped = tile[:, None] == photos.tile
        if not self.skip_own_tile:
            skipped.zero_()
        if photos.near is not None:
            skipped |= photos.near[tile][:, photos.tile]
        skipped[self.of_rows(first, stop)] = False
        return skipped


def _cross_entropy(anchors: Tensor, photos: Photos, links: _Links, scale: Tensor) -> Tensor:
    loss: Tensor = _ChunkedCrossEntropy.apply(anchors, scale, photos, links)  # type: ignore[no-untyped-call]
    return loss


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Sum over links of weight x -log softmax; the forward pass computes the gradient too, while it has the scores."""

    @staticmethod
    def forward(ctx: Any, anchors: Tensor, scale: Tensor, photos: Photos, links: _Links) -> Tensor:
        wide = anchors.detach().to(photos.embeddings.dtype)
        grad, loss = torch.empty_like(wide), wide.new_zeros(())
        rows = max(1, CHUNK_BYTES // max(1, len(photos.embeddings) * wide.itemsize))
        for first in range(0, len(wide), rows):
            stop = min(first + rows, len(wide))
            part, grad[first:stop] = _chunk(wide[first:stop], photos, links, scale.detach(), first)
            loss += part
        # d(score)/d(scale) is the cosine, and sum_k p_k (a.g_k) = a.(sum_k p_k g_k)
        by_scale = (grad * wide).sum()
        ctx.save_for_backward(grad.mul_(scale).to(anchors.dtype), by_scale)
        return loss

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor, Tensor, None, None]:
        anchors, scale = ctx.saved_tensors
        return above * anchors, above * scale, None, None


def _chunk(anchors: Tensor, photos: Photos, links: _Links, scale: Tensor, first: int) -> tuple[Tensor, Tensor]:
    """Loss of the rows from `first` on, and its gradient with respect to their anchors, divided by `scale`."""
    stop = first + len(anchors)
    row, photo = links.of_rows(first, stop)
    weight = photos.weight[photo].to(anchors.dtype)
    scores = scale * (anchors @ photos.embeddings.T)
    skipped = links.ignored(first, stop, photos)
    if skipped is not None:
        scores.masked_fill_(skipped, -torch.inf)
    total = scores.logsumexp(1)
    loss = (weight * (total[row] - scores[row, photo])).sum()
    softmax = scores.sub_(total[:, None]).exp_()
    softmax *= anchors.new_zeros(len(anchors)).index_add_(0, row, weight)[:, None]
    softmax.index_put_((row, photo), -weight, accumulate=True)
    return loss, softmax @ photos.embeddings
