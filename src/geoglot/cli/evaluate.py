"""geoglot evaluate: how good a model is, by a published protocol."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.planner import PlannerFlags, open_planner
from geoglot.cli.progress import progress
from geoglot.options import EvaluateOptions, ProbeOptions, RefineOptions, Task

_HELP = """Measure a model at {task} on DATASET, with 95 % intervals.

DATASET is a name of `geoglot datasets list`. Nothing is downloaded: a message says what is missing and where to get
it. A model that `geoglot train segment` made is measured on whole images, put together from windows; on the tiles of
`geoglot datasets tile` (DATASET folder) it is measured tile by tile.

Example: geoglot evaluate {example}
"""
_EXAMPLES: dict[Task, str] = {
    "classification": "classification eurosat --data EuroSAT --protocol graft --model graft-sentinel2-image",
    "retrieval": "retrieval eurosat --data EuroSAT --protocol graft --model graft-sentinel2-image",
    "segmentation": "segmentation naip-osm --data NAIP-OSM --model graft-naip-pixel",
    "vqa": "vqa rsvqa-hr --data RSVQA-HR --model graft-naip-pixel --planner llm --refine sam --sam sam-vit-base",
}
_dataset = shared.stacked(
    click.argument("dataset"),
    click.option("--data", required=True, type=shared.PATH, help="Folder of the data set, as published."),
    click.option("--protocol", default="default", show_default=True, help="a, b, c, graft or default: docs/graft.md."),
)


@click.group()
def command() -> None:
    """Measure a model on a data set by a published protocol, or many models on many sets.

    Example: geoglot evaluate classification eurosat --data EuroSAT --protocol graft --model graft-sentinel2-image
    """


def _measure(task: Task) -> click.Command:
    """The command of a task."""

    @click.command(task, help=_HELP.format(task=task, example=_EXAMPLES[task]))
    @_dataset
    @flags(EvaluateOptions, "options")
    @flags(RefineOptions, "refine")
    @flags(PlannerFlags, "planner")
    @click.option("--submit", type=shared.PATH, help="Write the archive for the test server (.zip), without figures.")
    @click.option("--grid", type=shared.PATH, help="Draw some images, their truth and a segmenter's maps (.png).")
    @shared.run
    def measure(
        dataset: str,
        data: Path,
        protocol: str,
        submit: Path | None,
        grid: Path | None,
        model: str,
        device: str | None,
        overwrite: bool,
        as_json: bool,
        *,
        options: EvaluateOptions,
        refine: RefineOptions,
        planner: PlannerFlags,
    ) -> None:
        from geoglot.evaluation.evaluate import draw_answers, evaluate
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
            if grid is not None:
                draw_answers(task, dataset, data, grid, model=model, options=options)
            card = evaluate(
                task, dataset, data, model=model, protocol=protocol, options=options,
                refiner=refiner_of(refine, device), planner=open_planner(planner, device, advance), progress=advance,
            )  # fmt: skip
        shared.emit(card.to_json(), as_json, card.table())

    return measure


for _task in get_args(Task):
    command.add_command(_measure(_task))


@command.command()
@_dataset
@flags(ProbeOptions, "options")
@shared.stacked(shared.model, shared.device, shared.long)
def probe(
    dataset: str,
    data: Path,
    protocol: str,
    model: str,
    device: str | None,
    as_json: bool,
    *,
    options: ProbeOptions,
) -> None:
    """Measure what the image vectors of a frozen model hold: linear probe, kNN, few labelled images of each class.

    DATASET has a class for each image. A set without a split for training is halved, class by class.

    Example: geoglot evaluate probe eurosat --data EuroSAT --model graft-sentinel2-image --shots 1,4,16
    """
    from geoglot.evaluation.probe import probe as probe_model

    with progress() as advance:
        card = probe_model(
            dataset, data, model=model, protocol=protocol, options=replace(options, device=device), progress=advance
        )
    shared.emit(card.to_json(), as_json, card.table())


@command.command()
@click.argument("recipe", type=shared.PATH)
@shared.device
@shared.long
def scorecard(recipe: Path, device: str | None, as_json: bool) -> None:
    """Measure many models on many data sets, and write the table as Markdown, LaTeX and a picture.

    RECIPE is a TOML file with models and sets: docs/evaluating.md. The same command measures only what is missing.
    Exit code 3: some figures could not be measured; they are named, and the others are in the table.

    Example: geoglot evaluate scorecard scorecard.toml
    """
    from geoglot.evaluation.many import evaluate_many

    with progress() as advance:
        scores = evaluate_many(recipe, device, advance)
    rows = [("model", *scores.columns), *map(tuple, scores.rows())]
    told = [f"failed  {failure}" for failure in scores.failures]
    shared.emit(scores.to_json(), as_json, "\n".join([*shared.table(rows), "", f"tables  {scores.output}", *told]))
    if scores.failures:
        shared.exit_partly(f"{len(told)} of {len(scores.models) * len(scores.columns)} figures could not be measured")
