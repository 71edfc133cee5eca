"""Zero-shot evaluation: a model that reads words, by a protocol's words and templates."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.datasets.dataset import Captioned, Mapped, Scenes
from geoglot.errors import InputError
from geoglot.evaluation.classification import decide, score_classes
from geoglot.evaluation.image_vectors import encode_pictures
from geoglot.evaluation.metrics import Estimate
from geoglot.evaluation.protocols import Protocol
from geoglot.evaluation.retrieval import score_captions, score_queries
from geoglot.evaluation.scorecard import Measured, Run
from geoglot.evaluation.segmentation import coarsening, confusions, score_pixels, window_sides
from geoglot.models.base import VisionLanguageModel
from geoglot.scene.averaged import average
from geoglot.scene.class_words import ClassWords, text_vectors
from geoglot.scene.dense import WordDense, WordScores
from geoglot.scene.wording import word_notes


@torch.inference_mode()
def measure_zero_shot(
    run: Run, samples: Scenes | Captioned | Mapped, model: VisionLanguageModel, protocol: Protocol
) -> Measured:
    """Metrics of classification, retrieval or segmentation; InputError for a model of other bands than RGB."""
    if model.card.bands != 3:
        raise InputError(f"{model.card.name} sees {model.card.bands} bands; data sets are read as red, green, blue")
    templates, classes = protocol.prompts(run.options.ensemble), _class_words(run, samples, protocol)
    words = [ClassWords(name, tuple(words)) for name, words in classes.items()]
    facts = _facts(run, protocol, model) | {"classes": classes}
    if isinstance(samples, Mapped):
        coarser = 1.0 if protocol.own_pixels else coarsening(run.dataset.resolution, model.card.resolution)
        window_px = window_sides(WordDense(model).windows, samples, coarser)
        facts |= {"fit": "windows", "window_px": window_px, "coarser": coarser}
        notes = word_notes(model, words, templates=templates)
        return Measured(_map_pixels(run, samples, model, templates, coarser), facts, notes)
    encode = partial(encode_pictures, model, samples.pictures, protocol.fit, run.options.batch, run.progress)
    if isinstance(samples, Captioned):
        return Measured(_match_captions(samples, model, encode()), facts | {"templates": ["{}"]})
    texts = text_vectors(model, [one.words[0] for one in words], templates).cpu()
    notes = word_notes(model, words, texts, templates=templates)  # before the pictures, since it may refuse words
    return Measured(_compare(run, samples, encode(), texts, model.card.logit_scale), facts, notes)


def _class_words(run: Run, samples: Scenes | Captioned | Mapped, protocol: Protocol) -> dict[str, list[str]]:
    """The words of each class for the templates; captions have none."""
    if isinstance(samples, Scenes):
        return {label.key: [protocol.call(label, run.dataset.name)] for label in samples.classes}
    return {one.name: list(one.words) for one in samples.classes} if isinstance(samples, Mapped) else {}


def _facts(run: Run, protocol: Protocol, model: VisionLanguageModel) -> dict[str, Any]:
    """Everything that decides the metrics, in the order of the document."""
    options = run.options
    return {
        "name": protocol.name,
        "source": protocol.source,
        "templates": list(protocol.prompts(options.ensemble)),
        "classes": {},
        "fit": protocol.fit,
        "side": model.card.tile_size,
        **({"window_px": []} if run.task == "segmentation" else {}),
        "split": run.split,
        "resolution_m": run.dataset.resolution,
        "coarser": 1.0,
        "ensemble": options.ensemble,
        "calibrate": options.calibrate,
        "transductive": options.transductive,
        "flips": options.flips,
        "scales": list(options.scales),
        "refine": run.refine,
        "limit": options.limit,
        "precision": sorted({str(one.dtype).removeprefix("torch.") for one in model.parameters()}),
    }


def _map_pixels(
    run: Run, samples: Mapped, model: VisionLanguageModel, templates: tuple[str, ...], coarser: float
) -> dict[str, Estimate]:
    dense = average(WordScores(model, samples.classes, (), templates), run.options.flips, run.options.scales)
    matrices = confusions(dense, samples, run.options.batch, run.progress, coarser, run.refiner)
    return score_pixels(matrices, [one.name for one in samples.classes])


def _match_captions(
    samples: Captioned, model: VisionLanguageModel, embeddings: Float[Tensor, "image dim"]
) -> dict[str, Estimate]:
    texts = model.encode_text([text for own in samples.captions for text in own]).cpu()
    owner = [image for image, own in enumerate(samples.captions) for _ in own]
    return score_captions(embeddings @ texts.T, owner)


def _compare(
    run: Run,
    samples: Scenes,
    embeddings: Float[Tensor, "image dim"],
    texts: Float[Tensor, "class dim"],
    logit_scale: float,
) -> dict[str, Estimate]:
    """Metrics of retrieval by class, or of classification."""
    names = tuple(label.key for label in samples.classes)
    if run.task == "retrieval":
        return score_queries(embeddings @ texts.T, samples.shows, names)
    calibrated, transductive = run.options.calibrate, run.options.transductive
    scores = decide(embeddings, texts, logit_scale, calibrated=calibrated, transductive=transductive)
    return score_classes(scores, samples.shows.argmax(1), names)
