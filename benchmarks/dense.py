"""Dense segmentation against the sliding loop of training-free methods: passes, time, agreement.

    python benchmarks/dense.py [--json]

The loop is that of SegEarth-OV and similar methods: crops of 224 px every 112 px, scores upsampled and averaged crop by
crop. geoglot runs `segment` with its defaults: windows of twice the trained size, blended on the patch lattice. Both
are compared with two references: the same loop at a stride of 56 px, where every pixel is the mean of 16 views, which
favours the loop; and the whole scene in one piece at 16 shifts of 4 px, without windows, which favours large windows. A
pass is 224 x 224 pixels through the encoder. The scene is the bundled one, mirrored to 1648 px; the model is mini.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import rasterio
import torch
import torch.nn.functional as F

from geoglot.cli.demo import CLASSES
from geoglot.demo import SCENE
from geoglot.models.zoo import load_word_model
from geoglot.options import TEMPLATES, SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.scene.class_words import parse_classes
from geoglot.scene.word_scores import WordScores
from geoglot.sources.raster import open_raster
from geoglot.tasks.segment.map_files import Outputs
from geoglot.tasks.segment.map_run import segment_with

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from worlds import write_scene

CROP = 224
REPEATS = 2
SIDE = 1648


class CountingScorer(WordScores):
    """A scorer that counts the pixels the encoder reads."""

    pixels = 0

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """The scores of the scorer inside."""
        self.pixels += pixels.shape[0] * pixels.shape[2] * pixels.shape[3]
        return super().__call__(pixels)


def mirrored() -> np.ndarray:
    """The demo scene and its mirror images, uint8 (3, 1648, 1648)."""
    with open_raster(SCENE) as raster:
        pixels = (raster.read(raster.grid.whole).pixels * 255).round().astype(np.uint8)
    room = SIDE - pixels.shape[1]
    return np.pad(pixels, ((0, 0), (0, room), (0, room)), mode="symmetric")


def sliding(scorer: CountingScorer, pixels: np.ndarray, stride: int) -> np.ndarray:
    """Class ids by crops of 224 px every `stride` px, one at a time, averaged with equal weights."""
    image = torch.from_numpy(pixels).float() / 255
    rows, cols = image.shape[1:]
    total, count = torch.zeros(scorer.channels, rows, cols), torch.zeros(rows, cols)
    for top in [*range(0, rows - CROP, stride), rows - CROP]:
        for left in [*range(0, cols - CROP, stride), cols - CROP]:
            part = np.s_[..., top : top + CROP, left : left + CROP]
            total[part] += F.interpolate(scorer(image[part][None]), size=(CROP, CROP), mode="bilinear")[0]
            count[part] += 1
    classes: np.ndarray = (total / count).argmax(0).numpy() + 1
    return classes


def untiled(scorer: CountingScorer, pixels: np.ndarray) -> np.ndarray:
    """Class ids from the whole scene at once, averaged over 16 shifts within a patch."""
    image, patch = torch.from_numpy(pixels).float()[None] / 255, scorer.card.patch_size
    rows, cols = image.shape[2:]
    total = torch.zeros(scorer.channels, rows, cols)
    for down in range(0, patch, 4):
        for right in range(0, patch, 4):
            padded = F.pad(image, (right, patch - right, down, patch - down), mode="reflect")
            large = F.interpolate(scorer(padded), scale_factor=patch, mode="bilinear")[0]
            total += large[:, down : down + rows, right : right + cols]
    classes: np.ndarray = total.argmax(0).numpy() + 1
    return classes


def ours(scorer: CountingScorer, scene: Path) -> np.ndarray:
    """Class ids by `segment`, including its files."""
    options = SegmentOptions(overlay=False)
    outputs = Outputs.of(scene.with_name("map.tif"), None, options)
    segment_with(scorer, Legend(tuple(CLASSES)), scene, outputs, options=options)
    with rasterio.open(outputs.classes) as dataset:
        classes: np.ndarray = dataset.read(1)
    return classes


def measure(scorer: CountingScorer, run: Callable[[], np.ndarray], references: dict[str, np.ndarray]) -> dict[str, Any]:
    """Passes, best time of a few repeats, and the proportion of pixels that agree with each reference."""
    seconds = []
    for _ in range(REPEATS):
        scorer.pixels, began = 0, time.perf_counter()
        classes = run()
        seconds.append(time.perf_counter() - began)
    passes = scorer.pixels / CROP**2
    agreement = {name: round(float((classes == truth).mean()), 4) for name, truth in references.items()}
    return {"passes": round(passes, 1), "seconds": round(min(seconds), 2), "agreement": agreement}


@click.command()
@click.option("--json", "as_json", is_flag=True)
def main(as_json: bool) -> None:
    """Print passes, seconds and agreement of the loop and of geoglot."""
    scorer = CountingScorer(load_word_model("mini", device="cpu"), parse_classes(CLASSES), (), TEMPLATES)
    pixels = mirrored()
    with tempfile.TemporaryDirectory() as folder:
        scene = write_scene(Path(folder) / "scene.tif", pixels)
        references = {"loop at 56": sliding(scorer, pixels, 56), "untiled": untiled(scorer, pixels)}
        rows = {
            "loop 224/112": measure(scorer, lambda: sliding(scorer, pixels, 112), references),
            "geoglot": measure(scorer, lambda: ours(scorer, scene), references),
        }
    loop, own = rows.values()
    ratios = {"passes": round(loop["passes"] / own["passes"], 2), "time": round(loop["seconds"] / own["seconds"], 2)}
    if as_json:
        click.echo(json.dumps({"rows": rows, "ratios": ratios}))
        return
    for name, row in rows.items():
        agreement = ", ".join(f"{share:.1%} with {other}" for other, share in row["agreement"].items())
        facts = f"{row['passes']:6.1f} passes  {row['seconds']:6.2f} s  agrees {agreement}"
        click.echo(f"{name:<13} {facts}")
    click.echo(f"geoglot needs {ratios['passes']} times fewer passes and {ratios['time']} times less time")


if __name__ == "__main__":
    main()
