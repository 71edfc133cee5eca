"""The objective of `geoglot train segment`: SegCLIP by its masks, or a network that labels pixels one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from geoglot.datasets.dataset import Mapped
from geoglot.evaluation.metrics import f1s, ious, mean_and_each, overall_accuracy
from geoglot.evaluation.segmentation import confusions, iou_without_background
from geoglot.models.segclip.guidance import guide
from geoglot.models.segclip.segclip import Prediction, SegClip
from geoglot.models.segclip.targets import IGNORE, make_targets
from geoglot.models.segmenter import Segmenter
from geoglot.scene.segmenter_scorer import SegmenterScorer
from geoglot.training.crops import CropBatch, CropLoader
from geoglot.training.loop import Group
from geoglot.training.mask_losses import Losses, guided_losses, mask_losses
from geoglot.training.matching import MaskLoss
from geoglot.training.processes import Process, sum_over_processes

_BACKBONE_SHARE = 0.1  # of the rate (Mask2Former)
_BATCH = 4  # windows of a validation image at a time


class SegmentObjective:
    """What the loop fits; the best weights are those of the highest mIoU."""

    best = "miou"

    def __init__(
        self, model: Segmenter, train: CropLoader, validation: Mapped | None, loss: MaskLoss, *,
        bfloat16: bool = False, pretrained: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.train, self.validation, self.loss = model, train, validation, loss
        self.bfloat16, self.pretrained = bfloat16, pretrained
        self.process: Process = train.process
        self.batch = (train.crops.batch, "crops")

    def groups(self, weight_decay: float) -> list[Group]:
        """A backbone that was trained elsewhere learns slowly; norms, biases and embeddings do not decay."""
        slow = _BACKBONE_SHARE if self.pretrained else 1.0
        bare = {id(one.weight) for one in self.model.modules() if isinstance(one, nn.Embedding)}
        groups: dict[tuple[float, float], Group] = {}
        for name, parameter in self.model.named_parameters():
            lr_scale = slow if name.startswith("network.backbone.body.") else 1.0  # what a pyramid adds is new
            decay = 0.0 if parameter.ndim <= 1 or id(parameter) in bare else weight_decay
            group = groups.setdefault((lr_scale, decay), {"params": [], "weight_decay": decay, "lr_scale": lr_scale})
            group["params"].append(parameter)
        return list(groups.values())

    def batches(self, first_step: int, steps: int) -> Iterator[CropBatch]:
        """Of the training images."""
        return self.train.batches(first_step, steps)

    def backward(self, batch: CropBatch) -> Mapping[str, float]:
        """The gradient of the sum of all losses."""
        device = next(self.model.parameters()).device
        pixels, labels = batch.pixels.to(device), batch.labels.to(device)
        self._train_mode()
        losses = losses_of(self.model.network, self.model.prepare(pixels), labels, self.loss, self.bfloat16)
        loss = torch.stack(list(losses.values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        each = {name: float(value.detach()) for name, value in losses.items()}
        return {"loss": float(loss.detach()), **each}

    def _train_mode(self) -> None:
        """Norms of a backbone that was trained elsewhere keep their statistics: batches here are small."""
        self.model.train()
        if self.pretrained:
            for module in self.model.network.get_submodule("backbone").modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """mIoU, mean F1, overall accuracy and each class's IoU, of one confusion matrix of the whole set."""
        if self.validation is None:
            return {}
        assert isinstance(model, Segmenter)
        mine = self.validation.take(range(self.process.rank, len(self.validation), self.process.world_size))
        names = [one.name for one in self.validation.classes]
        matrix = np.zeros((len(names), len(names) + 1), np.int64)
        if len(mine):
            matrix += confusions(SegmenterScorer(model.eval()), mine, _BATCH).sum(0)
        return set_figures(sum_over_processes(torch.from_numpy(matrix)).numpy(), names)


def set_figures(matrix: Int[np.ndarray, "class answer"], names: list[str]) -> dict[str, float]:
    """The figures of a confusion matrix; a class that is nowhere has none."""
    means = {
        "miou": mean_and_each(ious(matrix))[0],
        "miou_without_background": iou_without_background(matrix, names),
        "mean_f1": mean_and_each(f1s(matrix))[0],
        "overall_accuracy": overall_accuracy(matrix),
    }
    each = {f"iou/{name}": value for name, value in zip(names, ious(matrix), strict=True)}
    return {name: float(value) for name, value in (means | each).items() if not np.isnan(value)}


def losses_of(
    network: nn.Module,
    pixels: Float[Tensor, "crop 3 side side"],
    labels: Int[Tensor, "crop side side"],
    settings: MaskLoss,
    bfloat16: bool = False,
) -> Losses:
    """Weighted losses that add up; `pixels` are normalised."""
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=bfloat16):
        if isinstance(network, SegClip):
            return _mask_losses(network, pixels, labels, settings)
        scores: Any = network
        return {"pixels": pixel_loss(scores.scores(pixels), labels)}


def _mask_losses(network: SegClip, pixels: Tensor, labels: Tensor, settings: MaskLoss) -> Losses:
    config = network.config
    targets = make_targets(labels, len(config.classes))
    guided = guide(targets, config.guidance, config.queries, config.layers) if config.guidance.on else None
    heads = network.predictions(pixels, guided)
    slots = guided.classes.shape[1] if guided is not None else 0
    with torch.autocast(pixels.device.type, enabled=False):
        losses = dict(mask_losses([_part(head, slice(slots, None)) for head in heads], targets, settings))
        if guided is not None:
            told = [_part(head, slice(0, slots)) for head in heads]
            extra = guided_losses(told, targets.repeated(config.guidance.groups), settings)
            losses |= {name: config.guidance.weight * value for name, value in extra.items()}
    return losses


def _part(head: Prediction, queries: slice) -> Prediction:
    return Prediction(head.classes[:, queries], head.masks[:, queries])


def pixel_loss(
    scores: Float[Tensor, "crop class rows4 cols4"], labels: Int[Tensor, "crop side side"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy over the pixels that count; 0 where none does."""
    enlarged = F.interpolate(scores.float(), labels.shape[1:], mode="bilinear", align_corners=False)
    total = F.cross_entropy(enlarged, labels, ignore_index=IGNORE, reduction="sum")
    return total / (labels != IGNORE).sum().clamp(min=1)
