"""The objective of `geoglot train words`: a segmenter learns what the votes say where they count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from geoglot.evaluation.metrics import confusion, ious, mean_and_each
from geoglot.geo import Window
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segclip.targets import IGNORE
from geoglot.models.segmenter import STRIDE, Segmenter
from geoglot.training.mask_objective import segclip_losses
from geoglot.training.matching import MaskLoss
from geoglot.training.objective import ParameterGroup, decay_groups
from geoglot.training.soft_losses import SoftLoss, soft_losses
from geoglot.training.words.soft_crops import SoftBatch, SoftCrops
from geoglot.training.words.votes import Cell

_MOST_HELD_OUT = 64  # cells that an evaluation looks at


class WordsObjective:
    """Trains a student; the weights that agree best with the votes about unseen ground are kept."""

    best = "agreement"

    def __init__(
        self, model: Segmenter, crops: SoftCrops, held_out: Sequence[int], loss: SoftLoss, bfloat16: bool = False
    ) -> None:
        self.model, self.crops, self.loss, self.bfloat16 = model, crops, loss, bfloat16
        self._held_out = list(held_out)[:_MOST_HELD_OUT]
        self.batch = (crops.sampling.batch, "crops")

    def groups(self, weight_decay: float) -> list[ParameterGroup]:
        return decay_groups(self.model.parameters(), weight_decay)

    def batches(self, first_step: int, stop: int) -> Iterator[SoftBatch]:
        return self.crops.batches(first_step, stop)

    def backward(self, batch: SoftBatch) -> Mapping[str, float]:
        place = self.model.device
        pixels, shares, counts = (part.to(place) for part in (batch.pixels, batch.shares, batch.counts))
        self.model.train()
        losses = self._losses(self.model.prepare(pixels), shares, counts)
        loss = torch.stack(list(losses.values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return {"loss": float(loss.detach()), **{name: float(value.detach()) for name, value in losses.items()}}

    def _losses(self, pixels: Tensor, shares: Tensor, counts: Tensor) -> dict[str, Tensor]:
        """Of masks too where the student is a SegCLIP, which predicts masks."""
        network = self.model.network
        losses: Mapping[str, Tensor] = {}
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.bfloat16):
            if isinstance(network, SegClip):
                labels = torch.where(counts, shares.argmax(1), IGNORE)
                whole = labels.repeat_interleave(STRIDE, 1).repeat_interleave(STRIDE, 2)
                losses, prediction = segclip_losses(network, pixels, whole, MaskLoss())
                logits = prediction.scores()
            else:
                logits = network.scores(pixels)  # type: ignore[operator]
        return dict(losses) | soft_losses(logits, shares, counts, self.loss)

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """mIoU with the votes that count, in the middle of the cells that training does not see."""
        names, side = [entry.name for entry in self.crops.surest.classes], self.crops.sampling.side
        matrix = np.zeros((len(names), len(names) + 1), np.int64)
        model.eval()
        for index in self._held_out:
            scene, window = self.crops.cells[index]
            row, col = window.row + (window.height - side) // 2, window.col + (window.width - side) // 2
            pixels, known = self.crops.look(Cell(scene, Window(row, col, side, side)))
            guess = model(torch.from_numpy(pixels)[None].to(self.model.device)).argmax(1)[0].cpu().numpy()
            truth = np.where(known[-1] > 0, known[:-1].argmax(0), -1)
            matrix += confusion(truth, guess, len(names))
        each = ious(matrix)
        figures = {"agreement": mean_and_each(each)[0]}
        figures |= {f"agreement/{name}": value for name, value in zip(names, each, strict=True)}
        return {name: float(value) for name, value in figures.items() if not np.isnan(value)}
