"""GRAFT's objective: pull each tile, or each patch where a photo was taken, to its photos in the embedding space."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from geoglot.aliases import Count, Positive, Weight
from geoglot.models.graft import Graft
from geoglot.training.losses import Photos, image_level_loss, pixel_level_loss
from geoglot.training.objective import ParameterGroup, decay_groups
from geoglot.training.pair_batches import PairBatch, PairLoader
from geoglot.training.processes import gather_rows, mean_over_processes

_EARTH_M = 6_371_000.0
_ROWS = 256  # tiles whose photos are ranked at once: bounds memory
_MAX_SCALE = 100.0  # the limit of CLIP's logit_scale


@dataclass(frozen=True)
class AlignSettings:
    """Which embeddings are pulled together; the defaults are the paper's."""

    level: Literal["image", "pixel", "both"] = "image"
    temperature: Positive = 0.07
    learn_temperature: bool = False
    """A learned temperature stays at 0.01 or above, as CLIP's."""
    skip_own_tile: bool = False
    """At pixel level: other photos of the same tile do not count as negatives."""
    skip_near_m: Weight = 0.0
    """Photos of tiles whose centres are nearer than this along both axes do not count as negatives; in the paper 0."""
    parts: Count = 1
    """Number of parts in which a batch goes through the satellite tower; the result is the same with less memory."""
    recompute: bool = False
    """Compute activations again in the backward pass: less memory, more time."""


class SatelliteModel(nn.Module):
    """The trainable parts: satellite tower, and temperature if it is learned."""

    def __init__(self, tower: Graft, settings: AlignSettings) -> None:
        super().__init__()
        self.tower = tower
        self.log_scale = nn.Parameter(torch.tensor(1 / settings.temperature).log())
        self.requires_grad_(False)
        tower.vision_model.requires_grad_(True)
        if settings.level != "pixel":
            tower.visual_projection.requires_grad_(True)
        else:  # patch embeddings do not go through it
            tower.vision_model.post_layernorm.requires_grad_(False)
        if settings.level != "image":
            tower.projector.requires_grad_(True)
        self.log_scale.requires_grad_(settings.learn_temperature)

    @property
    def scale(self) -> Float[Tensor, ""]:
        """Factor between cosines and logits."""
        return self.log_scale.exp()

    @torch.no_grad()
    def limit_scale(self) -> None:
        """Move a learned scale back below its limit. Clamping its value in the loss instead would stop its gradient."""
        if self.log_scale.requires_grad:
            self.log_scale.clamp_(max=math.log(_MAX_SCALE))


