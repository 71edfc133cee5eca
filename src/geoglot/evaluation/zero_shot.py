"""Measure a model that reads words, with the class words and templates of a protocol."""

from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geoglot.datasets.dataset import Captioned, Mapped, Scenes
from geoglot.errors import InputError
from geoglot.evaluation.classification import decide, score_classes
from geoglot.evaluation.image_vectors import best_patches, encode_pictures
from geoglot.evaluation.metrics import Estimate
from geoglot.evaluation.protocols import Protocol
from geoglot.evaluation.retrieval import score_captions, score_queries
from geoglot.evaluation.scorecard import Measured, Run
from geoglot.evaluation.segmentation import coarsening, confusions, describe_unanswered, score_pixels, window_sides
from geoglot.index.search.scan import score_rows
from geoglot.models.base import VisionLanguageModel
from geoglot.scene.averaged import average
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import WordDense
from geoglot.scene.taught_scores import scores_of
from geoglot.scene.text_vectors import text_vectors
from geoglot.scene.wording import patch_notes, word_notes


@torch.inference_mode()
def measure_zero_shot(
    run: Run, samples: Scenes | Captioned | Mapped, model: VisionLanguageModel, protocol: Protocol
) -> Measured:
    """Metrics of classification, retrieval or segmentation; InputError for a model of other bands than RGB."""
    if model.card.bands != 3:
        raise InputError(f"{model.card.name} sees {model.card.bands} bands; data sets are read as red, green, blue")
    templates, classes = protocol.prompts(run.options.ensemble), dict[str, list[str]]()
    if isinstance(samples, Scenes):
        classes = {label.key: [protocol.call(label, run.dataset.name)] for label in samples.classes}
    elif isinstance(samples, Mapped):
        classes = {kind.name: list(kind.words) for kind in samples.classes}
    words = [ClassWords(name, tuple(words)) for name, words in classes.items()]
    facts = _facts(run, protocol, model) | {"classes": classes}
    if isinstance(samples, Mapped):
        coarser = 1.0 if protocol.own_pixels else coarsening(run.dataset.resolution, model.card.resolution)
        window_px = window_sides(WordDense(model).windows, samples, coarser)
        facts |= {"fit": "windows", "window_px": window_px, "coarser": coarser}
        notes = (*patch_notes(model), *word_notes(model, words, templates=templates))
        dense = average(scores_of(model, samples.classes, (), templates), run.options.flips, run.options.scales)
        matrices = confusions(dense, samples, run.options.batch, run.progress, coarser, run.refiner)
        return Measured(score_pixels(matrices, list(classes)), facts, (*notes, *describe_unanswered(matrices)))
    encode = partial(encode_pictures, model, samples.pictures, protocol.fit, run.options.batch, run.progress)
    if isinstance(samples, Captioned):
        embeddings, texts = encode(), model.encode_text([text for own in samples.captions for text in own]).cpu()
        owner = [image for image, own in enumerate(samples.captions) for _ in own]
        return Measured(score_captions(_compare(embeddings, texts), owner), facts | {"templates": ["{}"]})
    texts = text_vectors(model, [kind.words[0] for kind in words], templates).cpu()
    notes = word_notes(model, words, texts, templates=templates)  # before the pictures, since it may refuse words
    if run.task == "retrieval" and model.card.level == "pixel":
        names = tuple(label.key for label in samples.classes)
        scores = best_patches(model, samples.pictures, texts, protocol.fit, run.options.batch, run.progress)
        return Measured(score_queries(scores, samples.shows, names), facts | {"image": "best patch"}, notes)
    return Measured(_score_pictures(run, samples, encode(), texts, model.card.logit_scale), facts, notes)


def _compare(embeddings: Float[Tensor, "image dim"], texts: Float[Tensor, "text dim"]) -> Float[Tensor, "image text"]:
    """The scores by which an archive of the images is searched: exact, of float16 vectors as it stores them."""
    rows = np.arange(len(embeddings))
    return torch.from_numpy(score_rows([embeddings.half().numpy()], rows, texts.float().numpy()).T)


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
        **({"level": model.card.level} if model.card.level else {}),
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
        "precision": sorted({str(weights.dtype).removeprefix("torch.") for weights in model.parameters()}),
    }


def _score_pictures(
    run: Run,
    samples: Scenes,
    embeddings: Float[Tensor, "image dim"],
    texts: Float[Tensor, "class dim"],
    logit_scale: float,
) -> dict[str, Estimate]:
    names = tuple(label.key for label in samples.classes)
    if run.task == "retrieval":
        return score_queries(_compare(embeddings, texts), samples.shows, names)
    calibrated, transductive = run.options.calibrate, run.options.transductive
    scores = decide(embeddings, texts, logit_scale, calibrated=calibrated, transductive=transductive)
    return score_classes(scores, samples.shows.argmax(1), names)
