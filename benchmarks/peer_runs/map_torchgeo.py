"""Map a raster by torchgeo's grid sampler and a loader, without overlap: python map_torchgeo.py SCENE FOLDER MAP.

torchgeo has no writer of its own: each chip goes to its place in the map, as users write it around the sampler.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import rasterio
import torch
from rasterio.windows import from_bounds
from told import tell
from torch.utils.data import DataLoader
from torchgeo.datasets import RasterDataset, stack_samples
from torchgeo.samplers import GridGeoSampler

scene, folder, output = sys.argv[1:]
network = torch.jit.load(str(Path(folder) / "whole.pt"))
began = time.perf_counter()
dataset = RasterDataset(scene)
sampler = GridGeoSampler(dataset, size=512)
with rasterio.open(scene) as source:
    profile = source.profile | {"count": 1, "dtype": "uint8", "nodata": 0, "compress": "zstd"}
    transform = source.transform
with rasterio.open(output, "w", **profile) as made, torch.inference_mode():
    for batch, places in zip(
        DataLoader(dataset, batch_size=4, sampler=sampler, collate_fn=stack_samples),
        DataLoader(list(sampler), batch_size=4, collate_fn=list),
        strict=True,
    ):
        classes = (network(batch["image"] / 255).argmax(1) + 1).to(torch.uint8).numpy()
        for chip, (x, y, *_) in zip(classes, places, strict=True):
            window = from_bounds(x.start, y.start, x.stop, y.stop, transform).round()
            made.write(chip, 1, window=window)
tell(began, "torchgeo", "torch")
