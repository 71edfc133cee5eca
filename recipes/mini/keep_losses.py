"""What keeps the vocabulary open in stage 6: captions, the names of scenes, and mini as it was."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from concepts import random_words
from crops import Crop
from patch_losses import PLAIN, best_twelfth
from seer import Seer
from torch import Tensor
from word_lessons import Lessons, Scene

_SAID, _DENIED, _ABSURD, _FAR_WORDS = 4, 12, 8, 96  # words in a step
_REST = 0.1  # weight of cells of which a label says only what they are not
_MOST = 0.8  # share of the cells of a scene that is of one kind as a whole
_WHOLE = {"forest": "trees", "farmland": "field", "meadow": "grass", "bareland": "bare soil", "desert": "bare soil"}
_SALIENT = ("plane", "ship", "pool")  # people would have named them
_DOUBTFUL = ("port", "airport", "resort", "beach", "river")  # scenes in which these may be there unnamed
_NOUNS = {
    "building": "building buildings house houses", "road": "road roads street highway",
    "water": "water river lake pond ocean sea", "pool": "pool pools", "trees": "tree trees forest",
    "grass": "lawn lawns grass meadow meadows", "field": "farmland farmlands fields", "bare soil": "bareland bare",
    "car": "car cars", "plane": "plane planes airplane airplanes", "ship": "ship ships boat boats",
}  # fmt: skip


def scene_loss(seer: Seer, fine: Tensor, scenes: list[int], lessons: Lessons, rng: np.random.Generator) -> Tensor:
    """Words of captions, concepts that they name, and absurd words, in the cells (scene, dim, rows8, cols8)."""
    losses = []
    for cells, index in zip(fine.flatten(2), scenes, strict=True):
        losses += _concept_losses(seer, cells, lessons.scenes[index], lessons, rng)
        losses += _caption_losses(seer, cells, index, lessons, rng)
        absurd = [lessons.absurd[i] for i in rng.choice(len(lessons.absurd), _ABSURD, replace=False)]
        losses.append(F.softplus(_odds(seer, cells, absurd, lessons, rng)).mean())
    return torch.stack(losses).mean()


def _odds(seer: Seer, cells: Tensor, words: list[str], lessons: Lessons, rng: np.random.Generator) -> Tensor:
    """Log-odds (word, cell)."""
    text = lessons.some(words, rng)
    return seer.chances(text @ cells, text)


def _concept_losses(
    seer: Seer, cells: Tensor, scene: Scene, lessons: Lessons, rng: np.random.Generator
) -> list[Tensor]:
    """A concept that two people name is in the best twelfth of the cells; some scenes are one concept."""
    said, losses = [set(caption.lower().replace(".", " ").split()) for caption in scene.captions], []
    for concept in (name for name in _NOUNS if name in lessons.concepts.spoken):
        named = sum(bool(words & set(_NOUNS[concept].split())) for words in said)
        words = lessons.concepts.words[concept]
        odds = _odds(seer, cells, [words[int(rng.integers(len(words)))]], lessons, rng)[0]
        if _WHOLE.get(scene.kind) == concept and named:
            losses.append(F.softplus(-odds).sort().values[: int(_MOST * len(odds))].mean())
        elif named >= 2:
            losses.append(F.softplus(-best_twelfth(odds)).mean())
        elif concept in _SALIENT and not named and scene.kind not in _DOUBTFUL:
            losses.append(F.softplus(odds).mean())
    return losses


def _caption_losses(seer: Seer, cells: Tensor, scene: int, lessons: Lessons, rng: np.random.Generator) -> list[Tensor]:
    """Words that captions say are in the best twelfth of the cells; words that they deny are in none."""
    known, losses = lessons.caption_words, []
    for those, most, there in ((known.said[scene], _SAID, True), (known.denied[scene], _DENIED, False)):
        if those:
            words = [known.words[i] for i in rng.choice(those, min(most, len(those)), replace=False)]
            odds = _odds(seer, cells, words, lessons, rng)
            losses.append(F.softplus(-best_twelfth(odds) if there else odds).mean())
    return losses


def green_loss(seer: Seer, fine: Tensor, grown: Tensor, lessons: Lessons, rng: np.random.Generator) -> Tensor:
    """Green cells, by their numbers (scene, rows8, cols8), are something that grows, whatever it is."""
    growing, losses = lessons.concepts.growing, []
    words, owners = random_words(lessons.concepts, 1, rng)
    names = [lessons.concepts.names[owner] for owner in owners]
    plain = [column for column, name in enumerate(names) if name in PLAIN]
    text = lessons.some(words, rng)[plain]
    for number, may in growing.items():
        likely = (seer.scale.exp() * fine.permute(0, 2, 3, 1)[grown == number] @ text.T).log_softmax(1)
        losses.append(-likely[:, [names[column] in may for column in plain]].logsumexp(1))
    cells = torch.cat(losses) if losses else fine.new_zeros(0)
    return cells.mean() if len(cells) else fine.new_zeros(())


def name_loss(raw: Tensor, scenes: list[int], lessons: Lessons, scale: float, rng: np.random.Generator) -> Tensor:
    """The names of the scenes' classes against whole pictures (scene, dim, rows16, cols16)."""
    kinds, names = lessons.kinds, lessons.thesaurus.classes
    words = [names[kind][int(rng.integers(len(names[kind])))] for kind in kinds]
    truth = torch.tensor([kinds.index(lessons.scenes[index].kind) for index in scenes])
    images = F.normalize(raw.mean((2, 3)), dim=1)
    return F.cross_entropy(scale * images @ lessons.some(words, rng).T, truth, label_smoothing=0.05)


