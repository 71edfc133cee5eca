"""GRAFT's objective: tiles, or the patches where photos were taken, towards the vectors of their photos."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from geoglot.aliases import Count, Positive, Weight
from geoglot.models.graft import Graft
from geoglot.training.loop import Group, decay_groups
from geoglot.training.losses import Photos, image_level_loss, pixel_level_loss
from geoglot.training.pair_batches import PairBatch, PairLoader
from geoglot.training.processes import gather_rows, mean_over_processes

_EARTH_M = 6_371_000.0
_ROWS = 256  # tiles whose photos are ranked at once: bounds memory
_MAX_SCALE = 100.0  # where CLIP stops its temperature


@dataclass(frozen=True)
class AlignSettings:
    """What is pulled towards what; every default is the paper's."""

    level: Literal["image", "pixel", "both"] = "image"
    temperature: Positive = 0.07
    learn_temperature: bool = False
    """It then stays at 0.01 or above, as CLIP's."""
    skip_own_tile: bool = False
    """At pixel level: other photos of the same tile are no negatives."""
    skip_near_m: Weight = 0.0
    """Photos of tiles whose centres are nearer than this along both axes are no negatives; the paper has 0."""
    parts: Count = 1
    """In how many parts a batch goes through the satellite tower; the result is the same, the memory is not."""
    recompute: bool = False
    """Compute activations again on the way back: less memory, more time."""


class SatelliteModel(nn.Module):
    """What is fitted: the satellite tower, and the temperature where it is learned."""

    def __init__(self, tower: Graft, settings: AlignSettings) -> None:
        super().__init__()
        self.tower = tower
        self.log_scale = nn.Parameter(torch.tensor(1 / settings.temperature).log())
        self.requires_grad_(False)
        tower.vision_model.requires_grad_(True)
        if settings.level != "pixel":
            tower.visual_projection.requires_grad_(True)
        else:  # not on the way to a patch vector
            tower.vision_model.post_layernorm.requires_grad_(False)
        if settings.level != "image":
            tower.projector.requires_grad_(True)
        self.log_scale.requires_grad_(settings.learn_temperature)

    @property
    def scale(self) -> Float[Tensor, ""]:
        """Factor of the cosines."""
        return self.log_scale.exp()

    @torch.no_grad()
    def limit_scale(self) -> None:
        """Bring a learned scale that went too far back: not by a clamp of the value, beyond which nothing learns."""
        if self.log_scale.requires_grad:
            self.log_scale.clamp_(max=math.log(_MAX_SCALE))


