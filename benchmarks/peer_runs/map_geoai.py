"""Map a raster by geoai's predict_geotiff with its own tiles and overlap: python map_geoai.py SCENE FOLDER MAP."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from geoai.inference import predict_geotiff
from told import tell

scene, folder, output = sys.argv[1:]
network = torch.jit.load(str(Path(folder) / "whole.pt"))
began = time.perf_counter()
predict_geotiff(
    network, scene, output, num_classes=7, device="cpu", output_dtype="uint8", output_nodata=0, verbose=False,
    postprocess_fn=lambda scores: scores.argmax(0) + 1,
)  # fmt: skip
tell(began, "geoai-py", "torch")
