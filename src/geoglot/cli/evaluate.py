"""geoglot evaluate: how good a model is, by a published protocol."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.options import EvaluateOptions, RefineOptions, Task


@click.command()
@click.argument("task", type=click.Choice(get_args(Task)))
@click.argument("dataset")
@click.option("--data", required=True, type=shared.PATH, help="Folder of the data set, as published.")
@click.option("--protocol", default="default", show_default=True, help="a, b, c, graft or default: docs/graft.md.")
@flags(EvaluateOptions, "options")
@flags(RefineOptions, "refine")
@click.option("--submit", type=shared.PATH, help="Write the archive for the test server (.zip), without figures.")
@shared.run
def command(
    task: Task,
    dataset: str,
    data: Path,
    protocol: str,
    submit: Path | None,
    model: str,
    device: str | None,
    overwrite: bool,
    as_json: bool,
    *,
    options: EvaluateOptions,
    refine: RefineOptions,
) -> None:
    """Measure a model at TASK on DATASET, with 95 % intervals.

    DATASET is a name of `geoglot datasets list`. Nothing is downloaded: a message says what is missing and where to
    get it. A model that `geoglot train segment` made is measured on whole images, put together from windows; on the
    tiles of `geoglot datasets tile` (DATASET folder) it is measured tile by tile.

    Example: geoglot evaluate classification eurosat --data EuroSAT --protocol graft --model graft-sentinel2-image
    """
    from geoglot.evaluation.evaluate import evaluate
    from geoglot.evaluation.submit import write_submission
    from geoglot.tasks.refine.load import refiner_of

    options = replace(options, device=device)
    with progress() as advance:
        if submit is not None:
            made = write_submission(
                dataset, data, submit, model=model, options=options, overwrite=overwrite, progress=advance
            )
            shared.emit(made.to_json(), as_json, f"{made.path}: {made.images} maps, as the server wants them")
            return
        refiner = refiner_of(refine, device)
        card = evaluate(
            task, dataset, data, model=model, protocol=protocol, options=options, refiner=refiner, progress=advance
        )
    shared.emit(card.to_json(), as_json, card.table())