def image_loss(raw: Tensor, taught: Tensor) -> Tensor:
    """Vectors of whole pictures stay as they were."""
    mine, its = F.normalize(raw.mean((2, 3)), dim=1), F.normalize(taught.mean((2, 3)), dim=1)
    return (1 - (mine * its).sum(1)).mean()


def word_losses(
    fine: Tensor, taught: Tensor, crops: list[Crop], lessons: Lessons, scale: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """What stays of mini's scores for words that no label can move; the first pictures are crops.

    Where no label speaks and mini's best word is such a word, its scores of all words are the lesson, labelled ones
    too, which nothing else keeps down. Where no label names what is there, the cosines of these words stay, each by
    itself; elsewhere that would hold the vectors where they are, for these words reach in all directions. Where a label
    says only what is not there, mini says how likely each of the other plain concepts is.
    """
    labelled, far = random_words(lessons.concepts, 1, rng)[0], lessons.far
    others = [far[i] for i in rng.choice(len(far), _FAR_WORDS, replace=False)]
    text = torch.cat([lessons.some(labelled, rng), lessons.some(others, rng)])
    large = F.normalize(F.interpolate(F.normalize(taught, dim=1), scale_factor=2, mode="bilinear"), dim=1)
    its, mine = (torch.einsum("bdrc,wd->brcw", vectors, text) for vectors in (large, fine))
    named, told = _labelled(len(fine), crops, lessons)
    drift = (mine - its)[~named][:, len(labelled) :].square().mean()
    chosen = ~told & (its.argmax(3) >= len(labelled))
    kept = _divergence(scale * its[chosen], scale * mine[chosen]) if chosen.any() else fine.new_zeros(())
    rest = [
        _divergence(scale * its[row][cells][:, may], scale * mine[row][cells][:, may])
        for row, (crop, cells) in enumerate(zip(crops, told & ~named, strict=False))
        if cells.any() and len(may := _may_be(crop, cells, lessons)) > 1
    ]
    return kept + (_REST * torch.stack(rest).mean() if rest else 0), drift


def _divergence(taught: Tensor, given: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of logits (cell, word) from those that teach them."""
    wanted = taught.softmax(1)
    return (wanted * (wanted.clamp(min=1e-8).log() - given.log_softmax(1))).sum(1).mean()


def _may_be(crop: Crop, cells: Tensor, lessons: Lessons) -> list[int]:
    """The columns, among the spoken concepts, of plain ones that no label of some cells of a crop denies."""
    says = lessons.tables[crop.source][crop.numbers]
    only_denies = ~(says > 0).any(1) & (crop.shares[:, cells].sum(1) > 0)  # a trace of what is named says nothing here
    denied = (says < 0)[only_denies].any(0)
    concepts = lessons.concepts
    may = {name for name, no in zip(concepts.names, denied.tolist(), strict=True) if name in PLAIN and not no}
    return [column for column, name in enumerate(concepts.spoken) if name in may]


def _labelled(pictures: int, crops: list[Crop], lessons: Lessons) -> tuple[Tensor, Tensor]:
    """Twice (picture, rows8, cols8): where a label names what is there, and where it says anything at all."""
    named, told = torch.zeros(2, pictures, *crops[0].inside.shape, dtype=torch.bool)
    for row, crop in enumerate(crops):
        says = lessons.tables[crop.source][crop.numbers]  # (number, concept)
        outside = crop.inside < 0.99
        named[row] = (crop.shares[(says > 0).any(1)].sum(0) > 0.05) | outside
        told[row] = (crop.shares[(says != 0).any(1)].sum(0) > 0.05) | outside
    return named, told
