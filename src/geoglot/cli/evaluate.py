"""geoglot evaluate: how good a model is, by a published protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from geoglot.cli import options
from geoglot.cli.refining import chosen_refiner, refining

TASKS = ("classification", "retrieval", "segmentation", "vqa")


@click.command()
@click.argument("task", type=click.Choice(TASKS))
@click.argument("dataset")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of the data set, as published.")
@click.option("--protocol", default="default", show_default=True, help="a, b, c, graft or default: docs/graft.md.")
@click.option("--split", help="Another split than the protocol's.")
@click.option("--ensemble", is_flag=True, help="Average the protocol's many sentences a class.")
@click.option("--calibrate", is_flag=True, help="Centre each class's scores over the set.")
@click.option("--transductive", is_flag=True, help="Name all images of the set at once, as RS-TransCLIP does.")
@options.flips
@options.scales
@refining
@click.option("--submit", type=click.Path(path_type=Path), help="Write the test server's archive (.zip), no figures.")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many images, spread evenly over the split.")
@options.model
@options.device
@options.batch
@options.overwrite
@options.as_json
@options.quiet
@options.verbose
def command(task: Any, dataset: str, data: Path, submit: Path | None, as_json: bool, **given: Any) -> None:
    """Measure a model at TASK on DATASET, with 95 % intervals.

    DATASET is a name of `geoglot datasets list`. Nothing is downloaded: what is missing is said, and where to get it.
    A model that `geoglot train segment` made is measured on whole images, put together from windows; on the tiles of
    `geoglot datasets tile` (DATASET folder) it is measured tile by tile.

    Example: geoglot evaluate classification eurosat --data EuroSAT --protocol graft --model graft-sentinel2-image
    """
    from geoglot.cli.reading import parse_scales
    from geoglot.evaluation.evaluate import EvaluateOptions, evaluate, write_submission

    given["scales"] = parse_scales(given["scales"])
    names = ("split", "ensemble", "calibrate", "transductive", "limit", "flips", "scales", "batch", "device")
    refiner, choice = chosen_refiner(given), EvaluateOptions(**{name: given[name] for name in names})
    with options.progress() as progress:
        if submit is not None:
            made = write_submission(
                dataset,
                data,
                submit,
                model=given["model"],
                options=choice,
                overwrite=given["overwrite"],
                progress=progress,
            )
            options.emit(made.to_json(), as_json, f"{made.path}: {made.images} maps, as the server wants them")
            return
        card = evaluate(
            task,
            dataset,
            data,
            model=given["model"],
            protocol=given["protocol"],
            options=choice,
            refiner=refiner,
            progress=progress,
        )
    options.emit(card.to_json(), as_json, card.table())
