"""geoglot train words: words and unlabelled scenes become a segmenter."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.run_training import run_training
from geoglot.errors import InputError
from geoglot.options import ReadOptions, WordsOptions


@click.command("words")
@click.argument("scenes", nargs=-1, required=True)
@click.option("--classes", help=shared.CLASSES_HELP)
@click.option("-o", "--output", type=shared.PATH, help="Folder of the run; its recipe is written beside it.")
@flags(WordsOptions, "chosen")
@flags(ReadOptions, "read", "tile", "overlap", "batch")
@shared.device
@shared.long
def words(
    scenes: tuple[str, ...],
    classes: str | None,
    output: Path | None,
    device: str | None,
    as_json: bool,
    *,
    chosen: WordsOptions,
    read: ReadOptions,
) -> None:
    """Train a small segmenter from words: no annotation, any SCENES: files, folders and patterns.

    A teacher that reads words maps the scenes; a student learns from what the teacher is surest of. The recipe is
    written as OUTPUT.toml and may be edited: geoglot train words OUTPUT.toml. The same command goes on with a run that
    was stopped; OUTPUT/model maps meanwhile with the best weights so far.

    Example: geoglot train words scene.tif --classes "road, building, trees, grass" -o runs/town
    """
    from geoglot.sources.listing import find_images
    from geoglot.training.words.train_words import train_words
    from geoglot.training.words.words_recipe import recipe_beside

    if len(scenes) == 1 and scenes[0].endswith(".toml"):
        if classes or output:
            raise InputError("a recipe says classes and output itself; edit it, and leave --classes and -o out")
        opened: AbstractContextManager[Path] = nullcontext(Path(scenes[0]))
    else:
        if classes is None or output is None:
            raise InputError('give classes and an output: --classes "road, building" -o runs/town')
        opened = recipe_beside(output, tuple(find_images(scenes)), classes, chosen, read)

    def describe(figures: Mapping[str, float]) -> str:
        agreement = f", agreement {figures['agreement']:.3f}" if "agreement" in figures else ""
        return f"{figures['crops_per_second']:.1f} crops/s{agreement}"

    with opened as recipe:
        run_training(train_words, recipe, device, as_json, describe)
