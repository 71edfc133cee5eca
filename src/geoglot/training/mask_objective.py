"""The objective of `geoglot train segment`: SegCLIP by its masks, or a network that labels pixels one by one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from geoglot.aliases import Count
from geoglot.datasets.dataset import Mapped
from geoglot.evaluation.metrics import f1s, ious, mean_and_each, overall_accuracy
from geoglot.evaluation.segmentation import confusions, iou_without_background
from geoglot.models.segclip.guidance import guide
from geoglot.models.segclip.segclip import Prediction, SegClip
from geoglot.models.segclip.targets import find_present, make_targets
from geoglot.models.segmenter import Segmenter
from geoglot.models.upernet import count_pixels
from geoglot.scene.dense import ClassDense
from geoglot.training.chance import CHANCE, chance_miou
from geoglot.training.crops import CropBatch, CropLoader
from geoglot.training.mask_losses import Losses, guided_losses, loss_sizes, mask_losses
from geoglot.training.matching import MaskLoss
from geoglot.training.objective import ParameterGroup
from geoglot.training.processes import sum_over_processes
from geoglot.training.recompute import recomputed

_BACKBONE_LR_SCALE = 0.1  # Mask2Former
_BATCH = 4  # windows of a validation image at a time


@dataclass(frozen=True)
class Memory:
    """How a step fits into memory; it decides no loss, only what is held at once."""

    parts: Count = 1
    """Parts of a process's crops that are computed one after the other (gradient accumulation). Losses are divided as
    for all crops at once; the random points are others, and batch norms that learn see a part at a time."""
    recompute: bool = False
    """Keep the inputs of blocks alone, and compute the blocks again for the gradient (activation checkpointing)."""


class SegmentObjective:
    """Trains a segmenter; the weights with the highest mIoU are kept."""

    best = "miou"

    def __init__(
        self, model: Segmenter, train: CropLoader, validation: Mapped | None, loss: MaskLoss, *,
        bfloat16: bool = False, pretrained: bool = False, memory: Memory = Memory(),
    ) -> None:  # fmt: skip
        self.model, self.train, self.validation, self.loss = model, train, validation, loss
        self.bfloat16, self.pretrained, self.memory = bfloat16, pretrained, memory
        self.process = train.process
        self.batch = (train.sampling.batch, "crops")

    def groups(self, weight_decay: float) -> list[ParameterGroup]:
        """A pretrained backbone learns slowly; norms, biases and embeddings have no weight decay."""
        embeddings = {id(module.weight) for module in self.model.modules() if isinstance(module, nn.Embedding)}
        groups: dict[tuple[float, float], ParameterGroup] = {}
        for name, parameter in self.model.named_parameters():
            stored = self.pretrained and name.startswith("network.backbone.body.")  # the layers of a pyramid are new
            lr_scale = _BACKBONE_LR_SCALE if stored else 1.0
            decay = 0.0 if parameter.ndim <= 1 or id(parameter) in embeddings else weight_decay
            group = groups.setdefault((lr_scale, decay), {"params": [], "weight_decay": decay, "lr_scale": lr_scale})
            group["params"].append(parameter)
        return list(groups.values())

    def batches(self, first_step: int, stop: int) -> Iterator[CropBatch]:
        return self.train.batches(first_step, stop)

    def backward(self, batch: CropBatch) -> Mapping[str, float]:
        self.model.train()
        if self.pretrained:  # its batch norms keep their statistics, because batches here are small
            for module in self.model.network.get_submodule("backbone").modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        whole, totals = self._sizes(batch.labels), Counter[str]()
        for pixels, labels in self._parts(batch):
            own = self._sizes(labels)
            with recomputed(self.model.network, self.memory.recompute):
                losses = losses_of(self.model.network, self.model.prepare(pixels), labels, self.loss, self.bfloat16)
                parts = {name: value * (own[name] / whole[name]).to(value.device) for name, value in losses.items()}
                torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
            totals.update({name: float(value.detach()) for name, value in parts.items()})
        return {"loss": sum(totals.values()), **totals}

    def _parts(self, batch: CropBatch) -> Iterator[tuple[Tensor, Tensor]]:
        """Pixels and labels of each part of a batch, on the model's device."""
        for part in zip(batch.pixels.chunk(self.memory.parts), batch.labels.chunk(self.memory.parts), strict=True):
            yield part[0].to(self.model.device), part[1].to(self.model.device)

    def _sizes(self, labels: Int[Tensor, "crop side side"]) -> Losses:
        """What each loss of these crops is divided by."""
        network = self.model.network
        if not isinstance(network, SegClip):
            return {"pixels": count_pixels(labels).float()}
        config = network.config
        groups = config.guidance.groups if config.guidance.on else 0
        return loss_sizes(find_present(labels, len(config.classes)), config.queries, groups, self.loss)

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Metrics from the confusion matrix of the whole validation set; each process labels some of its images."""
        if self.validation is None:
            return {}
        assert isinstance(model, Segmenter)
        own = self.validation.take(range(self.process.rank, len(self.validation), self.process.world_size))
        names = [words.name for words in self.validation.classes]
        matrix = np.zeros((len(names), len(names) + 1), np.int64)
        if len(own):
            matrix += confusions(ClassDense(model.eval()), own, _BATCH).sum(0)
        return segmentation_metrics(sum_over_processes(torch.from_numpy(matrix)).numpy(), names)


def segmentation_metrics(matrix: Int[np.ndarray, "class answer"], names: list[str]) -> dict[str, float]:
    """mIoU and that of chance, mean F1, overall accuracy, and the IoU of each class that has a pixel."""
    means = {
        "miou": mean_and_each(ious(matrix))[0],
        "miou_without_background": iou_without_background(matrix, names),
        CHANCE: chance_miou(matrix),
        "mean_f1": mean_and_each(f1s(matrix))[0],
        "overall_accuracy": overall_accuracy(matrix),
    }
    by_class = {f"iou/{name}": value for name, value in zip(names, ious(matrix), strict=True)}
    return {name: float(value) for name, value in (means | by_class).items() if not np.isnan(value)}


def losses_of(
    network: nn.Module,
    pixels: Float[Tensor, "crop 3 side side"],
    labels: Int[Tensor, "crop side side"],
    settings: MaskLoss,
    bfloat16: bool = False,
) -> Losses:
    """Weighted losses to add up; `pixels` are normalised. Any network but SegCLIP computes its own `losses`."""
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=bfloat16):
        if isinstance(network, SegClip):
            return segclip_losses(network, pixels, labels, settings)[0]
        pixelwise: Any = network
        losses: Losses = pixelwise.losses(pixels, labels)
        return losses


def segclip_losses(
    network: SegClip,
    pixels: Float[Tensor, "crop 3 side side"],
    labels: Int[Tensor, "crop side side"],
    settings: MaskLoss,
) -> tuple[Losses, Prediction]:
    """Weighted losses of masks to add up, and the last prediction of the text queries."""
    config = network.config
    targets = make_targets(labels, len(config.classes))
    guided = guide(targets, config.guidance, config.queries, config.layers) if config.guidance.on else None
    predictions = network.predictions(pixels, guided)
    slots = guided.classes.shape[1] if guided is not None else 0
    with torch.autocast(pixels.device.type, enabled=False):
        own = _select(predictions, slice(slots, None))
        losses = dict(mask_losses(own, targets, settings))
        if guided is not None:
            extra = guided_losses(_select(predictions, slice(slots)), targets.repeat(config.guidance.groups), settings)
            losses |= {name: config.guidance.weight * value for name, value in extra.items()}
    return losses, own[-1]


def _select(predictions: list[Prediction], queries: slice) -> list[Prediction]:
    return [Prediction(prediction.classes[:, queries], prediction.masks[:, queries]) for prediction in predictions]
