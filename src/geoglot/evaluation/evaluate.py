"""Evaluate a model on a data set by a protocol."""

from dataclasses import replace
from pathlib import Path

from geoglot.aliases import PathLike, Progress
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Asked, DataSet, Mapped, Samples, spread
from geoglot.errors import InputError, SourceError
from geoglot.evaluation.grid import draw_grid
from geoglot.evaluation.protocols import Protocol, protocol_of
from geoglot.evaluation.scorecard import Run, Scorecard
from geoglot.evaluation.segmentation import measure_segmenter
from geoglot.evaluation.vqa import measure_answers
from geoglot.evaluation.zero_shot import measure_zero_shot
from geoglot.models.segmenter import Segmenter
from geoglot.models.zoo import Model, load_model
from geoglot.options import EvaluateOptions, Task
from geoglot.scene.dense import reads_words
from geoglot.tasks.ask.plan import Planner
from geoglot.tasks.refine.load import choose_refiner
from geoglot.tasks.refine.refiner import Refiner


def evaluate(
    task: Task,
    dataset: str,
    data: PathLike,
    *,
    model: Model | PathLike = "mini",
    protocol: str = "default",
    options: EvaluateOptions | None = None,
    refiner: Refiner | str | None = None,
    planner: Planner | None = None,
    progress: Progress | None = None,
) -> Scorecard:
    """Measure a model on a data set, whose published files are in the folder `data`.

    `refiner` moves the borders of maps, and of the objects that questions are answered by; `planner` reads questions,
    and None is the rules. Before the model is loaded, InputError for a task or option that does not fit the data set,
    and SourceError for missing files.
    """
    options, rules, published = options or EvaluateOptions(), protocol_of(protocol), dataset_of(dataset)
    refiner = choose_refiner(refiner)
    split = options.split or rules.splits.get(published.name) or next(iter(published.splits))
    _check(task, published, split, rules, options, refiner)
    if planner is not None and task != "vqa":
        raise InputError(f"a planner reads questions, so it is for vqa, not for {task}")
    if not Path(data).is_dir():
        raise SourceError(f"there is no folder {data}; put {published.title} there, from {published.page}")
    whole = published.read(Path(data), split)
    samples = spread(whole, options.limit)
    model = load_model(model, device=options.device)
    run = Run(
        task, replace(published, resolution=published.resolution_of(Path(data))), split, options, refiner, progress,
        planner,
    )  # fmt: skip
    if isinstance(samples, Asked):
        measured = measure_answers(run, samples, model)
    elif reads_words(model):
        measured = measure_zero_shot(run, samples, model, rules)
    else:
        measured = measure_segmenter(run, samples, model)
    notes = (*_notes(published, split, len(whole), samples), *measured.notes)
    return Scorecard(task, published.name, model.card.name, measured.facts, len(samples), measured.metrics, notes)


def draw_answers(
    task: Task, dataset: str, data: PathLike, output: PathLike, *, model: Model | PathLike, options: EvaluateOptions
) -> None:
    """Draw some images of a split with their truth and a segmenter's map, as a PNG."""
    published = dataset_of(dataset)
    split = options.split or next(iter(published.splits))
    published.check(task, split)
    samples, seer = published.read(Path(data), split), load_model(model, device=options.device)
    if not (isinstance(samples, Mapped) and isinstance(seer, Segmenter)):
        raise InputError("--grid draws the maps of a segmenter, which geoglot train segment makes; leave it out")
    draw_grid(samples, {seer.card.name: seer}, Path(output))


def _check(
    task: Task, dataset: DataSet, split: str, protocol: Protocol, options: EvaluateOptions, refiner: Refiner | None
) -> None:
    dataset.check(task, split)
    protocol.prompts(options.ensemble)
    if task != "classification" and (options.calibrate or options.transductive):
        raise InputError(f"calibration and transduction are for classification, not for {task}")
    if task != "segmentation" and (options.flips != "none" or options.scales != (1.0,)):
        raise InputError(f"flips and scales are for segmentation, not for {task}")
    if task not in ("segmentation", "vqa") and refiner is not None:
        raise InputError(
            f"--refine moves borders of maps and objects, so it is for segmentation and vqa, not for {task}"
        )


def _notes(dataset: DataSet, split: str, here: int, samples: Samples) -> tuple[str, ...]:
    """Notes on samples; `here` is their number before the limit."""
    published, used = dataset.splits.get(split), len(samples)
    notes = list(samples.notes) if isinstance(samples, Mapped) else []
    if published is not None and here != published:
        images = "1 image is" if here == 1 else f"{here:,} images are"
        notes.append(f"{images} here, {published:,} are published: the scores do not compare with others")
    if used < here:
        notes.append(f"{used:,} of {here:,} images {'was' if used == 1 else 'were'} measured")
    return tuple(notes)
