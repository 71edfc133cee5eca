"""How good a head is on ground that it did not see: labels are held out by blocks of ground, all of a block at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from geoglot.evaluation.metrics import class_accuracies, confusion, ious
from geoglot.training.teach.examples import Examples
from geoglot.training.teach.fit import Head

_FOLDS = 5


@dataclass(frozen=True)
class Figures:
    """What a head makes of patches in blocks that it was not taught by, and what the words alone make of them."""

    iou: tuple[float | None, ...]
    """By class; None for a class that lies in one block only, as there is nothing to learn it from elsewhere."""
    accuracy: tuple[float | None, ...]
    """The share of its patches that get the class."""
    iou_by_words: tuple[float | None, ...]
    miou: float | None
    miou_by_words: float | None


def hold_out(examples: Examples) -> Figures:
    """Teach heads without some blocks, and let each answer for the patches in them."""
    count, folds = len(examples.prior), _folds(examples)
    answers = np.full(len(examples.classes), -1)
    for fold in np.unique(folds):
        out = folds == fold
        if out.all():
            continue
        answers[out] = examples.fit(~out).answers(examples.vectors[out])
    apart = np.array([len(np.unique(folds[examples.classes == kind])) > 1 for kind in range(count)])
    scored = (answers >= 0) & apart[examples.classes]
    by_words = Head(examples.prior, np.zeros(count, np.float32)).answers(examples.vectors)
    truth, right = examples.classes[scored], (answers == examples.classes)[scored]
    accuracy = class_accuracies(right, truth, count, np.ones(len(truth), np.int64))
    mine, theirs = (ious(confusion(truth, each[scored], count)) for each in (answers, by_words))
    known = apart & ~np.isnan(mine)
    iou, right_share, by_name = (
        tuple(float(value) if ok else None for value, ok in zip(each, known, strict=True))
        for each in (mine, accuracy, theirs)
    )
    means = [float(each[known].mean()) if known.any() else None for each in (mine, theirs)]
    return Figures(iou, right_share, by_name, *means)


def _folds(examples: Examples) -> Int[np.ndarray, " patch"]:
    """The fold of each patch: blocks in up to five groups, so that each class is in as many of them as can be."""
    blocks, index = np.unique(examples.blocks, return_inverse=True)
    table = np.zeros((len(blocks), len(examples.prior)))
    _, first = np.unique(examples.labels, return_index=True)
    np.add.at(table, (index[first], examples.classes[first]), 1)
    share, folds = table / np.maximum(table.sum(0), 1), np.zeros((min(_FOLDS, len(blocks)), len(examples.prior)))
    chosen = np.zeros(len(blocks), np.int64)
    for block in np.argsort(-share.sum(1), kind="stable"):
        crowding = (folds * share[block]).sum(1)
        chosen[block] = np.lexsort((folds.sum(1), crowding))[0]
        folds[chosen[block]] += share[block]
    return chosen[index]
