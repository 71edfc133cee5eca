"""Measure a trained segmenter on its own classes."""

from __future__ import annotations

from geoglot.datasets.dataset import Mapped, Samples
from geoglot.errors import InputError
from geoglot.evaluation.scorecard import Measured, Run
from geoglot.evaluation.segmentation import confusions, score_pixels, window_sides
from geoglot.models.segmenter import Segmenter
from geoglot.scene.averaged import average
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import ClassDense


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
    return Measured(score_pixels(matrices, names), facts)


def segmenter_for(model: Segmenter, names: tuple[str, ...]) -> ClassDense:
    """The dense model of a segmenter; InputError if its classes are not those of the data set."""
    if set(names) != set(model.classes):
        raise InputError(
            f"{model.card.name} has the classes {', '.join(model.classes)}, the data set {', '.join(names)}; "
            "measure it on a set of its own classes"
        )
    return ClassDense(model, tuple(ClassWords(name, (name,)) for name in names))
