"""The losses of labelled cells: which word fits best, whether each is there at all, and how well a map overlaps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from concepts import WRONG, random_words
from crops import Crop
from labelled_picture import SETS
from seer import Seer
from torch import Tensor
from word_lessons import Lessons

_WORDS, _ABSURD, _OTHERS = 2, 24, 48  # words in a step: of every concept, absurd ones, others of the thesaurus
#: Cosines below which an other word is surely wrong where a concept is, and below which it fits less well
_UNLIKE, _WORSE = 0.15, 0.4
_SEEN = 0.25  # share of a cell from which a number counts in the softmax
_RARE, _RARE_BESIDE_REST = 0.5, 0.3  # by which power of its rarity a class of a crop counts more
_PRESENT = 5.0  # weight of a word that is in a crop, beside those that are not
_ABOVE = 0.3  # how often the words of a class are not asked, so that those of its parents are best
_RIVALS = 4  # words that may be where a label says only what is not
_BESIDE = (2, 8)  # such words on a map: two at least, and fewer than eight
_LEAST = 2.0  # cells that a class must cover for its overlap to count
#: Concepts that may be anywhere
PLAIN = (
    "building", "road", "water", "trees", "vegetation", "grass", "field", "bare soil", "gravel", "rocks", "paved area",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The words of a step."""

    text: Tensor
    """(word, dim): words of concepts, absurd words, others."""
    owners: list[str]
    """The concept of each of the first words."""
    near: Tensor
    """(other, concept): how near the other words are to concepts."""

    @property
    def plain(self) -> list[int]:
        """The words that may be anywhere."""
        return [column for column, name in enumerate(self.owners) if name in PLAIN]


@dataclass(frozen=True)
class Said:
    """What the labels of a crop say: (number, word), 1 or 0."""

    right: Tensor
    wrong: Tensor
    worse: Tensor
    """Words that fit less well than those that are right, although they may be there, too."""


def draw_words(lessons: Lessons, rng: np.random.Generator) -> Asked:
    """The words of a step, each in a random template."""
    words, owners = random_words(lessons.concepts, _WORDS, rng)
    absurd = [lessons.absurd[i] for i in rng.choice(len(lessons.absurd), _ABSURD, replace=False)]
    picked = rng.choice(len(lessons.others), _OTHERS, replace=False)
    text = lessons.some([*words, *absurd, *(lessons.others[i] for i in picked)], rng)
    return Asked(text, [lessons.concepts.names[owner] for owner in owners], lessons.others_near[picked])