class AlignObjective:
    """The objective of `geoglot train align`."""

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
        model.tower.recompute = settings.recompute

    @property
    def batch(self) -> tuple[int, str]:
        """Of all processes."""
        return self.train.sampling.batch, "tiles"

    @property
    def best(self) -> str:
        """None: the last weights are kept, as in the paper."""
        return ""

    def groups(self, weight_decay: float) -> list[Group]:
        """One rate for the whole tower."""
        return decay_groups(self.model.parameters(), weight_decay)

    def batches(self, first_step: int, steps: int) -> Iterator[PairBatch]:
        """Of the training pairs."""
        return self.train.batches(first_step, steps)

    def backward(self, batch: PairBatch) -> Mapping[str, float]:
        """This process's part of the gradient of the mean loss over the tiles of all, whose figures it returns."""
        device = self.model.log_scale.device
        self.model.limit_scale()
        photos, first_tile = gather_photos(batch, self.settings.skip_near_m, device)
        tiles, parts = len(batch.pixels), self.settings.parts
        losses = []
        for part in torch.arange(tiles).chunk(parts):
            first, stop = int(part[0]), int(part[-1]) + 1
            loss = self._loss(self.model, batch, (first, stop), photos, first_tile) * (len(part) / tiles)
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
        return {
            "loss": float(mean_over_processes(float(torch.stack(losses).sum()), device)),
            "scale": float(self.model.scale.detach()),
            "photos": float(mean_over_processes(len(batch.tile) / tiles, device)),
        }

    def _loss(
        self, model: SatelliteModel, batch: PairBatch, tiles: tuple[int, int], photos: Photos, first_tile: int
    ) -> Float[Tensor, ""]:
        """Of some tiles of a batch."""
        first, stop = tiles
        pixels = batch.pixels[first:stop].to(model.log_scale.device)
        level, tower, at = self.settings.level, model.tower, first_tile + first
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.bfloat16):
            image, patches = (tower.encode_image(pixels), None) if level == "image" else tower.encode_both(pixels)
        losses = [] if level == "pixel" else [image_level_loss(image, photos, model.scale, at)]
        if patches is not None:
            anchors, skip = anchors_of(patches, batch, first), self.settings.skip_own_tile
            losses.append(
                pixel_level_loss(anchors, photos, model.scale, at, own_tiles=stop - first, skip_own_tile=skip)
            )
        return torch.stack(losses).mean()

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """How often a tile's nearest photos, among all of the validation set's, hold one of its own."""
        if self.validation is None:
            return {}
        assert isinstance(model, SatelliteModel)
        steps = -(-self.validation.pairs.tiles // self.validation.sampling.batch)
        device, each = model.log_scale.device, self.validation.sampling.batch
        seen = [  # pixels are let go of batch by batch
            (self._vectors(model, batch.pixels.to(device)).cpu(), batch.vectors, batch.tile + number * each)
            for number, batch in enumerate(self.validation.batches(0, steps))
        ]
        vectors, photos, owner = (torch.cat(parts) for parts in zip(*seen, strict=True))
        tiles = self.validation.pairs.tiles  # the last batch goes on with the first tiles
        return photo_recall(vectors[:tiles], photos[owner < tiles], owner[owner < tiles])

    def _vectors(self, model: SatelliteModel, pixels: Tensor) -> Float[Tensor, "tile dim"]:
        if self.settings.level == "image":
            return model.tower.encode_image(pixels)
        return nn.functional.normalize(model.tower.encode_patches(pixels).mean((2, 3)), dim=1)


def anchors_of(
    patches: Float[Tensor, "part dim patch_rows patch_cols"], batch: PairBatch, first: int
) -> Float[Tensor, "photo dim"]:
    """The vector of the patch that each photo was taken in, of the tiles from `first` on."""
    mine = (batch.tile >= first) & (batch.tile < first + len(patches))
    tile, patch = (batch.tile[mine] - first).to(patches.device), batch.patch[mine].to(patches.device)
    return patches.flatten(2)[tile, :, patch]


def gather_photos(batch: PairBatch, skip_near_m: float, device: torch.device) -> tuple[Photos, int]:
    """The photos of all processes, and the number of this process's first tile among all tiles."""
    counts = gather_rows(torch.tensor([[len(batch.pixels), len(batch.tile)]], device=device))
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    tile = gather_rows(batch.tile.to(device))
    firsts = counts[:, 0].cumsum(0) - counts[:, 0]
    tile = tile + torch.repeat_interleave(firsts, counts[:, 1])
    vectors, weight = gather_rows(batch.vectors.to(device)), gather_rows(batch.weight.to(device))
    near = nearer_than(gather_rows(batch.centre.to(device)), skip_near_m) if skip_near_m else None
    return Photos(vectors, tile, weight, near), int(firsts[rank])


def nearer_than(centre: Float[Tensor, "tile 2"], metres: float) -> Bool[Tensor, "tile tile"]:
    """Pairs of different tiles whose centres (longitude, latitude) differ by less than this along both axes."""
    degrees = (centre[:, None] - centre).double()
    east = ((degrees[..., 0] + 180) % 360 - 180).abs() * torch.cos(torch.deg2rad(centre[:, 1]))
    within = torch.maximum(east, degrees[..., 1].abs()) * (np.pi / 180 * _EARTH_M) < metres
    return within.fill_diagonal_(False)


def photo_recall(
    tiles: Float[Tensor, "tile dim"], photos: Float[Tensor, "photo dim"], owner: Tensor
) -> dict[str, float]:
    """Share of tiles with an own photo among the nearest 1 and 10 of all photos; and the mean rank of the best own."""
    firsts = range(0, len(tiles), _ROWS)
    rank = torch.cat([_ranks(tiles[first : first + _ROWS], first, photos, owner) for first in firsts])
    recall = {f"photo_recall_at_{k}": float((rank < k).float().mean()) for k in (1, 10)}
    return recall | {"photo_rank": float(rank.mean() + 1)}


def _ranks(tiles: Tensor, first: int, photos: Tensor, owner: Tensor) -> Float[Tensor, " tile_with_photos"]:
    """Foreign photos nearer than the best own, of some tiles; what is NaN helps no tile, the same photo harms none."""
    scores = tiles @ photos.T
    own = owner == torch.arange(first, first + len(tiles))[:, None]
    best = scores.masked_fill(~own, -torch.inf).amax(1, keepdim=True)
    return (~(scores <= best) & ~own).sum(1)[own.any(1)].float()
