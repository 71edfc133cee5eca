"""Stage 6: patches learn the words of what covers them.

    python recipes/mini/see.py DATA MINI WORK OUT [--steps 3000] [--seed 0] [--without water]

DATA has the folders `labelled` and `rsicd`, MINI is the folder of the model that stage 5 made. Text vectors stay as
they are. A step takes crops of labelled pictures and pictures of RSICD. Each labelled cell is compared with words of
every concept: with one word, a softmax asks which word fits best, and a logistic loss asks whether each word is there
at all. Words that a label leaves open are not asked. What has no labels is kept on purpose: mini itself teaches the
vectors of whole pictures and, for words that no label speaks of, the scores of all cells.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from concepts import Concepts, random_words, read_concepts
from phrases import read
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from train import lr_scale
from views import recolour, turn

from geoglot.models.base import normalise
from geoglot.models.mini.fine_path import WIDTH, FinePath
from geoglot.models.mini.mini import Mini
from geoglot.models.presence import Presence
from geoglot.models.zoo import load_word_model
from labelled import SETS, UNKNOWN, Picture, read_pictures

SIDE, CELL = 224, 8
FROZEN = 3  # blocks of the trunk that keep their weights: strides 2 and 4


@dataclass(frozen=True)
class Config:
    """Settings of the stage."""

    steps: int = 3000
    seed: int = 0
    batch: int = 16
    scenes: int = 5
    lr: float = 1.5e-3
    trunk_lr: float = 1.5e-4
    weight_decay: float = 0.02
    ema: float = 0.998
    words: int = 2
    """Words of every concept in a step."""
    absurd: int = 24
    others: int = 48
    there_weight: float = 1.0
    overlap_weight: float = 0.5
    extent_weight: float = 0.5
    image_weight: float = 2.0
    kept_weight: float = 1.0
    drift_weight: float = 30.0
    name_weight: float = 0.2
    nouns_weight: float = 0.5


class Seer(nn.Module):
    """mini with a path to stride 8, and the line between a word that is there and one that is not."""

    def __init__(self, mini: Mini) -> None:
        super().__init__()
        self.image = mini.image
        self.fine, self.presence = FinePath(mini.card.dim), Presence(mini.card.dim)
        self.extent = nn.Conv2d(WIDTH, 2, 1)  # the middle and the border of an object; learned beside, and not stored
        self.scale = nn.Parameter(torch.tensor(26.0).log())
        self.card = mini.card
        self.to(memory_format=torch.channels_last)
        self.image.trunk.stem.requires_grad_(False)
        for part in self.image.trunk.fine[:FROZEN]:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Seer:
        """The trunk's statistics stay; only the path's norms learn theirs."""
        super().train(mode)
        self.image.eval()
        return self

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Raw patches at stride 16, unit vectors at stride 8, and extents, for pixels 0..1."""
        trunk = self.image.trunk
        x = normalise(pixels, self.card.mean, self.card.std).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            quarter = trunk.fine[:FROZEN](F.relu6(trunk.stem(x)))
        eighth = trunk.fine[FROZEN:5](quarter)
        sixteenth = trunk.fine[5:](eighth)
        raw = self.image.merge(sixteenth, trunk.coarse(sixteenth))
        features = self.fine.features(quarter, eighth, raw)
        fine, extent = self.fine.embed(raw, features), self.extent(features)
        return raw, fine, extent


@dataclass(frozen=True)
class Crop:
    """A view of a picture, with labels in cells."""

    pixels: Tensor
    shares: Tensor
    """(class, rows8, cols8): which share of a cell each number of the set covers."""
    numbers: list[int]
    source: str
    extent: Tensor
    """(3, rows8, cols8): middle of an object, border of an object, and where both are known."""
    inside: Tensor
    """(rows8, cols8): the share of a cell that the picture covers."""


