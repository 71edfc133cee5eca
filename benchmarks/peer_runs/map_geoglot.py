"""Map a raster by geoglot: python map_geoglot.py SCENE FOLDER MAP."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from told import tell

from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.tasks.segment.map_files import Outputs
from geoglot.tasks.segment.map_run import segment_with

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from stubs import COLOURS, ColourScorer


class Traced(ColourScorer):
    """Any network that was traced, in place of the colours."""

    def __init__(self, path: Path) -> None:
        super().__init__(tuple(COLOURS)[:7], patch=4)
        self.network = torch.jit.load(str(path))

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network(pixels)


scene, folder, output = sys.argv[1:]
network = Traced(Path(folder) / "quarter.pt")
began = time.perf_counter()
options = SegmentOptions(overlay=False)
outputs, read = Outputs.of(Path(output), None, options), ReadOptions(tile=512, overlap=64, batch=4)
segment_with(network, Legend(network.labels), scene, outputs, read=read, options=options, overwrite=True)
tell(began, "geoglot", "torch")
