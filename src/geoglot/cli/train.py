"""geoglot train: fit models as recipes say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from geoglot.cli import shared
from geoglot.cli.run_training import run_training
from geoglot.cli.train_init import init
from geoglot.cli.train_words import words

_recipe = shared.stacked(click.argument("recipe", type=shared.PATH), shared.device, shared.long)


@click.group()
def command() -> None:
    """Fit models as recipes say. The same command resumes a run that was interrupted."""


@command.command()
@_recipe
def align(recipe: Path, device: str | None, as_json: bool) -> None:
    """Train a GRAFT satellite encoder on geotagged photos, without any text.

    RECIPE is a TOML file; see recipes/graft. Under torchrun each process takes its part of every batch.

    Example: geoglot train align recipes/graft/naip-image.toml
    """
    from geoglot.training.train_align import train_align

    run_training(train_align, recipe, device, as_json, lambda figures: f"{figures['tiles_per_second']:.0f} tiles/s")


@command.command()
@_recipe
def segment(recipe: Path, device: str | None, as_json: bool) -> None:
    """Train SegCLIP, or a baseline, on images in which every pixel has a class.

    RECIPE is a TOML file; see recipes/segclip. Under torchrun each process takes its part of every batch. The result
    maps rasters: geoglot segment scene.tif --model OUTPUT/model -o map.tif

    Example: geoglot train segment recipes/segclip/loveda.toml
    """
    from geoglot.training.train_segment import train_segment

    def describe(figures: Mapping[str, float]) -> str:
        miou = f", mIoU {figures['miou']:.3f}" if "miou" in figures else ""
        return f"{figures['crops_per_second']:.1f} crops/s{miou}"

    run_training(train_segment, recipe, device, as_json, describe)


@command.command()
@_recipe
def classify(recipe: Path, device: str | None, as_json: bool) -> None:
    """Fine-tune the image tower of a CLIP or a GRAFT on images with one class each.

    RECIPE is a TOML file; see recipes/classify/eurosat.toml. The result reads words as before.

    Example: geoglot train classify recipes/classify/eurosat.toml
    """
    from geoglot.training.train_classify import train_classify

    def describe(figures: Mapping[str, float]) -> str:
        accuracy = f", top-1 {figures['top1']:.3f}" if "top1" in figures else ""
        return f"{figures['images_per_second']:.1f} images/s{accuracy}"

    run_training(train_classify, recipe, device, as_json, describe)


command.add_command(init)
command.add_command(words)
