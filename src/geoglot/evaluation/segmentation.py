"""Score segmentation: the class of every pixel of a set, by the same dense models as in `geoglot segment`."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Integer

from geoglot.aliases import Progress
from geoglot.datasets.classes import find_background
from geoglot.datasets.dataset import Mapped, Samples
from geoglot.datasets.image_files import grid_of, open_native
from geoglot.errors import InputError, SourceError
from geoglot.evaluation.metrics import Estimate, bootstrap, confusion, f1s, ious, mean_and_each, overall_accuracy
from geoglot.evaluation.scorecard import Measured, Run
from geoglot.geo import Window
from geoglot.models.segmenter import Segmenter
from geoglot.scene.averaged import average
from geoglot.scene.class_words import ClassWords
from geoglot.scene.classmap import CONFIDENCE_STEPS, OTHER, Rule, Upsampler
from geoglot.scene.dense import ClassDense, Dense
from geoglot.scene.stream import see
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster
from geoglot.tasks.refine.map_refiner import MapRefiner
from geoglot.tasks.refine.refiner import Refiner


def measure_segmenter(run: Run, samples: Samples, model: Segmenter) -> Measured:
    """Metrics over whole images, which are read in windows."""
    if not isinstance(samples, Mapped):
        raise InputError(f"{model.card.name} has classes of its own, so it can only be measured at segmentation")
    names = [words.name for words in samples.classes]
    dense = average(segmenter_for(model, tuple(names)), run.options.flips, run.options.scales)
    matrices = confusions(dense, samples, run.options.batch, run.progress, refiner=run.refiner)
    facts = {
        "name": "supervised", "split": run.split, "classes": names, "side": model.card.tile_size,
        "window_px": window_sides(dense.windows, samples), "flips": run.options.flips,
        "scales": list(run.options.scales), "refine": run.refine, "limit": run.options.limit,
        "trained_on": model.card.source,
    }  # fmt: skip
    return Measured(score_pixels(matrices, names), facts, describe_unanswered(matrices))


def segmenter_for(model: Segmenter, names: tuple[str, ...]) -> ClassDense:
    """The dense model of a segmenter; InputError if its classes are not those of the data set."""
    if set(names) != set(model.classes):
        raise InputError(
            f"{model.card.name} has the classes {', '.join(model.classes)}, the data set {', '.join(names)}; "
            "measure it on a set of its own classes"
        )
    return ClassDense(model, tuple(ClassWords(name, (name,)) for name in names))


def class_map(
    raster: Raster, dense: Dense, names: Sequence[str], batch: int, refiner: Refiner | None = None
) -> Integer[np.ndarray, "rows cols"]:
    """The class of each pixel, from 1 in the order of `names`, or no data; SourceError if a window fails.

    A refiner moves the borders of regions, as in `geoglot segment --refine`.
    """
    rule = Rule(tuple(names.index(label) + 1 for label in dense.labels))
    plan = dense.windows(raster.grid.shape).on(raster.grid)
    upsampler, strips = Upsampler(rule, plan.patch, plan.shape, inset=plan.inset), []
    rows = see(raster, dense, plan, batch=batch)
    for row in rows:
        if rows.failed:
            raise SourceError(f"{raster.uri}: {rows.failed[0].reason}; scores over a part of a set would be invalid")
        if strip := upsampler.feed(torch.from_numpy(row.values).softmax(0).numpy(), row.valid):
            strips.append(strip)
    classes = np.concatenate([strip.classes for strip in strips])
    if refiner is None:
        return classes
    confidence = np.concatenate([strip.confidence for strip in strips])

    def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
        return classes[window.slices].copy(), confidence[window.slices].copy()

    refining = MapRefiner(raster, refiner, plan.patch, frozenset({OTHER, rule.nodata}), CONFIDENCE_STEPS)
    return np.concatenate([rows for _, rows, _ in refining.rows(read)])


def coarsening(own: tuple[float, float] | None, understood: tuple[float, float]) -> float:
    """Ratio of the model's pixels to a set's pixels; 1 if the set's ground resolution varies or is unknown."""
    if own is None or own[0] != own[1]:
        return 1.0
    finest, coarsest = understood
    return min(max(own[0], finest), coarsest) / own[0]


