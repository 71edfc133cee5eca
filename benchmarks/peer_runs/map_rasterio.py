"""Map a raster by a plain loop over windows, without overlap: python map_rasterio.py SCENE FOLDER MAP."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import rasterio
import torch
from rasterio.windows import Window
from told import tell

SIDE = 512
scene, folder, output = sys.argv[1:]
network = torch.jit.load(str(Path(folder) / "whole.pt"))
began = time.perf_counter()
with rasterio.open(scene) as source, torch.inference_mode():
    profile = source.profile | {"count": 1, "dtype": "uint8", "nodata": 0, "compress": "zstd"}
    with rasterio.open(output, "w", **profile) as made:
        for row in range(0, source.height, SIDE):
            for col in range(0, source.width, SIDE):
                window = Window(col, row, SIDE, SIDE)
                pixels = torch.from_numpy(source.read((1, 2, 3), window=window)).float() / 255
                made.write((network(pixels[None]).argmax(1) + 1).to(torch.uint8).numpy(), window=window)
tell(began, "rasterio", "torch")
