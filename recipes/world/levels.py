"""Which embeddings of a GRAFT to use at which level, measured on the made-up country.

    python recipes/world/levels.py FOLDER      # of small_graft.py, after a run with --level image and one without

The patches of a tower of image level are read by its own head, which was not trained, and by each read-out of CLIP. An
image is told by the class token of a tower of pixel level, which was not trained, by the mean and by the best patch.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch
from prove import TEMPLATE, Size, Unseen, score, shares, unseen
from rich.console import Console
from rich.table import Table
from small_graft import SEED
from world import CLASSES, World

from geoglot.evaluation.metrics import Ranking, class_accuracies
from geoglot.models.graft import Graft
from geoglot.models.readout import READOUTS
from geoglot.models.zoo import load_word_model


def read_patches(model: Graft, test: Unseen) -> dict[str, float]:
    """mIoU of the patches of a tower of image level, by each way to read them."""
    own, found = model.card, {}
    model.card = replace(own, level="both")  # its head is used as it is
    found["its own head, not trained"] = score(model, test, True)["segmentation"]
    model.card = own
    for name, readout in READOUTS.items():
        model._read_patches = readout  # the card names one; here all are compared
        found[name] = score(model, test, True)["segmentation"]
    return found


@torch.inference_mode()
def tell_images(model: Graft, test: Unseen) -> dict[str, tuple[float, float]]:
    """Top-1 of scenes and mAP of retrieval of a tower of pixel level, by each way to tell an image."""
    texts = model.encode_text([TEMPLATE.format(name) for name in CLASSES])
    both = [model.encode_both(part) for part in test.pixels.split(64)]
    tokens, patches = (torch.cat(each) for each in zip(*both, strict=True))
    scores = torch.einsum("tdrc,kd->tkrc", patches, texts)
    mean = torch.cat([model.encode_image(part) for part in test.pixels.split(64)]) @ texts.T
    ways = {"class token, not trained": tokens @ texts.T, "mean of patches": mean, "best patch": scores.amax((2, 3))}
    share = shares(test.truth)
    once, pure, kind = np.ones(len(share), np.int64), share.max(1) >= 0.8, share.argmax(1)
    found = {}
    for name, each in ways.items():
        right = each.argmax(1).numpy() == kind
        top = class_accuracies(right[pure], kind[pure], len(CLASSES), once[pure])
        precisions = Ranking.of(each.numpy(), share > 0.02, len(share)).average_precisions(len(share), once)
        found[name] = float(np.nanmean(top)), float(np.nanmean(precisions))
    return found


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Print both tables."""
    size = Size()
    test = unseen(World(SEED, size.side_m), size.test_tiles, np.random.default_rng(1))
    image, pixel = (load_word_model(folder / f"run-{level}" / "model", device="cpu") for level in ("image", "pixel"))
    assert isinstance(image, Graft) and isinstance(pixel, Graft)
    table = Table("patches of the image-level tower", "segmentation mIoU")
    for name, miou in read_patches(image, test).items():
        table.add_row(name, f"{miou:.3f}")
    other = Table("an image by the pixel-level tower", "scenes top-1", "retrieval mAP")
    for name, (top, precision) in tell_images(pixel, test).items():
        other.add_row(name, f"{top:.3f}", f"{precision:.3f}")
    Console(width=100).print(table, other)


if __name__ == "__main__":
    command()