def labelled_losses(
    seer: Seer, fine: Tensor, crops: list[Crop], lessons: Lessons, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Softmax, logistic, overlap and map losses of the cells of crops; `fine` is (crop, dim, rows8, cols8)."""
    asked, softmax, logistic, overlap = draw_words(lessons, rng), [], [], []
    maps = dict[str, list[tuple[Tensor, Tensor]]]()
    for cells, crop in zip(fine, crops, strict=True):
        said, shares = _read_labels(crop, asked, lessons), crop.shares.flatten(1)
        cosines = torch.einsum("drc,wd->wrc", cells, asked.text).flatten(1)
        z = seer.scale.exp() * cosines
        softmax.append(_softmax_loss(z, crop, _exclude(said, crop, asked, lessons, rng), asked, rng))
        maps.setdefault(crop.source, []).append(_map_shares(z, crop, asked, lessons, rng))
        positive, negative = said.right.T @ shares, said.wrong.T @ shares
        if positive.any() or negative.any():
            odds = seer.chances(cosines, asked.text)
            logistic.append(_logistic_loss(odds, positive, negative))
            overlap += _overlap_loss(odds, positive, negative)
    none = fine.new_zeros(())
    mapped = [torch.stack(losses).mean() for losses in map(_map_loss, maps.values()) if losses]
    first, second, third, fourth = (
        torch.stack(part).mean() if part else none for part in (softmax, logistic, overlap, mapped)
    )
    return first, second, third, fourth


def _map_shares(
    z: Tensor, crop: Crop, asked: Asked, lessons: Lessons, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Twice (class, cell): how likely a map is to show each class of the set, and its share, from logits (word, cell).

    As on a map, the best word of a class counts, and the best of some rivals. What has no label has no part.
    """
    classes = {int(number): name for number, name in SETS[crop.source]["classes"].items()}
    mine = [name for name in dict.fromkeys(classes.values()) if name not in lessons.concepts.left_out]
    shares = crop.shares.flatten(1)
    own = [shares[[row for row, n in enumerate(crop.numbers) if classes.get(n) == name]].sum(0) for name in mine]
    if not mine:
        return shares[:0], shares[:0]
    best = [z[[column for column, owner in enumerate(asked.owners) if owner == name]].amax(0) for name in mine]
    rivals = _draw_rivals(mine, asked, lessons, rng) if "rest" in SETS[crop.source] else []
    best += [z[rivals].amax(0).detach()] if rivals else []
    speaks = (lessons.tables[crop.source][crop.numbers] != 0).any(1)
    return torch.stack(best).softmax(0)[: len(mine)] * shares[speaks].sum(0), torch.stack(own)


def _draw_rivals(mine: list[str], asked: Asked, lessons: Lessons, rng: np.random.Generator) -> list[int]:
    """Columns of words for what may be where none of some concepts is."""
    far = [name for name in PLAIN if all(lessons.concepts.relation(own, name) == WRONG for own in mine)]
    may = [column for column, owner in enumerate(asked.owners) if owner in far]
    return rng.choice(may, min(int(rng.integers(*_BESIDE)), len(may)), replace=False).tolist() if may else []


def _map_loss(parts: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
    """Minus the logarithm of the soft Dice of each class of a set over all its crops: a map is scored by overlaps.

    The logarithm takes up classes that were given up, on which Dice itself has hardly a gradient.
    """
    likely, own = (torch.cat(those, 1) for those in zip(*parts, strict=True))
    seen = own.sum(1) > _LEAST
    return list(-_dice(likely[seen], own[seen]).log())


def _dice(likely: Tensor, own: Tensor) -> Tensor:
    """The overlap of each row, all (row, cell)."""
    dice: Tensor = (2 * (likely * own).sum(1) + 1) / (likely.sum(1) + own.sum(1) + 1)
    return dice


def _read_labels(crop: Crop, asked: Asked, lessons: Lessons) -> Said:
    concepts = lessons.concepts
    table = lessons.tables[crop.source][crop.numbers]  # (number, concept)
    said = torch.zeros(len(crop.numbers), len(asked.text))
    count = len(asked.owners)
    said[:, :count] = table[:, [concepts.names.index(name) for name in asked.owners]]
    said[:, count : count + _ABSURD] = -1
    # An other word is wrong where it is far from every concept that the cell may be called.
    possible = (table >= 0) & torch.tensor([name not in concepts.left_out for name in concepts.names])
    closeness = torch.where(possible[:, None], asked.near[None], torch.full((), -1.0)).amax(2)
    speaks = (table > 0).any(1, keepdim=True)  # only a cell that has a name of its own
    said[:, count + _ABSURD :] = torch.where(speaks & (closeness < _UNLIKE), -1.0, 0.0)
    worse = (said < 0).float()
    worse[:, count + _ABSURD :] = (speaks & (closeness < _WORSE)).float()
    return Said((said > 0).float(), (said < 0).float(), worse)


def _exclude(said: Said, crop: Crop, asked: Asked, lessons: Lessons, rng: np.random.Generator) -> Said:
    """For the softmax: the words of a cell's own class are best, and the other classes of the set are worse.

    The concepts that it also is are best where its own words are not asked, which is so now and then. Of green ground,
    all that it may be is best.
    """
    concepts, classes = lessons.concepts, {int(n): name for n, name in SETS[crop.source]["classes"].items()}
    best, worse = said.right.clone(), said.worse.clone()
    for row, number in enumerate(crop.numbers):
        if number in concepts.growing and lessons.tables[crop.source][number].any():
            best[row, : len(asked.owners)] = torch.tensor([name in concepts.growing[number] for name in asked.owners])
    for row, own in enumerate(map(classes.get, crop.numbers)):
        if own is None or own in concepts.left_out:
            continue
        above = concepts.ancestors(own)
        dropped = bool(above) and rng.random() < _ABOVE
        for column, name in enumerate(asked.owners):
            if name == own:
                best[row, column] = float(not dropped)
            elif name not in above:
                worse[row, column] = max(worse[row, column], float(name in classes.values()))
            elif not dropped:
                best[row, column], worse[row, column] = 0.0, float(name in classes.values())
    return replace(said, right=best, worse=worse)


def _softmax_loss(z: Tensor, crop: Crop, said: Said, asked: Asked, rng: np.random.Generator) -> Tensor:
    """Logits (word, cell) against the labels of the cells of a crop."""
    shares, total = crop.shares.flatten(1), z.new_zeros(())
    weights = _balance(shares, _RARE_BESIDE_REST if "rest" in SETS[crop.source] else _RARE)
    for row, (right, wrong) in enumerate(zip(said.right > 0, said.worse > 0, strict=True)):
        cells = shares[row] > _SEEN
        if not cells.any():
            continue
        here, own = z[:, cells], wrong[: len(asked.owners)]
        if right.any():
            top = here[right].logsumexp(0) - float(right.sum().log())
            loss = torch.logaddexp(top, here[wrong].logsumexp(0)) - top
        elif own.any():  # anything but: the words of the set lose against the best of what may be there
            mine = own.nonzero()[:, 0].tolist()
            may = [column for column in asked.plain if column not in mine]
            may = [may[int(index)] for index in rng.choice(len(may), min(_RIVALS, len(may)), replace=False)]
            # A map takes the best word, too. The rivals stand still: else one of them would come to win everywhere.
            loss = F.softplus(here[mine].amax(0) - here[may].amax(0).detach())
        else:
            continue
        total = total + (weights[row] * shares[row, cells] * loss).sum()
    part: Tensor = total / (shares * weights[:, None]).sum().clamp(min=1)
    return part


def _balance(shares: Tensor, power: float) -> Tensor:
    """Weights of numbers: rarer ones count somewhat more."""
    amount = shares.sum(1)
    part = amount / amount.sum().clamp(min=1)
    return (1 / (part + 0.05)) ** power * (amount > 0)


def _logistic_loss(odds: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """All (word, cell). Words that are there count more than the many that are not."""
    count = positive.sum(1) + negative.sum(1)
    known = count > 0
    each = (positive * F.softplus(-odds) + negative * F.softplus(odds)).sum(1)[known] / count[known].clamp(min=1)
    important = torch.where(positive.sum(1)[known] > 0, _PRESENT, 1.0)
    return (each * important).sum() / important.sum()


def _overlap_loss(odds: Tensor, positive: Tensor, negative: Tensor) -> list[Tensor]:
    """One minus the soft Dice of the words that a crop has, all (word, cell); few cells count as much as many."""
    seen = positive.sum(1) > _LEAST
    if not seen.any():
        return []
    chance, on = odds[seen].sigmoid(), positive[seen]
    asked = (on + negative[seen]).clamp(max=1)
    return [(1 - _dice(chance * asked, on)).mean()]


def extent_loss(extent: Tensor, crops: list[Crop]) -> Tensor:
    """Middles and borders of single objects, (crop, 2, rows8, cols8)."""
    planes = torch.stack([crop.extent for crop in crops])
    wanted, known = planes[:, :2].clamp(0, 1), planes[:, 2:]
    loss = F.binary_cross_entropy_with_logits(extent, wanted, weight=known * (1 + 4 * wanted), reduction="sum")
    return loss / known.sum().clamp(min=1)


def pool_loss(seer: Seer, fine: Tensor, crops: list[Crop], lessons: Lessons, rng: np.random.Generator) -> Tensor:
    """Chips with a pool somewhere: the best twelfth of the cells."""
    rows = [row for row, crop in enumerate(crops) if crop.pooled]
    if not rows or "pool" in lessons.concepts.left_out:
        return fine.new_zeros(())
    words = lessons.concepts.words["pool"]
    text = lessons.some([words[int(rng.integers(len(words)))]], rng)
    odds = seer.chances(torch.einsum("bdrc,wd->wbrc", fine[rows], text), text)[0].flatten(1)
    return F.softplus(-best_twelfth(odds)).mean()


def best_twelfth(odds: Tensor) -> Tensor:
    """The highest values of the last dimension."""
    return odds.topk(max(1, odds.shape[-1] // 12), dim=-1).values
