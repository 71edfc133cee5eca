"""A student as an ONNX graph of 8 bits, to be scored as any dense model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor

from geoglot.models.segmenter import Segmenter
from geoglot.scene.dense import ClassDense
from geoglot.silence import ignore_library_warnings
from geoglot.tasks.export import export_model
from geoglot.tasks.quantise import read_tiles, write_static


class EightBits(ClassDense):
    """The static graph, calibrated by tiles of scenes."""

    def __init__(self, student: Segmenter, scenes: Sequence[Path]) -> None:
        super().__init__(student)
        with tempfile.TemporaryDirectory() as folder, ignore_library_warnings(modules=".*"):
            plain, small = Path(folder, "plain.onnx"), Path(folder, "small.onnx")
            export_model(student, plain)
            write_static(plain, small, read_tiles(scenes, student.card, student.card.tile_size))
            self._session = onnxruntime.InferenceSession(small.read_bytes(), providers=["CPUExecutionProvider"])

    def __call__(self, pixels: Tensor) -> Tensor:
        return torch.from_numpy(self._session.run(None, {"pixels": pixels.numpy()})[0])