def crop_picture(picture: Picture, rng: torch.Generator) -> Crop:
    """A random square of a picture, enlarged or reduced, turned."""
    height, width = picture.truth.shape
    zoom = 2 ** float(torch.empty(()).uniform_(*ZOOMS.get(picture.source, (-1.0, 1.0)), generator=rng))
    if picture.source == "pool_chips":
        zoom = SIDE / 50 / 2 ** float(torch.rand((), generator=rng) * 1.5)
    side = max(32, min(int(SIDE / zoom), max(height, width)))
    top = int(torch.randint(0, max(height - side, 0) + 1, (), generator=rng))
    left = int(torch.randint(0, max(width - side, 0) + 1, (), generator=rng))
    if picture.objects.any() and torch.rand((), generator=rng) < 0.7:  # most of such a picture is empty
        rows, cols = np.nonzero(picture.objects)
        pick = int(torch.randint(0, len(rows), (), generator=rng))
        top = int(np.clip(rows[pick] - side * float(torch.rand((), generator=rng)), 0, max(height - side, 0)))
        left = int(np.clip(cols[pick] - side * float(torch.rand((), generator=rng)), 0, max(width - side, 0)))
    part = np.s_[top : top + side, left : left + side]
    size = SIDE * min(side, height) // side // 8 * 8 or 8, SIDE * min(side, width) // side // 8 * 8 or 8
    pixels = torch.from_numpy(picture.pixels[part].copy()).permute(2, 0, 1).float() / 255
    smaller = size[0] < pixels.shape[1]
    pixels = F.interpolate(pixels[None], size, mode="bilinear", antialias=smaller, align_corners=False)[0]
    shares = _shares(picture, part)
    planes = torch.cat([shares, _extent(picture, part), torch.ones_like(shares[:1])])
    planes = F.interpolate(planes[None], (size[0] // CELL, size[1] // CELL), mode="area")[0]
    pad = (0, SIDE - size[1], 0, SIDE - size[0])
    pixels = F.pad(pixels, pad)
    planes = F.pad(planes, tuple(value // CELL for value in pad))
    spin, flip = int(torch.randint(0, 4, (), generator=rng)), bool(torch.rand((), generator=rng) < 0.5)
    pixels, planes = (torch.rot90(x, spin, (1, 2)) for x in (pixels, planes))
    if flip:
        pixels, planes = pixels.flip(2), planes.flip(2)
    numbers = _numbers(picture.source)
    return Crop(pixels, planes[: len(numbers)], numbers, picture.source, planes[len(numbers) : -1], planes[-1])


ZOOMS = {
    "sentinel2_korea": (-0.5, 1.0),
    "semantic_drone": (-1.5, 1.0),
    "kampala_buildings": (-1.5, 1.0),
    "drone_solar": (-1.0, 1.0),
    "aerial_cars_uav": (-1.0, 1.0),
}
POOLED = 2  # number of a chip with a pool somewhere


def _numbers(source: str) -> list[int]:
    said = SETS[source]
    return [*map(int, said["classes"]), *([said["rest"]] if "rest" in said else [])]


def _shares(picture: Picture, part: tuple[slice, slice]) -> Tensor:
    truth = torch.from_numpy(picture.truth[part].copy())
    if POOLED in picture.truth and picture.source == "pool_chips":
        truth = torch.full_like(truth, UNKNOWN)
    return torch.stack([(truth == number).float() for number in _numbers(picture.source)])


def _extent(picture: Picture, part: tuple[slice, slice]) -> Tensor:
    """Middle and border of single objects (2, rows, cols), and where they are known."""
    ids = picture.objects[part]
    if picture.source not in OBJECTS:
        return torch.zeros(3, *ids.shape)
    from scipy.ndimage import distance_transform_edt, maximum

    inside = np.zeros(ids.shape, np.float32)
    border = np.zeros(ids.shape, bool)
    border[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    border[1:] |= ids[1:] != ids[:-1]
    depth = distance_transform_edt(~border & (ids > 0))
    numbers = np.unique(ids[ids > 0])
    if len(numbers):
        deepest = maximum(depth, ids, numbers)
        scale = np.zeros(ids.max() + 1, np.float32)
        scale[numbers] = 1 / np.maximum(deepest, 1)
        inside = depth * scale[ids]
    middle = (inside > 0.5).astype(np.float32)
    known = (picture.truth[part] != UNKNOWN) | (ids > 0)
    return torch.from_numpy(np.stack([middle, border.astype(np.float32), known.astype(np.float32)]))


OBJECTS = ("kampala_buildings", "hrplanes", "ucas_aod", "ship_google_earth", "aerial_cars_uav", "drone_solar")


@dataclass(frozen=True)
class CaptionWords:
    """Words of the thesaurus in captions, and which of them a picture's captions say, deny or leave open."""

    words: list[str]
    said: list[list[int]]
    """By scene: the words in two captions or more."""
    denied: list[list[int]]
    """By scene: striking words that are in no caption and far from all that are."""


def read_caption_words(
    scenes: list[dict], known: list[str], vectors: dict[str, Tensor], dull: list[str]
) -> CaptionWords:
    """`dull` words are seldom worth a mention, so their absence from captions says nothing."""
    counts = [_count_words(scene["captions"], set(known)) for scene in scenes]
    often = Counter(word for count in counts for word, times in count.items() if times >= 2)
    words = sorted(word for word, times in often.items() if times >= 15)
    usual = torch.stack([vectors[word][0] for word in known]).mean(0)
    own, plain = (F.normalize(torch.stack([vectors[w][0] for w in some]) - usual, dim=1) for some in (words, dull))
    alike, striking = own @ own.T > 0.45, (own @ plain.T).amax(1) < 0.5
    said, denied = [], []
    for count in counts:
        said.append([i for i, word in enumerate(words) if count[word] >= 2])
        near = alike[[i for i, word in enumerate(words) if count[word]]].any(0)
        denied.append((striking & ~near).nonzero()[:, 0].tolist())
    return CaptionWords(words, said, denied)


def _count_words(captions: list[str], known: set[str]) -> Counter[str]:
    """In how many captions each known word is."""
    count: Counter[str] = Counter()
    for caption in captions:
        words = re.findall(r"[a-z]+", caption.lower())
        count.update({" ".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words))} & known)
    return count


@dataclass
class Lessons:
    """Everything that is learned from, as vectors of words and pictures."""

    pictures: dict[str, list[Picture]]
    concepts: Concepts
    tables: dict[str, Tensor]
    vectors: dict[str, Tensor]
    """(template, dim) by word."""
    absurd: list[str]
    others: list[str]
    others_near: Tensor
    """(other, concept): the largest cosine of an other word to the words of a concept."""
    scenes: list[dict]
    caption_words: CaptionWords
    kinds: list[str]
    kind_words: dict[str, list[str]]
    root: Path


@torch.no_grad()
def word_vectors(mini: Mini, words: list[str], templates: list[str]) -> dict[str, Tensor]:
    """The vectors of words in all templates."""
    result = {}
    for word in words:
        result[word] = mini.encode_text([template.replace("{}", word) for template in templates]).clone()
    return result


def read_lessons(data: Path, mini: Mini, absurd: list[str], without: frozenset[str]) -> Lessons:
    """Read pictures, concepts and words."""
    concepts, book = read_concepts(without), read()
    pictures: dict[str, list[Picture]] = {}
    for picture in read_pictures(data / "labelled"):
        if not picture.aside:
            pictures.setdefault(picture.source, []).append(picture)
    labelled = {word for name in concepts.names if name not in concepts.left_out for word in concepts.words[name]}
    every = sorted({*(w for words in concepts.words.values() for w in words), *absurd, *book.words()})
    vectors = word_vectors(mini, every, book.names)
    others = [word for word in book.words() if word not in labelled]
    usual = torch.stack([vectors[word][0] for word in book.words()]).mean(0)  # what all words share
    plain = F.normalize(torch.stack([vectors[word][0] for word in others]) - usual, dim=1)
    columns = []
    for name in concepts.names:
        own = F.normalize(torch.stack([vectors[word][0] for word in concepts.words[name]]) - usual, dim=1)
        columns.append((plain @ own.T).amax(1) if name not in concepts.left_out else torch.full((len(plain),), -1.0))
    near = torch.stack(columns, 1)
    scenes = [json.loads(line) for line in (data / "rsicd/train.jsonl").open()]
    for index, scene in enumerate(scenes):
        scene["index"] = index
    dull = [word for name in NOUNS if name not in SALIENT for word in concepts.words[name]]
    caption_words = read_caption_words(scenes, every, vectors, dull)
    kinds = sorted({scene["image"].split("/")[-1].rsplit("_", 1)[0] for scene in scenes})
    return Lessons(
        pictures,
        concepts,
        {name: concepts.table(name) for name in SETS},
        vectors,
        absurd,
        others,
        near,
        scenes,
        caption_words,
        kinds,
        book.classes,
        data / "rsicd",
    )


def some(vectors: dict[str, Tensor], words: list[str], rng: np.random.Generator, plain: float = 0.3) -> Tensor:
    """The vector of each word in a random template, often in none."""
    rows = []
    for word in words:
        table = vectors[word]
        rows.append(table[0] if rng.random() < plain else table[int(rng.integers(len(table)))])
    return torch.stack(rows)


def dense_loss(
    seer: Seer, fine: Tensor, crops: list[Crop], lessons: Lessons, config: Config, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Softmax and logistic losses of labelled cells, and the overlap (Dice) of words with where they are."""
    words, owners = random_words(lessons.concepts, config.words, rng)
    absurd = [lessons.absurd[i] for i in rng.choice(len(lessons.absurd), config.absurd, replace=False)]
    picked = rng.choice(len(lessons.others), config.others, replace=False)
    others = [lessons.others[i] for i in picked]
    text = some(lessons.vectors, [*words, *absurd, *others], rng)
    cosines = torch.einsum("bdrc,wd->bwrc", fine, text)
    logits = seer.scale.exp() * cosines
    there = seer.presence.slope * (cosines - seer.presence.levels(text)[:, None, None])
    owner = torch.tensor(owners)
    ce, bce, overlap = [], [], []
    for row, crop in enumerate(crops):
        table = lessons.tables[crop.source][crop.numbers]  # (number, concept)
        said = torch.zeros(len(crop.numbers), text.shape[0])
        said[:, : len(words)] = table[:, owner]
        said[:, len(words) : len(words) + len(absurd)] = -1
        # Another word is wrong where it is far from every concept that the cell may be called.
        possible = (table >= 0) & torch.tensor(
            [name not in lessons.concepts.left_out for name in lessons.concepts.names]
        )
        closeness = torch.where(possible[:, None, :], lessons.others_near[picked][None], torch.full((), -1.0)).amax(2)
        speaks = (table > 0).any(1, keepdim=True)  # only a cell that has a name of its own
        said[:, len(words) + len(absurd) :] = torch.where(speaks & (closeness < 0.15), -1.0, 0.0)
        right, wrong = (said > 0).float(), (said < 0).float()
        best, worse = right.clone(), wrong.clone()
        _exclude(best, worse, crop, lessons, owners, rng)
        z, shares = logits[row].flatten(1), crop.shares.flatten(1)  # (word, cell), (number, cell)
        weights = balance(shares)
        total = z.new_zeros(())
        for k in range(len(crop.numbers)):
            cells = shares[k] > 0.25
            if not cells.any():
                continue
            w = shares[k, cells] * weights[k]
            if best[k].any():
                top = z[best[k] > 0][:, cells].logsumexp(0) - float(best[k].sum().log())
                below = z[worse[k] > 0][:, cells]
                part = torch.logaddexp(top, below.logsumexp(0)) - top
                total = total + (w * part).sum()
            elif wrong[k].any():  # anything but: the words of the set lose against the best of what may be there
                mine = wrong[k].clone()
                mine[len(words) :] = 0
                may = [
                    column
                    for column in range(len(words))
                    if not mine[column] and lessons.concepts.names[owners[column]] in PLAIN
                ]
                may = [may[int(index)] for index in rng.choice(len(may), min(10, len(may)), replace=False)]
                good = z[may][:, cells].logsumexp(0) - float(np.log(2))
                bad = z[mine > 0][:, cells].logsumexp(0)
                total = total + (w * F.softplus(bad - good)).sum()
        ce.append(total / (shares * weights[:, None]).sum().clamp(min=1))
        positive, negative = right.T @ shares, wrong.T @ shares
        if positive.sum() + negative.sum() == 0:
            continue
        x = there[row].flatten(1)
        # Words that are there count more than the many that are not; positives and negatives of a word count alike.
        count = positive.sum(1) + negative.sum(1)
        each = (positive * F.softplus(-x) + negative * F.softplus(x)).sum(1)[count > 0] / count[count > 0].clamp(min=1)
        important = torch.where(positive.sum(1)[count > 0] > 0, 5.0, 1.0)
        bce.append((each * important).sum() / important.sum())
        seen = positive.sum(1) > 2
        if seen.any():
            chance, on = x[seen].sigmoid(), positive[seen]
            asked = (on + negative[seen]).clamp(max=1)
            overlap.append((1 - (2 * (chance * on).sum(1) + 1) / ((chance * asked).sum(1) + on.sum(1) + 1)).mean())
    none = fine.new_zeros(())
    return torch.stack(ce).mean(), *(torch.stack(part).mean() if part else none for part in (bce, overlap))


def _exclude(
    best: Tensor, worse: Tensor, crop: Crop, lessons: Lessons, owners: list[int], rng: np.random.Generator
) -> None:
    """For the softmax: the words of a cell's own class are best, and the set's other classes are worse.

    The concepts that it also is are best where its own words are not asked, which is so now and then.
    """
    concepts, classes = lessons.concepts, {int(n): name for n, name in SETS[crop.source]["classes"].items()}
    owner = [concepts.names[index] for index in owners]
    for k, number in enumerate(crop.numbers):
        own = classes.get(number)
        if own is None or own in concepts.left_out:
            continue
        dropped = concepts.ancestors(own) and rng.random() < 0.3
        for column, name in enumerate(owner):
            if name == own:
                best[k, column] = 0.0 if dropped else 1.0
            elif not dropped and name in concepts.ancestors(own):
                best[k, column] = 0.0
                worse[k, column] = 1.0 if name in classes.values() else 0.0
            elif name in classes.values() and name not in concepts.ancestors(own):
                worse[k, column] = 1.0


#: Concepts that may be where a label says only what is not.
PLAIN = (
    "building",
    "road",
    "water",
    "trees",
    "vegetation",
    "grass",
    "field",
    "bare soil",
    "gravel",
    "rocks",
    "paved area",
)


def balance(shares: Tensor) -> Tensor:
    """Weights of numbers: rarer ones count more, by the root of how rare they are."""
    amount = shares.sum(1)
    part = amount / amount.sum().clamp(min=1)
    return (1 / (part + 0.02)) ** 0.5 * (amount > 0)


def pooled_loss(seer: Seer, fine: Tensor, rows: list[int], lessons: Lessons, rng: np.random.Generator) -> Tensor:
    """Chips with a pool somewhere: the best twelfth of the cells."""
    if not rows or "pool" in lessons.concepts.left_out:
        return fine.new_zeros(())
    words = lessons.concepts.words["pool"]
    text = some(lessons.vectors, [words[int(rng.integers(len(words)))]], rng)[0]
    x = torch.einsum("bdrc,d->brc", fine[rows], text).flatten(1)
    best = x.topk(max(1, x.shape[1] // 12), dim=1).values
    return F.softplus(-seer.presence.slope * (best - seer.presence.levels(text))).mean()


SALIENT = ("plane", "ship", "pool", "solar panel", "landslide")
WHOLE = {"forest": "trees", "farmland": "field", "meadow": "grass", "bareland": "bare soil", "desert": "bare soil"}
NOUNS = {
    "building": "building buildings house houses", "road": "road roads street highway",
    "water": "water river lake pond ocean sea", "pool": "pool pools", "trees": "tree trees forest",
    "grass": "lawn lawns grass meadow meadows", "field": "farmland farmlands fields", "bare soil": "bareland bare",
    "car": "car cars", "plane": "plane planes airplane airplanes", "ship": "ship ships boat boats",
}  # fmt: skip


def scene_loss(seer: Seer, fine: Tensor, scenes: list[dict], lessons: Lessons, rng: np.random.Generator) -> Tensor:
    """Nouns of captions: a concept that two people name is in the best twelfth of the cells; whole scenes are one."""
    losses = []
    for row, scene in enumerate(scenes):
        said = [set(caption.lower().replace(".", " ").split()) for caption in scene["captions"]]
        kind = scene["image"].split("/")[-1].rsplit("_", 1)[0]
        for concept, nouns in NOUNS.items():
            if concept in lessons.concepts.left_out:
                continue
            named = sum(bool(words & set(nouns.split())) for words in said)
            words = lessons.concepts.words[concept]
            text = some(lessons.vectors, [words[int(rng.integers(len(words)))]], rng)[0]
            x = seer.presence.slope * (
                torch.einsum("drc,d->rc", fine[row], text).flatten() - seer.presence.levels(text)
            )
            if WHOLE.get(kind) == concept and named:
                losses.append(F.softplus(-x).sort().values[: int(0.8 * len(x))].mean())
            elif named >= 2:
                losses.append(F.softplus(-x.topk(max(1, len(x) // 12)).values).mean())
            elif concept in SALIENT and not named and kind not in ("port", "airport", "resort", "beach", "river"):
                losses.append(F.softplus(x).mean())
        losses += _caption_losses(seer, fine[row], scene["index"], lessons, rng)
        absurd = [lessons.absurd[i] for i in rng.choice(len(lessons.absurd), 8, replace=False)]
        text = some(lessons.vectors, absurd, rng)
        x = seer.presence.slope * (
            torch.einsum("drc,wd->wrc", fine[row], text) - seer.presence.levels(text)[:, None, None]
        )
        losses.append(F.softplus(x).mean())
    return torch.stack(losses).mean()


def _caption_losses(seer: Seer, fine: Tensor, scene: int, lessons: Lessons, rng: np.random.Generator) -> list[Tensor]:
    """Words that captions say are in the best twelfth of the cells; words that they deny are in none."""
    known, losses = lessons.caption_words, []
    for those, most, sign in ((known.said[scene], 4, -1), (known.denied[scene], 12, 1)):
        if not those:
            continue
        words = [known.words[i] for i in rng.choice(those, min(most, len(those)), replace=False)]
        text = some(lessons.vectors, words, rng)
        x = (torch.einsum("drc,wd->wrc", fine, text) - seer.presence.levels(text)[:, None, None]).flatten(1)
        best = x.topk(max(1, x.shape[1] // 12), dim=1).values if sign < 0 else x
        losses.append(F.softplus(sign * seer.presence.slope * best).mean())
    return losses


def keep_image_loss(raw: Tensor, taught: Tensor) -> Tensor:
    """Vectors of whole pictures stay as they were."""
    mine, its = F.normalize(raw.mean((2, 3)), dim=1), F.normalize(taught.mean((2, 3)), dim=1)
    return (1 - (mine * its).sum(1)).mean()


def keep_words_loss(
    fine: Tensor, taught: Tensor, silent: Tensor, labelled: Tensor, others: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """What stays of mini's scores for words without labels.

    `silent` (picture, rows8, cols8) are the cells of which no label speaks. Where mini's best word has no label there,
    its scores of all words are the lesson, labelled ones too, which nothing else keeps down. Elsewhere the cosines of
    words without labels stay, each by itself.
    """
    large = F.normalize(F.interpolate(F.normalize(taught, dim=1), scale_factor=2, mode="bilinear"), dim=1)
    text = torch.cat([labelled, others])
    its, mine = (torch.einsum("bdrc,wd->brcw", vectors, text) for vectors in (large, fine))
    drift = (mine - its)[..., len(labelled) :].square().mean()
    chosen = silent & (its.argmax(3) >= len(labelled))
    if not chosen.any():
        return fine.new_zeros(()), drift
    wanted, given = (scale * its[chosen]).softmax(1), (scale * mine[chosen]).log_softmax(1)
    return (wanted * (wanted.clamp(min=1e-8).log() - given)).sum(1).mean(), drift


class Training:
    """A seer, its optimiser and the running mean of its weights."""

    def __init__(self, mini: Mini, teacher: Mini, lessons: Lessons, config: Config) -> None:
        self.seer, self.teacher, self.lessons, self.config = Seer(mini), teacher, lessons, config
        trunk = [p for p in self.seer.image.parameters() if p.requires_grad]
        rest = [
            *self.seer.fine.parameters(),
            *self.seer.presence.parameters(),
            *self.seer.extent.parameters(),
            self.seer.scale,
        ]
        groups = [{"params": trunk, "peak": config.trunk_lr}, {"params": rest, "peak": config.lr}]
        self.optimiser = torch.optim.AdamW(groups, lr=config.lr, weight_decay=config.weight_decay)
        mean = torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema)
        self.average = torch.optim.swa_utils.AveragedModel(self.seer, multi_avg_fn=mean, use_buffers=True)
        self.names = list(lessons.pictures)
        self.shares = np.array([SETS[name]["share"] for name in self.names])
        self.step = 0

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        state = {
            "step": self.step,
            "seer": self.seer.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Go on at a checkpoint."""
        state = torch.load(path, weights_only=True)
        self.step = state["step"]
        self.seer.load_state_dict(state["seer"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])

    def advance(self) -> dict[str, float]:
        """One step."""
        config, lessons, step = self.config, self.lessons, self.step
        rng = np.random.default_rng((config.seed, step, 7))
        draw = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        chosen = rng.choice(len(self.names), config.batch, p=self.shares / self.shares.sum())
        crops, chips = [], []
        for index in chosen:
            pictures = lessons.pictures[self.names[index]]
            picture = pictures[int(rng.integers(len(pictures)))]
            if picture.source == "pool_chips" and POOLED in picture.truth:
                chips.append(len(crops))
            crops.append(crop_picture(picture, draw))
        scenes = [lessons.scenes[i] for i in rng.choice(len(lessons.scenes), config.scenes, replace=False)]
        views = torch.stack([self._scene(scene, draw) for scene in scenes])
        pixels = recolour(torch.cat([torch.stack([crop.pixels for crop in crops]), views]), draw)
        raw, fine, extent = self.seer(pixels)
        count = len(crops)
        with torch.no_grad():
            taught = self.teacher.image(
                normalise(pixels, self.seer.card.mean, self.seer.card.std).contiguous(memory_format=torch.channels_last)
            )
        words, _ = random_words(lessons.concepts, 1, rng)
        picked = [lessons.others[i] for i in rng.choice(len(lessons.others), 96, replace=False)]
        texts = some(lessons.vectors, words, rng), some(lessons.vectors, picked, rng)
        silent = torch.ones(len(pixels), SIDE // CELL, SIDE // CELL, dtype=torch.bool)
        for row, crop in enumerate(crops):
            silent[row] = (crop.shares.sum(0) < 0.05) & (crop.inside > 0.99)
        ce, bce, overlap = dense_loss(self.seer, fine[:count], crops, lessons, config, rng)
        image = keep_image_loss(raw, taught)
        kept, drift = keep_words_loss(fine, taught, silent, *texts, self.seer.card.logit_scale)
        planes = torch.stack([crop.extent for crop in crops])
        known = planes[:, 2:]
        edge = F.binary_cross_entropy_with_logits(
            extent[:count], planes[:, :2].clamp(0, 1), weight=known * (1 + 4 * planes[:, :2]), reduction="sum"
        ) / known.sum().clamp(min=1)
        parts = {
            "ce": ce,
            "there": config.there_weight * bce,
            "overlap": config.overlap_weight * overlap,
            "pool": 0.2 * pooled_loss(self.seer, fine, chips, lessons, rng),
            "nouns": config.nouns_weight * scene_loss(self.seer, fine[count:], scenes, lessons, rng),
            "names": config.name_weight * self._names(raw[count:], scenes, rng),
            "image": config.image_weight * image,
            "kept": config.kept_weight * kept,
            "drift": config.drift_weight * drift,
            "extent": config.extent_weight * edge,
        }
        loss = sum(parts.values())
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * lr_scale(step / config.steps)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.seer.parameters(), 1.0)
        self.optimiser.step()
        self.average.update_parameters(self.seer)
        self.step += 1
        return {"loss": loss.item(), **{name: part.item() for name, part in parts.items()}}

    def _scene(self, scene: dict, draw: torch.Generator) -> Tensor:
        image = Image.open(self.lessons.root / scene["image"]).convert("RGB").resize((SIDE, SIDE))
        return turn(torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255, draw)

    def _names(self, raw: Tensor, scenes: list[dict], rng: np.random.Generator) -> Tensor:
        """Names of the 30 classes against whole pictures."""
        words = [
            self.lessons.kind_words[kind][int(rng.integers(len(self.lessons.kind_words[kind])))]
            for kind in self.lessons.kinds
        ]
        text = some(self.lessons.vectors, words, rng)
        truth = torch.tensor(
            [self.lessons.kinds.index(scene["image"].split("/")[-1].rsplit("_", 1)[0]) for scene in scenes]
        )
        return F.cross_entropy(26.3 * F.normalize(raw.mean((2, 3)), dim=1) @ text.T, truth, label_smoothing=0.05)


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("start", type=str)
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--steps", default=Config.steps)
@click.option("--seed", default=0)
@click.option("--batch", default=Config.batch)
@click.option("--without", default="", help="Concepts that no label may speak of, separated by commas.")
@click.option("--warm", type=click.Path(exists=True, path_type=Path), help="Weights to begin with.")
@click.option("--absurd", type=click.Path(exists=True, path_type=Path), required=True)
def command(
    data: Path, start: str, work: Path, steps: int, seed: int, batch: int, without: str, absurd: Path, warm: Path | None
) -> None:
    """Train; WORK gets checkpoint and weights."""
    config = Config(steps=steps, seed=seed, batch=batch)
    torch.manual_seed(seed)
    mini, teacher = load_word_model(start), load_word_model(start)
    teacher.requires_grad_(False).eval()
    teacher.image.to(memory_format=torch.channels_last)
    words = absurd.read_text().split()
    lessons = read_lessons(data, teacher, words, frozenset(filter(None, without.split(","))))
    training = Training(mini, teacher, lessons, config)
    if warm:
        training.seer.load_state_dict(load_file(warm))
    work.mkdir(parents=True, exist_ok=True)
    path = work / "checkpoint.pt"
    if path.exists():
        training.load(path)
    training.seer.train()
    (work / "config.json").write_text(json.dumps({**asdict(config), "without": without}))
    began, first, seen = time.monotonic(), training.step, []
    while training.step < config.steps:
        seen.append(training.advance())
        if training.step % 20 == 0:
            pace = (time.monotonic() - began) / (training.step - first)
            mean = {name: round(sum(part[name] for part in seen) / len(seen), 3) for name in seen[0]}
            seen = []
            print(
                training.step,
                mean,
                f"{pace:.2f} s a step, {pace * (config.steps - training.step) / 60:.0f} min left",
                flush=True,
            )
        if training.step % 200 == 0:
            training.save(path)
    training.save(path)
    state = {
        name.removeprefix("module."): v
        for name, v in training.average.state_dict().items()
        if name.startswith("module.")
    }
    save_file({name: v.contiguous() for name, v in state.items()}, work / "seer.safetensors")


if __name__ == "__main__":
    command()
