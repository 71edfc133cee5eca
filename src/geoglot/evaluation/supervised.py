"""Supervised segmentation: a trained segmenter on the classes that it was trained on."""

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
    """Metrics over whole images, put together from windows; on a set of tiles, tile by tile."""
    if not isinstance(samples, Mapped):
        raise InputError(f"{model.card.name} has classes of its own: it can be measured at segmentation only")
    names = [one.name for one in samples.classes]
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
    """The dense model of a segmenter for the classes of a data set; InputError if it has other classes."""
    if set(names) != set(model.classes):
        raise InputError(
            f"{model.card.name} has the classes {', '.join(model.classes)}, the data set {', '.join(names)}; "
            "measure it on a set of its own classes"
        )
    return ClassDense(model, tuple(ClassWords(name, (name,)) for name in names))
