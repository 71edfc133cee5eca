"""One model, one data set, one protocol: the scorecard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.aliases import PathLike, Progress
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Asked, Captioned, DataSet, Mapped, Samples, Scenes, Task
from geoglot.datasets.layout import MaskedImages
from geoglot.errors import InputError, ModelError, SourceError
from geoglot.evaluation.classification import decide, score_classes
from geoglot.evaluation.image_vectors import encode_pictures
from geoglot.evaluation.metrics import Estimate
from geoglot.evaluation.protocols import Protocol, protocol_of
from geoglot.evaluation.retrieval import score_captions, score_queries
from geoglot.evaluation.scorecard import Scorecard
from geoglot.evaluation.segmentation import coarsening, confusions, score_pixels, window_sides
from geoglot.evaluation.submit import SERVERS, Submission, submit
from geoglot.evaluation.vqa import answer_all, score_questions
from geoglot.models.base import VisionLanguageModel
from geoglot.models.segmenter import Segmenter
from geoglot.models.zoo import Model, load_model
from geoglot.options import EvaluateOptions, ReadOptions
from geoglot.outputs.journal import fingerprint
from geoglot.outputs.made import Made
from geoglot.scene.averaged import average
from geoglot.scene.class_words import ClassWords, text_vectors
from geoglot.scene.dense import ClassDense, WordDense, WordScores, reads_words
from geoglot.scene.wording import word_notes
from geoglot.tasks.ask.ask import Asker
from geoglot.tasks.ask.ask_options import AskOptions
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
    progress: Progress | None = None,
) -> Scorecard:
    """Measure a model on a data set that lies in the folder `data` as it is published.

    Raises InputError for what cannot be meant and SourceError for what is missing, before any model is loaded.
    """
    options, chosen, found = options or EvaluateOptions(), protocol_of(protocol), dataset_of(dataset)
    refiner = choose_refiner(refiner)
    split = options.split or chosen.splits.get(found.name) or next(iter(found.splits))
    _check(task, found, split, chosen, options, refiner)
    if not Path(data).is_dir():
        raise SourceError(f"there is no folder {data}; put {found.title} there, from {found.page}")
    found = replace(found, resolution=found.resolution_of(Path(data)))
    whole = found.read(Path(data), split)
    samples = _limited(whole, options.limit)
    model = load_model(model, device=options.device)
    if isinstance(samples, Asked):
        return _asked(model, found, samples, split, options, len(whole), progress)
    if not reads_words(model):
        return _supervised(model, found, samples, split, options, refiner, len(whole), progress)
    if model.card.bands != 3:
        raise InputError(f"{model.card.name} sees {model.card.bands} bands; data sets are read as red, green, blue")
    run = _Run(model, chosen, found, options, refiner, progress)
    with torch.inference_mode():
        texts, told = run.read(samples)
        metrics = run.measure(task, samples, texts)
    notes = (*_notes(found, split, len(whole), samples), *told)
    return Scorecard(task, found.name, model.card.name, run.facts(samples, split), len(samples), metrics, notes)


def _asked(
    model: Model,
    dataset: DataSet,
    samples: Asked,
    split: str,
    options: EvaluateOptions,
    here: int,
    progress: Progress | None,
) -> Scorecard:
    """Questions by the rules planner, without a language model: what a scene is asked is what `ask` would be."""
    read = ReadOptions(batch=options.batch, resolution=dataset.resolution and dataset.resolution[0])

    def opened(image: int, themes: tuple[str, ...]) -> Asker:
        options = AskOptions(themes=themes) if len(themes) > 1 else AskOptions()
        return Asker.open(samples.images[image], model=model, read=read, options=options)

    with torch.inference_mode():
        scored = answer_all(samples, opened, progress)
    facts = {
        "name": "rsvqa", "split": split, "planner": "rules", "questions": len(scored),
        "resolution_m": dataset.resolution,
        "counts": "RSVQA's ranges; exact/... asks for the very number", "refusals": "count as wrong",
        "limit": options.limit,
    }  # fmt: skip
    notes = _notes(dataset, split, here, samples)
    metrics = score_questions(scored, len(samples))
    return Scorecard("vqa", dataset.name, model.card.name, facts, len(samples), metrics, notes)


def _supervised(
    model: Segmenter,
    dataset: DataSet,
    samples: Samples,
    split: str,
    options: EvaluateOptions,
    refiner: Refiner | None,
    here: int,
    progress: Progress | None,
) -> Scorecard:
    """A trained segmenter on its own classes, stitched over whole images; on tiles of a set, tile by tile."""
    if not isinstance(samples, Mapped):
        raise InputError(f"{model.card.name} has classes of its own: it can be measured at segmentation only")
    names = [one.name for one in samples.classes]
    dense = average(segmenter_for(model, tuple(names)), options.flips, options.scales)
    matrices = confusions(dense, samples, options.batch, progress, refiner=refiner)
    facts = {
        "name": "supervised", "split": split, "classes": names, "side": model.card.tile_size,
        "window_px": window_sides(dense.windows, samples), "flips": options.flips,
        "scales": list(options.scales), "refine": refiner.name if refiner else "none", "limit": options.limit,
        "trained_on": model.card.source,
    }  # fmt: skip
    notes = _notes(dataset, split, here, samples)
    return Scorecard(
        "segmentation", dataset.name, model.card.name, facts, len(samples), score_pixels(matrices, names), notes
    )


def write_submission(
    dataset: str,
    data: PathLike,
    output: Path,
    *,
    model: Model | PathLike,
    options: EvaluateOptions | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Submission:
    """The archive that a test server wants, of the maps of a split whose masks are not public (`test`)."""
    options, found = options or EvaluateOptions(), dataset_of(dataset)
    if not isinstance(found, MaskedImages) or found.name not in SERVERS:
        raise InputError(f"no server takes maps of {found.name}; there are those of {' and '.join(SERVERS)}")
    if output.suffix != ".zip":
        raise InputError(f"the archive is a .zip, not {output.name!r}")
    model = load_model(model, device=options.device)
    if reads_words(model):
        raise ModelError(f"{model.card.name} has no classes of its own; geoglot train segment makes such models")
    own = segmenter_for(model, tuple(one.name for one in found.classes))
    dense = average(own, options.flips, options.scales)
    split, made = options.split or "test", Made("submit", output)
    views = {"flips": options.flips, "scales": options.scales}
    facts = {"data": str(data), "split": split, "model": model.card.sha256} | views
    made.start(fingerprint(facts | {"dataset": dataset}), overwrite)
    return submit(dense, found, Path(data), split, made, options.batch, progress)


def segmenter_for(model: Segmenter, names: tuple[str, ...]) -> ClassDense:
    """The dense model of a segmenter whose classes are those of a set; InputError where they are not."""
    if set(names) != set(model.classes):
        raise InputError(
            f"{model.card.name} has the classes {', '.join(model.classes)}, the data set {', '.join(names)}; "
            "measure it on a set of its own classes"
        )
    return ClassDense(model, tuple(ClassWords(name, (name,)) for name in names))


def _check(
    task: Task, dataset: DataSet, split: str, protocol: Protocol, options: EvaluateOptions, refiner: Refiner | None
) -> None:
    dataset.check(task, split)
    protocol.prompts(options.ensemble)
    if task != "classification" and (options.calibrate or options.transductive):
        raise InputError(f"calibration and transduction are for classification, not for {task}")
    if task != "segmentation" and (options.flips != "none" or options.scales != (1.0,)):
        raise InputError(f"flips and scales are for segmentation, not for {task}")
    if task != "segmentation" and refiner is not None:
        raise InputError(f"borders of maps are refined, so --refine is for segmentation, not for {task}")
    if options.limit is not None and options.limit < 1:
        raise InputError(f"the limit is at least one image, not {options.limit}")


def _limited(samples: Samples, limit: int | None) -> Samples:
    if limit is None or limit >= len(samples):
        return samples
    return samples.take(np.linspace(0, len(samples) - 1, limit).round().astype(int).tolist())


def _notes(dataset: DataSet, split: str, here: int, samples: Samples) -> tuple[str, ...]:
    published = dataset.splits.get(split)
    used = len(samples)
    notes = list(samples.notes) if isinstance(samples, Mapped) else []
    if published is not None and here != published:
        images = "1 image is" if here == 1 else f"{here:,} images are"
        notes.append(f"{images} here, {published:,} are published: the figures do not compare with others")
    if used < here:
        notes.append(f"{used:,} of {here:,} images {'was' if used == 1 else 'were'} measured")
    return tuple(notes)


@dataclass(frozen=True)
class _Run:
    """One measurement: pictures and words become vectors once, then figures."""

    model: VisionLanguageModel
    protocol: Protocol
    dataset: DataSet
    options: EvaluateOptions
    refiner: Refiner | None
    progress: Progress | None

    @property
    def templates(self) -> tuple[str, ...]:
        return self.protocol.prompts(self.options.ensemble)

    def read(self, samples: Scenes | Captioned | Mapped) -> tuple[Float[Tensor, "class dim"] | None, tuple[str, ...]]:
        """The vector of each class of scenes, and what is to be told of all classes' words; captions have none."""
        words = [ClassWords(name, tuple(words)) for name, words in self.asked(samples).items()]
        if not words:
            return None, ()
        single = isinstance(samples, Scenes)
        texts = text_vectors(self.model, [one.words[0] for one in words], self.templates).cpu() if single else None
        return texts, word_notes(self.model, words, texts, templates=self.templates)

    def measure(
        self, task: Task, samples: Scenes | Captioned | Mapped, texts: Float[Tensor, "class dim"] | None
    ) -> dict[str, Estimate]:
        """The figures of a task; `texts` are what `read` gives."""
        if isinstance(samples, Mapped):
            return self._pixels(samples)
        vectors = encode_pictures(self.model, samples.pictures, self.protocol.fit, self.options.batch, self.progress)
        if isinstance(samples, Captioned):
            captions = self.model.encode_text([text for texts in samples.captions for text in texts]).cpu()
            owner = [image for image, texts in enumerate(samples.captions) for _ in texts]
            return score_captions(vectors @ captions.T, owner)
        names = tuple(label.key for label in samples.classes)
        assert texts is not None
        if task == "retrieval":
            return score_queries(vectors @ texts.T, samples.shows, names)
        scores = decide(
            vectors, texts, self.model.card.logit_scale,
            calibrated=self.options.calibrate, transductive=self.options.transductive,
        )  # fmt: skip
        return score_classes(scores, samples.shows.argmax(1), names)

    def _pixels(self, samples: Mapped) -> dict[str, Estimate]:
        words = WordScores(self.model, samples.classes, (), self.templates)
        dense = average(words, self.options.flips, self.options.scales)
        matrices = confusions(
            dense,
            samples,
            self.options.batch,
            self.progress,
            self._coarser,
            self.refiner,
        )
        return score_pixels(matrices, [one.name for one in samples.classes])

    @property
    def _coarser(self) -> float:
        """How much larger pixels are than the set's own when a map is made."""
        own = self.protocol.own_pixels
        return 1.0 if own else coarsening(self.dataset.resolution, self.model.card.resolution)

    def facts(self, samples: Scenes | Captioned | Mapped, split: str) -> dict[str, Any]:
        """Everything that decides the figures."""
        protocol, options = self.protocol, self.options
        return {
            "name": protocol.name,
            "source": protocol.source,
            "templates": list(self.templates) if not isinstance(samples, Captioned) else ["{}"],
            "classes": self.asked(samples),
            "fit": protocol.fit if not isinstance(samples, Mapped) else "windows",
            "side": self.model.card.tile_size,
            **self._windows(samples),
            "split": split,
            "resolution_m": self.dataset.resolution,
            "coarser": self._coarser if isinstance(samples, Mapped) else 1.0,
            "ensemble": options.ensemble,
            "calibrate": options.calibrate,
            "transductive": options.transductive,
            "flips": options.flips,
            "scales": list(options.scales),
            "refine": self.refiner.name if self.refiner else "none",
            "limit": options.limit,
            "precision": sorted({str(one.dtype).removeprefix("torch.") for one in self.model.parameters()}),
        }

    def _windows(self, samples: Scenes | Captioned | Mapped) -> dict[str, list[int]]:
        """Sides of the windows that maps are made of."""
        if not isinstance(samples, Mapped):
            return {}
        return {"window_px": window_sides(WordDense(self.model).windows, samples, self._coarser)}

    def asked(self, samples: Scenes | Captioned | Mapped) -> dict[str, list[str]]:
        """What stands for each class in the templates."""
        if isinstance(samples, Scenes):
            return {label.key: [self.protocol.call(label, self.dataset.name)] for label in samples.classes}
        return {one.name: list(one.words) for one in samples.classes} if isinstance(samples, Mapped) else {}