def confusions(
    dense: Dense,
    samples: Mapped,
    batch: int,
    progress: Progress | None = None,
    coarser: float = 1.0,
    refiner: Refiner | None = None,
) -> Integer[np.ndarray, "image class answer"]:
    """A confusion matrix for each image. The model's labels must be the names of the classes.

    The model reads pixels that are `coarser` times as large; its answers are scored at the set's own pixels.
    """
    matrices, names = [], [words.name for words in samples.classes]
    for done, (image, read_mask) in enumerate(zip(samples.images, samples.masks, strict=True), 1):
        truth = read_mask()
        with open_native(image, coarser) as raster:
            if raster.native.shape != truth.shape:
                raise SourceError(
                    f"{image} has {raster.native.shape} px, its mask {truth.shape}; both must have the same size"
                )
            guess = _upsample(class_map(raster, dense, names, batch, refiner), truth.shape).astype(np.int64) - 1
        matrices.append(confusion(truth, guess, len(samples.classes)))
        if progress:
            progress("images", done, len(samples))
    return np.stack(matrices)


def window_sides(plan: Callable[[tuple[int, int]], WindowPlan], samples: Mapped, coarser: float = 1.0) -> list[int]:
    """Sides of the windows in `confusions`, in pixels; images smaller than a window have smaller ones."""
    sides = set()
    for shape in {grid_of(image).shape for image in samples.images}:
        rows, cols = (max(1, round(side / coarser)) for side in shape)
        sides.add(plan((rows, cols)).tile)
    return sorted(sides)


def _upsample(classes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Upsample to the nearest pixel, over the same extent."""
    rows, cols = (
        ((np.arange(side) + 0.5) * small / side).astype(int) for side, small in zip(shape, classes.shape, strict=True)
    )
    enlarged: np.ndarray = classes[rows[:, None], cols]
    return enlarged


def score_pixels(matrices: Integer[np.ndarray, "image class answer"], names: Sequence[str]) -> dict[str, Estimate]:
    """mIoU (also without the background, if there is one), mean F1, overall accuracy, and IoU of each class.

    The matrices are summed over all images.
    """

    def statistic(counts: np.ndarray) -> np.ndarray:
        whole = np.tensordot(counts, matrices, 1)
        objects = iou_without_background(whole, names)
        means = [mean_and_each(ious(whole))[0], objects, mean_and_each(f1s(whole))[0], overall_accuracy(whole)]
        return np.concatenate([means, ious(whole)])

    iou, objects, f1, accuracy, *each = bootstrap(statistic, len(matrices))
    by_class = {f"iou/{name}": estimate for name, estimate in zip(names, each, strict=True)}
    extra = {} if find_background(names) is None else {"miou_without_background": objects}
    return {"miou": iou, **extra, "mean_f1": f1, "overall_accuracy": accuracy, **by_class}


def describe_unanswered(matrices: Integer[np.ndarray, "image class answer"]) -> tuple[str, ...]:
    """A sentence on labelled pixels without an answer, if there are any."""
    without, labelled = int(matrices[:, :, -1].sum()), int(matrices.sum())
    if not without:
        return ()
    return (
        f"{without / labelled:.1%} of the labelled pixels count as wrong, because their image has no data there (a "
        "black rim, or transparent); mark them in the masks as pixels that do not count to leave them out",
    )


def iou_without_background(matrix: Integer[np.ndarray, "class answer"], names: Sequence[str]) -> float:
    """mIoU without the background, as iSAID's objects are scored; NaN for a set without a background."""
    background = find_background(names)
    if background is None:
        return float("nan")
    return float(mean_and_each(np.delete(ious(matrix), background))[0])