class AlignObjective:
    """Trains a satellite tower; the last weights are kept, as in the paper."""

    best = ""

    def __init__(
        self,
        model: SatelliteModel,
        settings: AlignSettings,
        train: PairLoader,
        validation: PairLoader | None,
        bfloat16: bool,
    ) -> None:
        self.model, self.settings, self.train, self.validation = model, settings, train, validation
        self.bfloat16 = bfloat16
        self.batch = (train.sampling.batch, "tiles")
        model.tower.recompute = settings.recompute

    def groups(self, weight_decay: float) -> list[ParameterGroup]:
        return decay_groups(self.model.parameters(), weight_decay)

    def batches(self, first_step: int, stop: int) -> Iterator[PairBatch]:
        return self.train.batches(first_step, stop)

    def backward(self, batch: PairBatch) -> Mapping[str, float]:
        """Add this process's part of the gradient of the mean loss over the tiles of all processes."""
        device = self.model.log_scale.device
        self.model.limit_scale()
        photos, first_tile = gather_photos(batch, self.settings.skip_near_m, device)
        tiles, losses = len(batch.pixels), []
        for part in torch.arange(tiles).chunk(self.settings.parts):
            first, stop = int(part[0]), int(part[-1]) + 1
            loss = self._loss(batch, (first, stop), photos, first_tile) * (len(part) / tiles)
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
        return {
            "loss": float(mean_over_processes(float(torch.stack(losses).sum()), device)),
            "scale": float(self.model.scale.detach()),
            "photos": float(mean_over_processes(len(batch.tile) / tiles, device)),
        }

    def _loss(self, batch: PairBatch, tiles: tuple[int, int], photos: Photos, first_tile: int) -> Float[Tensor, ""]:
        """Loss of tiles first..stop-1 of a batch."""
        first, stop = tiles
        model, level, at = self.model, self.settings.level, first_tile + first
        tower, pixels = model.tower, batch.pixels[first:stop].to(model.log_scale.device)
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.bfloat16):
            image, patches = (tower.encode_image(pixels), None) if level == "image" else tower.encode_both(pixels)
        losses = [] if level == "pixel" else [image_level_loss(image, photos, model.scale, at)]
        if patches is not None:
            anchors, skip = anchors_of(patches, batch, first), self.settings.skip_own_tile
            loss = pixel_level_loss(anchors, photos, model.scale, at, own_tiles=stop - first, skip_own_tile=skip)
            losses.append(loss)
        return torch.stack(losses).mean()

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Retrieval of a tile's photos among all photos of the validation set."""
        if self.validation is None:
            return {}
        assert isinstance(model, SatelliteModel)
        count, each = self.validation.pairs.tiles, self.validation.sampling.batch
        embedded = []  # without the pixels, which would not fit
        for number, batch in enumerate(self.validation.batches(0, -(-count // each))):
            tiles = model.tower.encode_image(batch.pixels.to(model.log_scale.device))  # as a model of its level does
            embedded.append((tiles.cpu(), batch.embeddings, batch.tile + number * each))
        tiles, photos, owner = (torch.cat(parts) for parts in zip(*embedded, strict=True))
        real = owner < count  # the last batch is filled up with the first tiles
        return photo_recall(tiles[:count], photos[real], owner[real])


def anchors_of(
    patches: Float[Tensor, "part dim patch_rows patch_cols"], batch: PairBatch, first: int
) -> Float[Tensor, "photo dim"]:
    """Embedding of the patch in which each photo was taken; `patches` belong to the tiles from `first` on."""
    inside = (batch.tile >= first) & (batch.tile < first + len(patches))
    tile, patch = (batch.tile[inside] - first).to(patches.device), batch.patch[inside].to(patches.device)
    return patches.flatten(2)[tile, :, patch]


def gather_photos(batch: PairBatch, skip_near_m: float, device: torch.device) -> tuple[Photos, int]:
    """The photos of all processes, and the number of this process's first tile among all tiles."""
    counts = gather_rows(torch.tensor([[len(batch.pixels), len(batch.tile)]], device=device))
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    tile = gather_rows(batch.tile.to(device))
    firsts = counts[:, 0].cumsum(0) - counts[:, 0]
    tile = tile + torch.repeat_interleave(firsts, counts[:, 1])
    embeddings, weight = gather_rows(batch.embeddings.to(device)), gather_rows(batch.weight.to(device))
    near = repeated(gather_rows(batch.number.to(device)))
    if skip_near_m:
        near |= nearer_than(gather_rows(batch.centre.to(device)), skip_near_m)
    return Photos(embeddings, tile, weight, near if near.any() else None), int(firsts[rank])


def repeated(number: Int[Tensor, " tile"]) -> Bool[Tensor, "tile tile"]:
    """Pairs of different places of a batch that hold the same tile, whose photos are no negatives of itself."""
    return (number[:, None] == number).fill_diagonal_(False)


def nearer_than(centre: Float[Tensor, "tile 2"], metres: float) -> Bool[Tensor, "tile tile"]:
    """Pairs of different tiles whose centres (longitude, latitude) differ by less than this along both axes."""
    degrees = (centre[:, None] - centre).double()
    east = ((degrees[..., 0] + 180) % 360 - 180).abs() * torch.cos(torch.deg2rad(centre[:, 1]))
    within = torch.maximum(east, degrees[..., 1].abs()) * (np.pi / 180 * _EARTH_M) < metres
    return within.fill_diagonal_(False)


def photo_recall(
    tiles: Float[Tensor, "tile dim"], photos: Float[Tensor, "photo dim"], owner: Tensor
) -> dict[str, float]:
    """Share of tiles with one of their photos among the nearest 1 and 10 of all, and the mean rank of the nearest."""
    firsts = range(0, len(tiles), _ROWS)
    rank = torch.cat([_ranks(tiles[first : first + _ROWS], first, photos, owner) for first in firsts])
    recall = {f"photo_recall_at_{k}": float((rank < k).float().mean()) for k in (1, 10)}
    return recall | {"photo_rank": float(rank.mean() + 1)}


def _ranks(tiles: Tensor, first: int, photos: Tensor, owner: Tensor) -> Float[Tensor, " tile_with_photos"]:
    """For each tile, the number of foreign photos that are nearer than its own nearest photo.

    NaN counts as nearer; a duplicate of the tile's own photo does not.
    """
    scores = tiles @ photos.T
    own = owner == torch.arange(first, first + len(tiles))[:, None]
    best = scores.masked_fill(~own, -torch.inf).amax(1, keepdim=True)
    return (~(scores <= best) & ~own).sum(1)[own.any(1)].float()
